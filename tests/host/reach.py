#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reach.py TARGETS: sends something to each of them, all at once, in a build's sandbox or (to see that it would arrive) out of it.

TARGETS is a JSON list of ["udp" or "tcp", an address, a port, the number of an interface for what has a scope or is multicast]. Ends
after two seconds, and prints what came of each: "sent", "connected", "silence" or the name of an error.
"""

import errno
import ipaddress
import json
import select
import socket
import sys
import time

SECONDS = 2


def begin(kind, address, port, interface):
    """A socket that waits for its connection, or what came of it."""
    parsed = ipaddress.ip_address(address)
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if parsed.is_multicast and parsed.version == 4:
        # as struct ip_mreqn: by the number of the interface
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(8) + interface.to_bytes(4, sys.byteorder))
    to = (address, port) if parsed.version == 4 else (address, port, 0, interface)
    if kind == "udp":
        sock.sendto(b"reached", to)
        return "sent"
    try:
        sock.connect(to)
    except BlockingIOError:
        return sock
    return "connected"


def name(code):
    return errno.errorcode.get(code, str(code)) if code else "connected"


def main():
    targets, results = json.loads(sys.argv[1]), {}
    for target in targets:
        try:
            results[tuple(target)] = begin(*target)
        except OSError as e:
            results[tuple(target)] = name(e.errno)
    deadline = time.monotonic() + SECONDS
    while waiting := {r: t for t, r in results.items() if isinstance(r, socket.socket)}:
        ready = select.select([], waiting, [], max(0, deadline - time.monotonic()))[1]
        if not ready:
            break
        for sock in ready:
            results[waiting[sock]] = name(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    print("reach: " + json.dumps([[*t, r if isinstance(r, str) else "silence"] for t, r in results.items()]), flush=True)


if __name__ == "__main__":
    main()
