# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus as tests need it: calls that do not wait, signals in their order, file descriptors, raw replies for benchmarks.

    with wire.Bus() as bus:
        (path,) = bus.call(*wire.MANAGER, "GetInstance", "s", "versus-1")

Values that come: variants are unpacked, dictionaries are dicts, structs are tuples, arrays are lists.
Values that go in a variant are V(signature, value).
"""

import array
import collections
import os
import socket
import struct
import time

BUS = "org.freedesktop.DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
NAME = "org.left4me.Manager1"
ROOT = "/org/left4me/Manager1"
MANAGER = (NAME, ROOT, NAME)
SYSTEMD = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_AUTO_START, INTERACTIVE = 2, 4
FIXED = {"y": ("B", 1), "n": ("h", 2), "q": ("H", 2), "i": ("i", 4), "u": ("I", 4), "x": ("q", 8), "t": ("Q", 8),
         "d": ("d", 8), "b": ("I", 4), "h": ("I", 4)}
FIELDS = {1: "path", 2: "interface", 3: "member", 4: "error", 5: "reply_serial", 6: "destination", 7: "sender",
          8: "signature", 9: "fd_count"}
ALIGN = {"s": 4, "o": 4, "a": 4, "g": 1, "v": 1, "(": 8, "{": 8}

V = collections.namedtuple("V", "signature value")


class BusError(Exception):
    """A call that was answered by an error: name is its D-Bus name."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Message:
    def __init__(self, kind, fields, body, fds):
        self.kind, self.body, self.fds = kind, body, fds
        for key in FIELDS.values():
            setattr(self, key, fields.get(key))

    def values(self):
        if not self.signature:
            return []
        values = Reader(self.body).read_all(self.signature)
        return [self.fds[v] if s == "h" else v for s, v in zip(split(self.signature), values)]

    def __repr__(self):
        return f"{self.path} {self.interface}.{self.member} {self.values() if self.kind != CALL else ''}"


def one(signature, at):
    """Where the complete type that begins at `at` ends."""
    if signature[at] == "a":
        return one(signature, at + 1)
    if signature[at] not in "({":
        return at + 1
    depth = 0
    for end in range(at, len(signature)):
        depth += (signature[end] in "({") - (signature[end] in ")}")
        if depth == 0:
            return end + 1
    raise ValueError(signature)


def split(signature):
    types, at = [], 0
    while at < len(signature):
        end = one(signature, at)
        types.append(signature[at:end])
        at = end
    return types


def align_of(kind):
    return FIXED[kind[0]][1] if kind[0] in FIXED else ALIGN[kind[0]]


class Writer:
    def __init__(self):
        self.data = bytearray()

    def pad(self, to):
        self.data += bytes(-len(self.data) % to)

    def write_all(self, signature, values):
        types = split(signature)
        if len(types) != len(values):
            raise ValueError(f"{signature} needs {len(types)} values, not {len(values)}")
        for kind, value in zip(types, values):
            self.write(kind, value)
        return self

    def write(self, kind, value):
        code = kind[0]
        self.pad(align_of(kind))
        if code in FIXED:
            self.data += struct.pack("<" + FIXED[code][0], value)
        elif code in "so":
            text = value if isinstance(value, bytes) else value.encode()
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif code == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif code == "v":
            self.write("g", value.signature)
            self.write(value.signature, value.value)
        elif code in "({":
            self.write_all(kind[1:-1], value)
        else:
            self.write_array(kind[1:], value)

    def write_array(self, kind, values):
        length_at = len(self.data)
        self.data += bytes(4)
        self.pad(align_of(kind))
        begin = len(self.data)
        for value in values.items() if kind[0] == "{" else values:
            self.write(kind, value)
        struct.pack_into("<I", self.data, length_at, len(self.data) - begin)


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def pad(self, to):
        self.at += -self.at % to

    def read_all(self, signature):
        return [self.read(kind) for kind in split(signature)]

    def text(self, length):
        begin = self.at
        self.at += length + 1
        return self.data[begin:begin + length].decode()

    def read(self, kind):
        code = kind[0]
        self.pad(align_of(kind))
        if code in FIXED:
            (value,) = struct.unpack_from("<" + FIXED[code][0], self.data, self.at)
            self.at += FIXED[code][1]
            return bool(value) if code == "b" else value
        if code in "so":
            return self.text(self.read("u"))
        if code == "g":
            return self.text(self.read("y"))
        if code == "v":
            return self.read(self.read("g"))
        if code in "({":
            return tuple(self.read_all(kind[1:-1]))
        return self.read_array(kind[1:])

    def read_array(self, kind):
        length = self.read("u")
        self.pad(align_of(kind))
        end, values = self.at + length, []
        while self.at < end:
            values.append(self.read(kind))
        return dict(values) if kind[0] == "{" else values


