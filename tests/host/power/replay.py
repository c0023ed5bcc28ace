#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a disk holds after a power cut: from its content before and qemu's log of writes and flushes (blklogwrites, the format of
dm-log-writes).

What was written before the last flush is there. Of what came after it a disk may have kept anything: all, nothing, or some sectors.

    replay.py BEFORE LOG OUT [SEED]     makes one such disk, of a moment within the last writes; prints what the last mark says
"""

import json
import random
import shutil
import struct
import sys

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
MARK = b"L4MMARK "
SECTOR = 512


class Entry:
    def __init__(self, sector, count, flags, at):
        self.sector, self.count, self.flags, self.at = sector, count, flags, at


class Log:
    def __init__(self, path):
        self.file = open(path, "rb")
        magic, version, _, self.size = struct.unpack("<QQQI", self.file.read(28))
        if magic != MAGIC or version != 1:
            raise ValueError(f"{path} is no log of writes")
        self.entries = list(self.read())
        self.marks = [(n, mark) for n, e in enumerate(self.entries) if (mark := self.mark(e)) is not None]

    def read(self):
        """Up to the first that is not whole: qemu may have been killed."""
        at = self.size
        end = self.file.seek(0, 2)
        while at + self.size <= end:
            self.file.seek(at)
            sector, count, flags, _ = struct.unpack("<QQQQ", self.file.read(32))
            length = 0 if flags & DISCARD else count * self.size
            if flags > 15 or (flags == 0 and count == 0) or at + self.size + length > end:
                return
            yield Entry(sector, count, flags, at + self.size)
            at += self.size + length

    def data(self, entry):
        self.file.seek(entry.at)
        return self.file.read(entry.count * self.size)

    def mark(self, entry):
        """What the workload wrote past the file system: how the world has to be from here on."""
        if entry.flags & DISCARD or entry.count * self.size != 4096:
            return None
        data = self.data(entry)
        return json.loads(data[len(MARK):].rstrip(b"\0")) if data.startswith(MARK) else None

    def flushed_before(self, index):
        """Where the last flush before that entry stands."""
        return max((n for n in range(index) if self.entries[n].flags & FLUSH), default=0)

    def write(self, out, entry, keep=None):
        if entry.flags & DISCARD or entry.count == 0:
            return
        data = self.data(entry)
        for n in range(0, len(data), SECTOR):
            if keep is None or keep():
                out.seek(entry.sector * self.size + n)
                out.write(data[n:n + SECTOR])

    def cut(self, before, path, index, chance, rng):
        """The disk, when the power goes before that entry and so many of the unflushed sectors have made it."""
        shutil.copyfile(before, path)
        flushed = self.flushed_before(index)
        with open(path, "r+b") as out:
            for n, entry in enumerate(self.entries[:index]):
                if n <= flushed or entry.flags & FUA:
                    self.write(out, entry)
                else:
                    self.write(out, entry, lambda: rng.random() < chance)

    def promised(self, index):
        """(the last mark before that entry, the next one): the world is as one of them says."""
        last = [mark for n, mark in self.marks if n < index]
        after = [mark for n, mark in self.marks if n >= index]
        return (last[-1] if last else None), (after[0] if after else None)


def main():
    before, path, out = sys.argv[1:4]
    rng = random.Random(sys.argv[4] if len(sys.argv) > 4 else None)
    log = Log(path)
    index = rng.randrange(log.marks[-1][0], len(log.entries)) if log.marks[-1][0] + 1 < len(log.entries) else len(log.entries)
    log.cut(before, out, index, 0.5, rng)
    print(json.dumps(log.promised(index)[0]))


if __name__ == "__main__":
    main()
