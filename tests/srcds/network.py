# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network of the test's own, with addresses that are not 127/8, and plain clients of what a server speaks. They
share no code with the server: the bytes are those that the descriptions of the protocols show."""
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C
IFF_UP = 1
SERVER, ALICE, BOB, CAROL = '192.0.2.1', '192.0.2.11', '192.0.2.12', '192.0.2.13'
TIMEOUT = 20


def own_network():
    """The calling process, and what it starts, gets a network namespace with a few addresses on lo. Root is not
    needed where user namespaces are allowed."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if uid else 0)) != 0:
        raise OSError(ctypes.get_errno(), 'no network namespace to be had')
    if uid:
        for name, text in (('setgroups', 'deny'), ('uid_map', f'{uid} {uid} 1'), ('gid_map', f'{gid} {gid} 1')):
            with open(f'/proc/self/{name}', 'w', encoding='ascii') as f:
                f.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        def ioctl(request, name, data):
            return fcntl.ioctl(s, request, struct.pack('16s24s', name.encode(), data))

        ioctl(SIOCSIFFLAGS, 'lo', struct.pack('<H', struct.unpack('<H', ioctl(SIOCGIFFLAGS, 'lo', b'')[16:18])[0] | IFF_UP))
        for i, address in enumerate((SERVER, ALICE, BOB, CAROL), 1):
            sockaddr = struct.pack('<H2x4s', socket.AF_INET, socket.inet_aton(address))
            ioctl(SIOCSIFADDR, f'lo:{i}', sockaddr)
            ioctl(SIOCSIFNETMASK, f'lo:{i}', struct.pack('<H2x4s', socket.AF_INET, b'\xff' * 4))


class Rcon:
    """A connection to the remote console, from an address of choice."""

    VALUE, EXEC, AUTH_RESPONSE, AUTH = 0, 2, 2, 3

    def __init__(self, port, address=ALICE, server=SERVER):
        self.socket = socket.create_connection((server, port), TIMEOUT, (address, 0))
        self.next_id = 100

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, kind, request, body=b''):
        self.socket.sendall(struct.pack('<iii', len(body) + 10, request, kind) + body + b'\0\0')

    def exactly(self, size):
        data = b''
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError:
                more = b''
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        """(id, type, body without the two NULs at the end)"""
        size, request, kind = struct.unpack('<iii', self.exactly(12))
        return request, kind, self.exactly(size - 8)[:-2]

    def is_closed(self):
        """Waits for the end."""
        try:
            while True:
                self.receive()
        except EOFError:
            return True

    def authenticate(self, password):
        self.next_id += 1
        self.send(self.AUTH, self.next_id, password.encode())
        assert self.receive() == (self.next_id, self.VALUE, b'')
        request, kind, body = self.receive()
        assert kind == self.AUTH_RESPONSE and body == b'' and request in (self.next_id, -1)
        return request != -1

    def packets(self, command):
        """The bodies of an answer; a mirrored marker ends it."""
        self.next_id += 2
        self.send(self.EXEC, self.next_id, command.encode())
        self.send(self.VALUE, self.next_id + 1)
        bodies = []
        while True:
            request, kind, body = self.receive()
            assert kind == self.VALUE
            if request == self.next_id + 1:
                assert body == b''
                assert self.receive() == (request, self.VALUE, b'\0\1\0\0')
                return bodies
            assert request == self.next_id
            bodies.append(body)

    def run(self, command):
        return b''.join(self.packets(command)).decode(errors='replace')


class Query:
    """A2S from an address of choice. What comes is bytes; a challenge is answered if that is wanted."""

    INFO = b'\xff\xff\xff\xffTSource Engine Query\0'
    PLAYER, RULES = b'\xff\xff\xff\xffU', b'\xff\xff\xff\xffV'

    def __init__(self, port, address=ALICE, server=SERVER):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.bind((address, 0))
        self.socket.connect((server, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, request):
        self.socket.send(request)
        return self.socket.recv(65536)

    def challenge(self, request=INFO):
        reply = self.ask(request if request == self.INFO else request + b'\xff' * 4)
        assert len(reply) == 9 and reply[:5] == b'\xff\xff\xff\xffA', reply
        return reply[5:]

    def parts(self, request):
        """The datagrams that answer a request with its challenge."""
        first = self.ask(request + self.challenge(request))
        if not first.startswith(b'\xfe'):
            return [first]
        return [first] + [self.socket.recv(65536) for _ in range(first[8] - 1)]

    def reply(self, request):
        parts = self.parts(request)
        if len(parts) > 1:
            assert len({p[:9] for p in parts}) == 1
            parts = [p[12:] for p in sorted(parts, key=lambda p: p[9])]
        reply = b''.join(parts)
        assert reply.startswith(b'\xff\xff\xff\xff')
        return Reader(reply[4:])


class Reader:
    """Fields of a reply, one after the other."""

    def __init__(self, data):
        self.data = data

    def take(self, layout):
        size = struct.calcsize(layout)
        values = struct.unpack(layout, self.data[:size])
        self.data = self.data[size:]
        return values[0] if len(values) == 1 else values

    def text(self):
        value, self.data = self.data.split(b'\0', 1)
        return value.decode(errors='replace')


def info(query):
    r = query.reply(Query.INFO)
    assert r.take('<c') == b'I'
    names = ['protocol', 'name', 'map', 'folder', 'game']
    fields = dict(zip(names, [r.take('<B')] + [r.text() for _ in range(4)]))
    names = ['app', 'players', 'max', 'bots', 'kind', 'os', 'password', 'vac']
    fields |= zip(names, r.take('<HBBBccBB'))
    fields['version'] = r.text()
    edf = r.take('<B')
    assert edf == 0xB1
    fields['port'], fields['steamid'] = r.take('<HQ')
    fields['keywords'] = r.text()
    fields['game id'] = r.take('<Q')
    assert r.data == b''
    return fields


def players(query):
    r = query.reply(Query.PLAYER)
    assert r.take('<c') == b'D'
    found = []
    for _ in range(r.take('<B')):
        assert r.take('<B') == 0
        found.append((r.text(), *r.take('<if')))
    assert r.data == b''
    return found


def rules(query):
    r = query.reply(Query.RULES)
    assert r.take('<c') == b'E'
    found = [(r.text(), r.text()) for _ in range(r.take('<H'))]
    assert r.data == b'' and len(dict(found)) == len(found)
    return dict(found)