class Bus:
    """One connection to the system bus. Nothing is read but in calls of ours; signals wait in `signals`."""

    def __init__(self, path="/run/dbus/system_bus_socket"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer, self.fds = bytearray(), []
        self.serial = 0
        self.replies, self.signals = {}, collections.deque()
        self.authenticate()
        (self.name,) = self.call(BUS, "/org/freedesktop/DBus", BUS, "Hello")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)

    def authenticate(self):
        uid = str(os.geteuid()).encode().hex()
        self.socket.sendall(b"\0" + f"AUTH EXTERNAL {uid}\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n".encode())
        text = b""
        while text.count(b"\r\n") < 2:
            text += self.socket.recv(1)
        if not text.startswith(b"OK ") or b"AGREE_UNIX_FD" not in text:
            raise ConnectionError(f"the bus does not let us in: {text}")

    def post(self, destination, path, interface, member, signature="", *values, flags=0):
        """Sends a call; its reply comes by wait(serial)."""
        self.serial += 1
        body = bytes(Writer().write_all(signature, values).data)
        fields = [(1, V("o", path)), (3, V("s", member)), (6, V("s", destination))]
        if interface:
            fields.append((2, V("s", interface)))
        if signature:
            fields.append((8, V("g", signature)))
        head = Writer().write_all("yyyyuua(yv)", (ord("l"), CALL, flags, 1, len(body), self.serial, fields))
        head.pad(8)
        self.socket.sendall(bytes(head.data) + body)
        return self.serial

    def wait_raw(self, serial, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while serial not in self.replies:
            self.receive(deadline)
        return self.replies.pop(serial)

    def wait(self, serial, timeout=120):
        reply = self.wait_raw(serial, timeout)
        if reply.kind == ERROR:
            values = reply.values()
            raise BusError(reply.error, values[0] if values else "")
        return reply.values()

    def call(self, destination, path, interface, member, signature="", *values, timeout=120, flags=0):
        return self.wait(self.post(destination, path, interface, member, signature, *values, flags=flags), timeout)

    def get(self, destination, path, interface, name):
        return self.call(destination, path, PROPERTIES, "Get", "ss", interface, name)[0]

    def get_all(self, destination, path, interface):
        return self.call(destination, path, PROPERTIES, "GetAll", "s", interface)[0]

    def match(self, rule):
        self.call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", "s", rule)

    def next_signal(self, timeout):
        """The oldest signal that was not taken yet, or None after so many seconds without one."""
        deadline = time.monotonic() + timeout
        while not self.signals:
            try:
                self.receive(deadline)
            except TimeoutError:
                return None
        return self.signals.popleft()

    def receive(self, deadline):
        """Reads one message and puts it where it belongs."""
        while (size := self.message_size()) is None or len(self.buffer) < size:
            self.fill(deadline)
        message = self.parse(bytes(self.buffer[:size]))
        del self.buffer[:size]
        if message.kind == SIGNAL:
            self.signals.append(message)
        elif message.reply_serial is not None:
            self.replies[message.reply_serial] = message

    def fill(self, deadline):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("no message came from the bus")
        self.socket.settimeout(left)
        data, control, _, _ = self.socket.recvmsg(1 << 20, 1024)
        self.socket.settimeout(None)
        if not data:
            raise ConnectionError("the bus hung up")
        for level, kind, payload in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
                self.fds += fds
        self.buffer += data

    def message_size(self):
        if len(self.buffer) < 16:
            return None
        body, _, fields = struct.unpack_from("<III", self.buffer, 4)
        return 16 + fields + -fields % 8 + body

    def parse(self, data):
        if data[0] != ord("l"):
            raise ValueError("a message of the other byte order")
        reader = Reader(data)
        _, kind, _, _, body, _, pairs = reader.read_all("yyyyuua(yv)")
        fields = {FIELDS[code]: value for code, value in pairs if code in FIELDS}
        count = fields.get("fd_count", 0)
        fds, self.fds = self.fds[:count], self.fds[count:]
        return Message(kind, fields, data[len(data) - body:], fds)


def instance_path(name):
    return f"{ROOT}/instance/{encode(name)}"


def overlay_path(name):
    return f"{ROOT}/overlay/{encode(name)}"


def encode(name):
    """sd_bus_path_encode(): letters and digits stay, a digit at the beginning does not."""
    out = []
    for at, c in enumerate(name.encode()):
        plain = chr(c).isascii() and chr(c).isalnum() and not (at == 0 and chr(c).isdigit())
        out.append(chr(c) if plain else f"_{c:02x}")
    return "".join(out) or "_"
