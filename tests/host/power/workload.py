#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""workload.py: runs in the virtual machine until its power is cut: imports, which commit versions, and changes that are written into
the database. After each it writes down how the world is now, past the file system, so that nothing is flushed by it."""

import json
import mmap
import os

import world
import ground
import host
import wire
from ground import OVERLAY, STATE, V, Ground

MARKS, BLOCK = f"{STATE}/.marks", 4096
GAME, LAYER, ONE, TWO = "pw-game", "pw-layer", "pw-one", "pw-two"


class Marks:
    """A file whose blocks are there already: what is written into them moves nothing else to the disk."""

    def __init__(self):
        with open(MARKS, "wb") as file:
            file.write(b"\1" * BLOCK * 512)
            file.flush()
            os.fsync(file.fileno())
        self.fd = os.open(MARKS, os.O_WRONLY | os.O_DIRECT)
        self.buffer = mmap.mmap(-1, BLOCK)
        self.count = 0

    def set(self, value):
        data = b"L4MMARK " + json.dumps({"n": self.count, **value}).encode()
        self.buffer[:] = data.ljust(BLOCK, b"\0")
        os.pwrite(self.fd, self.buffer, BLOCK * self.count)
        self.count += 1


class Workload:
    def __init__(self):
        self.g = Ground()
        self.number = 0

    def set_up(self):
        self.g.make_overlay(GAME, "game.tar.zst")
        self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
        self.g.create(ONE, Game=GAME, Overlays=[LAYER])

    def configure(self):
        self.number += 1
        self.g.instance(ONE, "Configure", "a{sv}", {"Lines": V("as", [f"line {self.number}"])})

    def bring(self):
        self.number += 1
        files = {f"left4dead2/n{n}.txt": os.urandom(5000) for n in range(8)}
        state, message = self.g.import_bytes(LAYER, host.archive({**files, f"left4dead2/only-{self.number}.txt": "new"}))
        if state != "succeeded":
            raise AssertionError(message)

    def create(self):
        self.g.create(TWO, Game=GAME)

    def delete(self):
        self.g.do(self.g.instance(TWO, "Delete")[0])

    def empty(self):
        self.g.do(self.g.call(wire.NAME, wire.overlay_path(LAYER), OVERLAY, "Delete")[0])

    def rounds(self):
        """For as long as there is power."""
        while True:
            yield from (self.bring, self.configure, self.bring, self.create, self.configure, self.bring, self.delete)


def main():
    work = Workload()
    work.set_up()
    os.sync()
    marks = Marks()
    marks.set(world.snapshot(work.g))
    for step in work.rounds():
        step()
        ground.settle(work.g)
        marks.set(world.snapshot(work.g))
        if marks.count == 500:
            return


if __name__ == "__main__":
    main()
