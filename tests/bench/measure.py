# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmarks share: clocks, sides that take turns, what is said of a figure."""

import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "host"))

import ground  # noqa: E402

GAME = "bench-game"
STATE = ground.STATE
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def say(text=""):
    print(text, flush=True)


def verdict(value, goal):
    return "met" if value <= goal else "MISSED"


def median_ms(times):
    return statistics.median(times) * 1000


def timed(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def take_turns(rounds, **sides):
    """The times of each side, which goes first every other time."""
    times = {name: [] for name in sides}
    for n in range(rounds):
        for name in sorted(sides, reverse=n % 2 == 1):
            times[name].append(sides[name]())
    return times


def give(path, uid, gid):
    for folder, _, files in os.walk(path):
        for entry in (folder, *(os.path.join(folder, f) for f in files)):
            os.lchown(entry, uid, gid)
