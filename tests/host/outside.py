# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world outside of the host: a second network namespace at the other end of a veth pair, for containers and virtual machines alike.

    with outside.Outside() as world:                       # or self.world = outside.Outside.for_test(self)
        sock = world.socket(outside.IPV6)                  # a socket out there, used from here
        world.run("ping", "-c1", outside.HOST[4])          # a command out there (begin() does not wait for its end)
        with world.capture() as packets:                   # what arrives there
            ...
            p = packets.next(lambda p: p.proto == "udp" and p.sport == 27100)
            p.dscp, p.version, p.source, p.payload
        player = world.player(27100); ...; player.end()    # traffic.py: a player at a stand-in server, with what he met

The host's end is the interface game0 (HOST), the other one is net0 in the namespace `outside`, which has COUNT addresses of each kind
(address(4, n), address(6, n)): so many hosts can speak. Two with different names and ranges can be up at a time. The queueing disciplines
of both ends are the kernel's; a shaper of the host acts on what goes out there.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import host

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
CLONE_NEWNET = 0x40000000
TRAFFIC, FLOOD = (os.path.join(os.path.dirname(os.path.abspath(__file__)), name) for name in ("traffic.py", "flood.py"))
RANGE = {4: "198.51.100.", 6: "2001:db8:64::"}
HOST = {version: f"{start}1" for version, start in RANGE.items()}
COUNT = 40  # addresses outside, from 2 on
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}
ETH_P_ALL, PACKET_OUTGOING = 3, 4


def address(version=4, number=0):
    """One of those outside."""
    return f"{RANGE[version]}{number + 2:x}" if version == 6 else f"{RANGE[version]}{number + 2}"


def site(number=0, start=RANGE[6]):
    """One of those outside on IPv6 that has the first 64 bits of its address for itself, as another household would."""
    return f"{start.removesuffix(':')}{number + 2:x}::1"


class Packet:
    """As it stands on the wire: version, dscp, proto, source, target, sport, dport, payload (of UDP and TCP), size and time."""

    def __init__(self, data):
        self.size, self.version = len(data), data[0] >> 4
        if self.version == 4:
            at, proto, ends = (data[0] & 15) * 4, data[9], 12
            self.dscp, fragment = data[1] >> 2, struct.unpack(">H", data[6:8])[0] & 0x1FFF
            family, width = IPV4, 4
        else:
            at, proto, ends, fragment = 40, data[6], 8, 0
            self.dscp, family, width = struct.unpack(">H", data[:2])[0] >> 6 & 63, IPV6, 16
        self.proto = PROTOCOLS.get(proto, str(proto))
        self.source, self.target = (socket.inet_ntop(family, data[n:n + width]) for n in (ends, ends + width))
        self.sport = self.dport = 0
        self.payload = data[at:]
        if self.proto in ("udp", "tcp") and not fragment and len(data) >= at + 8:
            self.sport, self.dport = struct.unpack(">HH", data[at:at + 4])
            self.payload = data[at + (8 if self.proto == "udp" else (data[at + 12] >> 4) * 4):]

    def __repr__(self):
        return (f"<{self.proto} {self.source}:{self.sport} -> {self.target}:{self.dport} dscp {self.dscp}"
                f" {self.size} bytes>")


class Capture:
    """What arrives at (or leaves, if wanted) the interface of a namespace, from the moment on that it is made."""

    def __init__(self, sock, outgoing=False):
        self.socket, self.outgoing, self.seen = sock, outgoing, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self, seconds):
        """The next IP packet, None if there is none within that time."""
        deadline = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
            data, (_, kind, direction, *_) = self.socket.recvfrom(65536)
            if kind in (0x800, 0x86DD) and (direction == PACKET_OUTGOING) == self.outgoing and len(data) >= 20:
                self.seen.append(Packet(data))
                return self.seen[-1]
        return None

    def next(self, predicate, seconds=20):
        """The next one for which predicate(packet) is true."""
        deadline = time.monotonic() + seconds
        while packet := self.read(max(0, deadline - time.monotonic())):
            if predicate(packet):
                return packet
        raise AssertionError(f"no such packet within {seconds} s; the last ones: {self.seen[-10:]}")

    def drain(self):
        """Those that are there already."""
        while self.read(0):
            pass
        return self.seen


