# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queueing disciplines by netlink: a look costs microseconds, where tc(8) takes long to start in an emulated machine."""

import os
import socket
import struct

NEWQDISC, DELQDISC, GETQDISC = 36, 37, 38
REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
ROOT, INGRESS = 0xFFFFFFFF, 0xFFFFFFF1
KIND = 1


def exchange(kind, flags, body):
    """The messages of an answer, as (type, body)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.sendall(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 1, 0) + body)
        while True:
            data = sock.recv(1 << 16)
            while data:
                size, found, *_ = struct.unpack_from("=IHHII", data)
                message, data = data[16:size], data[size + 3 & ~3:]
                if found == ERROR and (code := -struct.unpack_from("=i", message)[0]):
                    raise OSError(code, os.strerror(code))
                if found in (ERROR, DONE):
                    return
                yield found, message


def index(interface):
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def queues(interface):
    """{parent: (kind, handle)} of what is not in the inside of another."""
    number, found = index(interface), {}
    for _, message in exchange(GETQDISC, DUMP, struct.pack("=BxxxiIII", 0, 0, 0, 0, 0)):
        link, handle, parent = struct.unpack_from("=xxxxiII", message)
        if not number or link != number:
            continue
        attributes = message[20:]
        while len(attributes) >= 4:
            size, kind = struct.unpack_from("=HH", attributes)
            if kind == KIND:
                found[parent] = attributes[4:size].rstrip(b"\0").decode(), handle >> 16
            attributes = attributes[size + 3 & ~3:]
    return found


def is_ours(interface):
    return queues(interface).get(ROOT) == ("cake", 1)


def delete(interface, parent=ROOT):
    """False if there is nothing to delete."""
    handle = 0xFFFF0000 if parent == INGRESS else 0
    try:
        for _ in exchange(DELQDISC, ACK, struct.pack("=BxxxiIII", 0, index(interface), handle, parent, 0)):
            pass
    except OSError:
        return False
    return True
