#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""flood.py KIND[,KIND...] ADDRESS PORT [PORT...]: sends a game server what floods are made of. Says "ready" when it has begun, ends at
SIGINT (or after --seconds or --count packets) and then prints {"sent", "answered", "seconds"}.

Kinds in turn, as are ports and sources: what a query browser or a player that joins sends (info, players, rules, challenge, getchallenge,
connect), other connectionless packets (reserve, lobby, other), what nobody should (empty, runt, bare, short, long, fragments),
and what a player sends once he plays (game).

    --from ADDRESS        from this address of ours; several times for several (default: the kernel's choice)
    --spoof NETWORK       from addresses drawn at random out of a network, such as 198.18.0.0/16; needs root
    --sources N           only N of them, over and over
    --rate N              packets a second, 0 (default): as many as it can
"""

import argparse
import ipaddress
import json
import os
import random
import select
import signal
import socket
import struct
import time

OOB = b"\xff\xff\xff\xff"
KINDS = {
    "info": OOB + b"TSource Engine Query\0",
    "players": OOB + b"U" + OOB,
    "rules": OOB + b"V" + OOB,
    "challenge": OOB + b"W",
    "getchallenge": OOB + b"qconnect0x00000000\0",
    "connect": OOB + b"k" + struct.pack("<III", 0x7E4, 3, 0) + b"player\0",
    "reserve": OOB + b"n" + bytes(12),
    "lobby": OOB + b"i\0",
    "other": OOB + b"z" + bytes(20),
    "empty": b"",
    "runt": b"\xff\xff\xff",
    "bare": OOB,
    "short": OOB + b"TSource",
    "long": OOB + b"TSource Engine Query\0" + bytes(1400),
    "fragments": OOB + b"TSource Engine Query\0",  # the header of UDP in the first one, the rest in the second
    "game": struct.pack("<ii", 1, 0) + bytes(56),
}
BATCH = 64  # packets between two looks at the clock
IP_MF, HEADER_ONLY = 0x2000, 8

ended = False


def end(*_):
    global ended
    ended = True


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


class Plain:
    """Ordinary sockets: answers come back to them."""

    def __init__(self, address, own):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address, self.at, self.answered = address, 0, 0
        self.sockets = []
        for one in own or [""]:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((one, 0))
            sock.setblocking(False)
            self.sockets.append(sock)

    def send(self, port, payload, _):
        self.at = (self.at + 1) % len(self.sockets)
        try:
            self.sockets[self.at].sendto(payload, (self.address, port))
        except BlockingIOError:
            select.select([], [self.sockets[self.at]], [], 1)
            return False
        except ConnectionRefusedError:
            pass  # told of an earlier one
        return True

    def take_answers(self, seconds=0):
        while ready_ones := select.select(self.sockets, [], [], seconds)[0]:
            for sock in ready_ones:
                try:
                    sock.recv(65536)
                    self.answered += 1
                except (BlockingIOError, ConnectionRefusedError):
                    pass


class Spoofed:
    """Whole IP packets with a source of our choice; answers go to whoever has it."""

    answered = 0

    def __init__(self, address, network, count):
        self.network = ipaddress.ip_network(network)
        self.target = ipaddress.ip_address(address)
        if self.target.version != self.network.version:
            raise SystemExit("--spoof: a network of the address' own kind is wanted")
        self.sources = [self.draw() for _ in range(count)]
        family = socket.AF_INET6 if self.target.version == 6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.identity = random.randrange(1 << 16)

    def draw(self):
        below = random.getrandbits(self.network.max_prefixlen) % self.network.num_addresses
        return (int(self.network.network_address) + below).to_bytes(self.network.max_prefixlen // 8, "big")

    def ip(self, source, data, at, more):
        """One packet, or one fragment of one."""
        self.identity += at == 0
        if self.target.version == 4:
            return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(data), self.identity & 0xFFFF, at >> 3 | (IP_MF if more else 0), 64, 17, 0,
                               source, self.target.packed) + data
        header, proto = b"", 17
        if at or more:
            header, proto = struct.pack(">BBHI", 17, 0, at | more, self.identity), 44
        return struct.pack(">IHBB16s16s", 6 << 28, len(header + data), proto, 64, source, self.target.packed) + header + data

    def send(self, port, payload, in_fragments):
        source = random.choice(self.sources) if self.sources else self.draw()
        udp = struct.pack(">HHHH", random.randrange(1024, 65536), port, 8 + len(payload), 0) + payload
        # of IPv6 alone the checksum is asked for
        if self.target.version == 6:
            pseudo = source + self.target.packed + struct.pack(">II", len(udp), 17)
            udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp)) + payload
        pieces = [(udp[:HEADER_ONLY], 0, True), (udp[HEADER_ONLY:], HEADER_ONLY, False)] if in_fragments else [(udp, 0, False)]
        for piece in pieces:
            self.socket.sendto(self.ip(source, *piece), (str(self.target), 0))
        return True

    def take_answers(self, seconds=0):
        pass


def flood(sender, options):
    kinds, began, sent = options.kinds.split(","), time.monotonic(), 0
    until = began + options.seconds if options.seconds else float("inf")
    limit = options.count or float("inf")
    while not ended and sent < limit and (now := time.monotonic()) < until:
        due = min(limit, sent + BATCH, int((now - began) * options.rate) + 1 if options.rate else limit)
        while sent < due and not ended:
            kind, port = kinds[sent % len(kinds)], options.ports[sent // len(kinds) % len(options.ports)]
            sent += sender.send(port, KINDS[kind], kind == "fragments")
        sender.take_answers(1 / options.rate if options.rate and due <= sent else 0)
        if options.rate and isinstance(sender, Spoofed):
            time.sleep(1 / options.rate)
    return {"sent": sent, "seconds": time.monotonic() - began}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds")
    parser.add_argument("address")
    parser.add_argument("ports", type=int, nargs="+")
    parser.add_argument("--from", dest="own", action="append")
    parser.add_argument("--spoof")
    parser.add_argument("--sources", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--linger", type=float, default=0.2, help="how long nothing must come before the answers are counted")
    options = parser.parse_args()
    if unknown := set(options.kinds.split(",")) - set(KINDS):
        parser.error(f"no such kind: {', '.join(unknown)}")
    spoofed = options.spoof or "fragments" in options.kinds
    if spoofed and not options.spoof:
        if len(options.own or []) != 1:
            parser.error("fragments need --spoof or one --from")
        options.spoof = options.own[0]
    sender = Spoofed(options.address, options.spoof, options.sources) if spoofed else Plain(options.address, options.own)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    os.setpriority(os.PRIO_PROCESS, 0, 5)  # a flood comes from elsewhere: it must not take the CPU from those it is sent to
    print("ready", flush=True)
    found = flood(sender, options)
    sender.take_answers(options.linger)
    print(json.dumps(found | {"answered": sender.answered}))


if __name__ == "__main__":
    main()
