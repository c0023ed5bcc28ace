#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""traffic.py VERB ...: what the host speaks with. Each program says "ready" when it has begun, ends at SIGINT (or after --seconds) and
then prints what it found as a JSON object.

    player ADDRESS PORT [--from ADDRESS] [--rate N] [--players N]
                                                        a player (or more) at a stand-in server (tests/srcds, `standin_channels`): asks to be let in,
                                                        sends N packets a second and takes the server's, which come with each tick
                                                        {sent, lost_up, received, lost_down, delays: of the server's packets, usec}
    sink ADDRESS PORT                                   takes whatever comes by TCP: {bytes, seconds, connections}
    bulk ADDRESS PORT [--flows N] [--hosts N]           fills the link with that many TCP connections, to each of so many addresses from
                                                        that one on: {bytes, seconds}

A delay is one-way: from the server's clock in a packet to the kernel's time of its arrival. Both are this machine's.
"""

import argparse
import ipaddress
import json
import select
import signal
import socket
import struct
import sys
import time

CONNECTIONLESS = b"\xff\xff\xff\xff"
SO_TIMESTAMPNS = 35
PATIENCE = 10  # seconds for what should come at once
# of the server: its number, the last one of ours, how many of ours, its clock in ns
SNAPSHOT = struct.Struct("<iiIQ")

ended = False


def end(*_):
    global ended
    ended = True


def ready():
    print("ready", flush=True)


class Player:
    def __init__(self, server, port, own):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((own, 0))
        self.socket.connect((server, port))
        self.sent = self.received = self.heard = 0
        self.first = self.last = None
        self.delays = []

    def ask(self, request, answer):
        """Asked again each second, as the game does."""
        for _ in range(PATIENCE):
            try:
                self.socket.send(CONNECTIONLESS + request)
            except ConnectionRefusedError:
                pass
            until = time.monotonic() + 1
            while select.select([self.socket], [], [], max(0, until - time.monotonic()))[0]:
                try:
                    data = self.socket.recv(2048)
                except ConnectionRefusedError:
                    continue
                if data.startswith(CONNECTIONLESS + answer):
                    return data[5:]
        sys.exit(f"no answer {answer} to {request} in {PATIENCE} s")

    def connect(self):
        challenge = self.ask(b"q0x00000000\0", b"A")[:4]
        self.ask(b"k" + challenge + b"player\0", b"B")

    def send(self):
        self.sent += 1
        try:
            self.socket.send(struct.pack("<ii", self.sent, self.received) + bytes(56))
        except OSError:
            pass  # lost, and counted as such

    def take(self):
        try:
            data, extra, _, _ = self.socket.recvmsg(2048, 64)
        except ConnectionRefusedError:
            return
        if len(data) < SNAPSHOT.size or data.startswith(CONNECTIONLESS):
            return
        number, _, self.heard, clock = SNAPSHOT.unpack_from(data)
        seconds, ns = next(struct.unpack("qq", value[:16]) for _, kind, value in extra if kind == SO_TIMESTAMPNS)
        self.first = number if self.first is None else self.first
        self.last = number
        self.received += 1
        self.delays.append((seconds * 1000000000 + ns - clock) // 1000)

    def found(self):
        expected = self.last - self.first + 1 if self.received else 0
        return {"sent": self.sent, "lost_up": self.sent - self.heard, "received": self.received,
                "lost_down": expected - self.received, "delays": self.delays}


def take_all(players, seconds):
    by_socket = {one.socket: one for one in players}
    taken = select.select(list(by_socket), [], [], max(0, seconds))[0]
    for sock in taken:
        by_socket[sock].take()
    return bool(taken)


def play(players, rate, seconds):
    due = time.monotonic()
    until = due + seconds if seconds else float("inf")
    while not ended and due < until:
        if not take_all(players, due - time.monotonic()) and time.monotonic() >= due:
            for one in players:
                one.send()
            due = max(due + 1 / rate, time.monotonic() - 1)
    # what is on its way yet
    until = time.monotonic() + PATIENCE
    while any(one.heard < one.sent for one in players) and time.monotonic() < until:
        take_all(players, until - time.monotonic())


def player(options):
    players = [Player(options.address, options.port, options.own) for _ in range(options.players)]
    for one in players:
        one.connect()
    ready()
    play(players, options.rate, options.seconds)
    found = [one.found() for one in players]
    return {key: sum((f[key] for f in found), [] if key == "delays" else 0) for key in found[0]}


def sink(options):
    family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
    listener = socket.create_server((options.address, options.port), family=family)
    ready()
    sockets, size, count, began = [listener], 0, 0, time.monotonic()
    while not ended:
        for one in select.select(sockets, [], [], 0.2)[0]:
            if one is listener:
                sockets.append(listener.accept()[0])
                count += 1
                continue
            try:
                data = one.recv(1 << 18)
            except ConnectionError:
                data = b""
            size += len(data)
            if not data:
                sockets.remove(one)
                one.close()
    return {"bytes": size, "seconds": time.monotonic() - began, "connections": count}


def bulk(options):
    first = ipaddress.ip_address(options.address)
    flows = [socket.create_connection((str(first + n), options.port), PATIENCE)
             for n in range(options.hosts) for _ in range(options.flows)]
    for flow in flows:
        flow.setblocking(False)
    ready()
    size, data, began = 0, bytes(1 << 16), time.monotonic()
    until = began + options.seconds if options.seconds else float("inf")
    while not ended and time.monotonic() < until:
        for flow in select.select([], flows, [], 0.2)[1]:
            size += flow.send(data)
    return {"bytes": size, "seconds": time.monotonic() - began}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("player", "sink", "bulk"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--from", dest="own", default="")
    parser.add_argument("--rate", type=int, default=30)
    parser.add_argument("--flows", type=int, default=1)
    parser.add_argument("--players", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    print(json.dumps(globals()[options.verb](options)))


if __name__ == "__main__":
    main()
