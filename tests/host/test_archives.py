# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile archives, by `left4mectl overlay import`: refused with the name of the entry, and nothing is there afterwards
that was not there before."""

import concurrent.futures as futures
import contextlib
import gzip
import io
import os
import queue
import stat
import subprocess
import tarfile
import unittest
import zipfile

import ground
import host

LAYERS = [f"ar-{n}" for n in range(4)]
BEFORE = {"left4dead2/maps/a.bsp": "a map", "left4dead2/cfg/kept.cfg": "echo kept"}
MIB = 1 << 20


def tar(*entries):
    """A tar of (NAME, KIND, MORE): a file's content, a link's target; devices and pipes have none."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, more in entries:
            info = tarfile.TarInfo()
            info.name, info.type, info.mode = name, kind, 0o644
            if kind == tarfile.REGTYPE:
                info.size = len(more)
            elif more:
                info.linkname = more
            archive.addfile(info, io.BytesIO(more) if kind == tarfile.REGTYPE else None)
    return out.getvalue()


def file(name, content=b"x"):
    return name, tarfile.REGTYPE, content


def setid_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("left4dead2/evil")
        info.mode, info.size = 0o4755, 1
        archive.addfile(info, io.BytesIO(b"x"))
    return out.getvalue()


def zipped(files, encrypted=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    data = bytearray(out.getvalue())
    at = 0
    while encrypted and at < len(data):
        for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            if data[at:at + 4] == magic:
                data[at + flags] |= 1
        at += 1
    return bytes(data)


def bomb():
    """Three GiB of nothing in some kilobytes: gzip takes the same piece as often as it comes."""
    info = tarfile.TarInfo("left4dead2/bomb")
    info.size = 3 << 30
    return gzip.compress(info.tobuf()) + gzip.compress(bytes(64 * MIB)) * (info.size // (64 * MIB))


def liar():
    info = tarfile.TarInfo("left4dead2/large")
    info.size = 1 << 40
    return info.tobuf() + b"x" * 1024


def too_many():
    """The top directory, again and again."""
    return gzip.compress(tarfile.TarInfo("./").tobuf() * 1000) * 401


def cut_off():
    whole = gzip.compress(tar(file("left4dead2/large", os.urandom(MIB))))
    return whole[:len(whole) // 2]


def broken():
    data = bytearray(zipped({"left4dead2/large": os.urandom(MIB)}))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


INNER = zipped({"left4dead2/maps/b.bsp": "x"})
SYM, HARD, FOLDER, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE

# What is refused, and words of what is said about it: the entry first.
CASES = {
    "absolute": (lambda: tar(file("good"), file("/etc/evil")), "/etc/evil", "must be relative"),
    "dots": (lambda: tar(file("left4dead2/../../evil")), "left4dead2/../../evil", "must be relative"),
    "backslashes": (lambda: zipped({"good": "x", "..\\evil": "x"}), "../evil", "must be relative"),
    "link out": (lambda: tar(("left4dead2/evil", SYM, "../../etc/passwd")), "left4dead2/evil", "out of the tree"),
    "hard link out": (lambda: tar(("evil", HARD, "/etc/passwd")), "/etc/passwd", "must be relative"),
    "through a link": (lambda: tar(("way", SYM, "left4dead2"), file("way/evil")), "way/evil", "through a link"),
    "pipe": (lambda: tar(("left4dead2/evil", FIFO, None)), "left4dead2/evil", "devices, pipes"),
    "set-id": (setid_tar, "left4dead2/evil", "set-user-id"),
    "case": (lambda: tar(file("d/File"), file("d/file")), "d/File", "d/file", "differ only in case"),
    "case of the tree": (lambda: tar(file("left4dead2/Maps/b.bsp")), "left4dead2/Maps", "left4dead2/maps", "in the overlay"),
    "file and directory": (lambda: tar(file("d"), ("d", FOLDER, None)), "d: a file and a directory"),
    "file over directory": (lambda: tar(file("left4dead2/maps")), "left4dead2/maps", "a directory with content"),
    "colon": (lambda: tar(file("c:evil")), "c:evil", "must be UTF-8"),
    "line end": (lambda: tar(file("a\nb")), "a?b", "must be UTF-8"),
    "long name": (lambda: tar(file("n" * 256)), "nnnn", "too long"),
    "bomb": (bomb, "left4dead2/bomb", "looks like a bomb"),
    "liar": (liar, "left4dead2/large", "64 GiB"),
    "too many": (too_many, "400000 entries"),
    "cut off": (cut_off, "left4dead2/large", "ends early"),
    "broken": (broken, "left4dead2/large", "damaged"),
    "nested": (lambda: zipped({"campaign/": "", "campaign/inner.zip": INNER}), "campaign/inner.zip", "unpack it"),
    "rar": (lambda: b"Rar!\x1a\x07\x01\0" + bytes(100), "RAR", "zip, 7z or tar"),
    "vpk": (lambda: b"\x34\x12\xaa\x55" + bytes(100), "VPK", "left4dead2/addons/NAME.vpk"),
    "text": (lambda: b"hello, this is no archive" * 100, "not an archive", "tar, zip, 7z"),
    "encrypted": (lambda: zipped({"left4dead2/secret": "x"}, encrypted=True), "left4dead2/secret", "encrypted"),
}


class Archives(unittest.TestCase):
    TAKES = 14

    @classmethod
    def setUpClass(cls):
        cls.g = g = ground.Ground()
        cls.addClassCleanup(g.close)
        g.clear()
        cls.addClassCleanup(g.clear)
        for name in LAYERS:
            host.make_overlay(name, BEFORE)

    @staticmethod
    def tree(name):
        return host.tree_sums(f"{host.LIBRARY}/overlays/{name}")

    @staticmethod
    def outside():
        """What a build could leave behind: folders, mounts, files above the overlays, versions that are told of."""
        overlays = host.ctl_json("overlay", "list")
        for overlay in overlays:
            del overlay["last_job"]
        return (overlays, os.listdir(f"{host.LIBRARY}/builds"), os.path.exists("/etc/evil"),
                host.run("findmnt", "--noheadings", "--output", "TARGET", "--list").out)

    def refused(self, name, layer):
        """None, or what is wrong. The import fails, names the entry and says why; the overlay is what it was."""
        make, *words = CASES[name]
        before = self.tree(layer)
        result = host.ctl("overlay", "import", layer, "-", data=make(), check=False)
        wrong = [f"does not say {word!r}" for word in words if word not in result.err]
        if result.code != 1:
            wrong.append(f"status {result.code}")
        if self.tree(layer) != before:
            wrong.append("the overlay has changed")
        return f"{name}: {', '.join(wrong)}\n{result}" if wrong else None

    def test_refused(self):
        """As many at a time as there are workers, each into an overlay of its own."""
        before = self.outside()
        free = queue.SimpleQueue()
        for layer in LAYERS:
            free.put(layer)

        def run(name):
            layer = free.get()
            try:
                return self.refused(name, layer)
            finally:
                free.put(layer)

        with futures.ThreadPoolExecutor(len(LAYERS)) as pool:
            wrong = [text for text in pool.map(run, CASES) if text]
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertEqual(ground.settle(self.g), [])
        self.assertEqual(self.outside(), before)

    def test_endless(self):
        """It is given up, though it never ends: whoever writes it is told so by the closed pipe."""
        before = self.tree(LAYERS[0])
        with subprocess.Popen(["left4mectl", "overlay", "import", LAYERS[0], "-"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(tar(file("left4dead2/x")))
                while True:
                    process.stdin.write(bytes(MIB))
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            text = process.stderr.read().decode()
            self.assertEqual(process.wait(host.SECONDS), 1, text)
        self.assertIn("goes on after the end", text)
        self.assertEqual(self.tree(LAYERS[0]), before)

    def test_good(self):
        """What is odd, but good: the top directory itself, a path with dots, a hard link."""
        host.ctl("overlay", "create", "ar-good", "--kind", "files")
        data = tar(("./", tarfile.DIRTYPE, None), file("./a//b"), ("c", tarfile.LNKTYPE, "a/b"))
        host.ctl("overlay", "import", "ar-good", "-", data=data)
        top = f"{host.LIBRARY}/overlays/ar-good/versions/1"
        for name in ("a/b", "c"):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(top, name)).st_mode), 0o644)
            self.assertEqual(host.run("cat", os.path.join(top, name)).out, "x")


if __name__ == "__main__":
    unittest.main()