class Program:
    """A program of traffic.py: says "ready", runs until it is told to end, then prints a JSON object."""

    def __init__(self, command):
        # unbuffered: the line is read, and nothing of what comes after it
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        bufsize=0, cwd="/")
        got = self.process.stdout.readline()
        if got != b"ready\n":
            self.process.kill()
            raise AssertionError(f"{' '.join(command)}: {got}{self.process.communicate()[1].decode()}")

    def end(self, seconds=30):
        """Tells it to end; what it found."""
        self.process.send_signal(signal.SIGINT)
        return self.result(seconds)

    def result(self, seconds=60):
        out, err = self.process.communicate(timeout=seconds)
        if self.process.returncode != 0:
            raise AssertionError(f"{' '.join(self.process.args)}: status {self.process.returncode}\n{out.decode()}{err.decode()}")
        return json.loads(out)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Outside:
    def __init__(self, name="outside", interface="game0", ranges=None):
        self.name, self.interface, self.ranges = name, interface, ranges or RANGE
        self.programs = contextlib.ExitStack()

    @classmethod
    def for_test(cls, test, **options):
        """There until the end of the test (or of the class, if `test` is one)."""
        world = cls(**options)
        (test.addClassCleanup if isinstance(test, type) else test.addCleanup)(world.down)
        world.up()
        return world

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        host.run("ip", "netns", "add", self.name)
        self.connect()

    def connect(self):
        """The veth pair, which a test may take away (`ip link delete game0`) and put back by this."""
        host.run("ip", "link", "add", self.interface, "type", "veth", "peer", "name", "net0", "netns", self.name)
        wide = {4: "/24 dev", 6: "/48 nodad dev"}
        here = "".join(f"address add {start}1{wide[version]} {self.interface}\n" for version, start in self.ranges.items())
        there = "".join(f"address add {address(version, n).replace(RANGE[version], start)}{wide[version]} net0\n"
                        for version, start in self.ranges.items() for n in range(COUNT))
        there += "".join(f"address add {site(n, self.ranges[6])}{wide[6]} net0\n" for n in range(COUNT))
        host.run("ip", "-batch", "-", data=f"{here}link set {self.interface} up\n".encode())
        self.run("ip", "-batch", "-", data=f"link set lo up\n{there}link set net0 up\n".encode())
        for version, start in self.ranges.items():
            self.run("ip", f"-{version}", "route", "add", "default", "via", f"{start}1")

    def down(self):
        self.programs.close()
        host.run("ip", "link", "delete", self.interface, check=False)
        host.run("ip", "netns", "delete", self.name, check=False)

    # -- programs -------------------------------------------------------------------------------------------------

    def command(self, *command):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *command]

    def run(self, *command, **options):
        return host.run(*self.command(*command), **options)

    def begin(self, *command):
        return host.begin(*self.command(*command))

    def traffic(self, *words, here=False):
        """A program of traffic.py (its docstring tells which), outside or here; it has begun when this returns."""
        command = [sys.executable, "-B", TRAFFIC, *map(str, words)]
        program = Program(command if here else self.command(*command))
        self.programs.callback(program.kill)
        return program

    def flood(self, kinds, port, *options, version=4, number=0):
        """flood.py from one of the addresses outside, on IPv6 from a site of its own."""
        target = HOST[version].replace(RANGE[version], self.ranges[version])
        own = site(number, self.ranges[6]) if version == 6 else address(4, number).replace(RANGE[4], self.ranges[4])
        program = Program(self.command(sys.executable, "-B", FLOOD, kinds, target, str(port), "--from", own, *map(str, options)))
        self.programs.callback(program.kill)
        return program

    def player(self, port, *options, version=4, number=0):
        return self.traffic("player", HOST[version].replace(RANGE[version], self.ranges[version]), port, "--from",
                            address(version, number).replace(RANGE[version], self.ranges[version]), *options)

    # -- sockets --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def inside_of_it(self):
        """What this thread makes meanwhile is out there."""
        with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/run/netns/{self.name}", "rb") as theirs:
            os.setns(theirs.fileno(), CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(ours.fileno(), CLONE_NEWNET)

    def socket(self, family=IPV4, kind=socket.SOCK_DGRAM, protocol=0):
        with self.inside_of_it():
            return socket.socket(family, kind, protocol)

    def capture(self, outgoing=False):
        """Of what the host sends out there; outgoing: of what is sent from there."""
        sock = self.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.bind(("net0", ETH_P_ALL))
        return Capture(sock, outgoing)
