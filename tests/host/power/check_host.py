#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check_host.py: on a machine that was booted after a power cut: is everything in order, and do an import and a start work?"""

import sys

import world
import host
import oracle
from ground import Ground, V
from workload import GAME, LAYER, ONE


def main():
    g = Ground()
    wrong = oracle.settle(g) + oracle.differences(g, True)
    print(world.snapshot(g))
    state, message = g.import_bytes(LAYER, host.archive({"left4dead2/after.txt": "after the cut"}))
    if state != "succeeded":
        wrong.append(message)
    g.instance(ONE, "Configure", "a{sv}", {"Game": V("s", GAME)})
    g.instance(ONE, "Start")
    g.instance(ONE, "Stop")
    wrong += oracle.settle(g)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
