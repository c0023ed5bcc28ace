# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running server sees not one byte change, whatever is done to the overlays that it stands on."""

import json
import time

import follow
import ground
import host
import trees
import wire
from host import ctl, show

KEEP_ALL = 100

# Runs in the server's mount namespace, and looks at all of its tree again and again.
WITNESS = """
import hashlib, json, os, time

def look():
    seen = {}
    for folder, folders, files in os.walk("/mnt/server"):
        for name in folders + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            what = None
            if os.path.islink(path):
                what = os.readlink(path)
            elif not os.path.isdir(path):
                with open(path, "rb") as file:
                    what = hashlib.file_digest(file, "sha256").hexdigest()
            seen[path] = [info.st_ino, info.st_mode, info.st_uid, info.st_gid, info.st_size if what else 0, info.st_mtime_ns, what]
    return seen

first = look()
while True:
    begin, now = time.monotonic(), look()
    differ = [[p, first.get(p), now.get(p)] for p in sorted(first.keys() | now.keys()) if first.get(p) != now.get(p)]
    print(json.dumps([begin, len(now), differ]), flush=True)
    time.sleep(0.05)  # the rest of the CPU is for what it is to see
"""


# What a server can do to its own tree, done to all of it.
VANDAL = """
import os

done = 0
for folder, folders, files in os.walk("/mnt/server", topdown=False):
    for name in files + folders:
        path = os.path.join(folder, name)
        for call in (lambda: os.chmod(path, 0o777), lambda: os.setxattr(path, "user.vandal", b"x"), lambda: os.link(path, path + ".link"),
                     lambda: open(path, "r+b").write(b"vandal"), lambda: os.truncate(path, 3), lambda: os.utime(path, (1, 1)),
                     lambda: os.rename(path, path + ".moved"), lambda: os.unlink(path + ".moved"), lambda: os.rmdir(path)):
            try:
                call()
                done += 1
            except OSError:
                pass
print(done)
"""


class Witness(follow.Lines):
    """Of everything that a running server has in its tree."""

    def __init__(self, name):
        super().__init__("nsenter", "--target", show(host.server_unit(name), "MainPID"), "--mount", "/usr/bin/python3", "-B", "-c", WITNESS)

    def take(self, line):
        return json.loads(line)

    def differences(self):
        """What differs from the first look, in all those until one that has begun after now."""
        begin = time.monotonic()
        self.wait(lambda look: look[0] > begin, "another look", seconds=60)
        return [differ for _, _, differ in self.lines if differ]


class Untouched(host.Case):
    TIMEOUT = 240
    TAKES = 30

    @classmethod
    def setup_class(cls):
        host.make_game()

    def setUp(self):
        self.ground = self.enterContext(ground.Ground())
        for name in ("top", "low"):
            self.overlay(name, self.files(name, 0))
        self.server("one", "--overlay", "top", "--overlay", "low")
        # one that is stopped holds nothing
        self.server("two", "--overlay", "low")
        follow.start("one")

    @staticmethod
    def files(name, number):
        """Of each import: files that stay as they are, that change, that come."""
        return host.layer(name, **{
            f"left4dead2/{name}/same.bin": bytes(range(256)) * 4096,
            f"left4dead2/{name}/changes.txt": f"{name} {number}\n",
            f"left4dead2/{name}/same-size.txt": f"{number:08}\n",
            f"left4dead2/{name}/start_run": "#!/bin/sh\n",
            f"left4dead2/{name}/link": ("link", "same.bin"),
            f"left4dead2/{name}/other-link": ("link", f"deep/er/{number}.txt"),
            f"left4dead2/{name}/deep/er/{number}.txt": f"{number}\n",
            "left4dead2/both.txt": f"{name} {number}\n"})

    def told(self, name):
        return self.ground.get_all(wire.NAME, wire.overlay_path(name), ground.OVERLAY)

    def ask(self, name, member, signature, *values):
        return self.ground.call(wire.NAME, wire.overlay_path(name), ground.OVERLAY, member, signature, *values)

    def import_all(self, number):
        for name in ("top", "low"):
            host.import_files(name, self.files(name, number))
        # what everybody stands on too
        host.import_files("game", {"left4dead2/new.txt": f"{number}\n", "srcds_run": b"#!/bin/sh\necho not this one\nexit 1\n"})

    def edit_all(self):
        """Single files and directories put and taken away."""
        for name in ("top", "low", "game"):
            path, fd = self.ask(name, "PutFile", "sa{sv}", "left4dead2/put.txt", {})
            ground.Upload(fd, b"put\n").join()
            self.ground.do(path)
            self.ground.do(self.ask(name, "RemoveFiles", "as", ["left4dead2/layers"])[0])

    def roll_back(self):
        for name in ("top", "low", "game"):
            versions = [v[0] for v in self.told(name)["Versions"]]
            self.ask(name, "Rollback", "u", versions[-2])
            self.assertEqual(self.told(name)["Current"], versions[-2])

    def keep(self, count):
        for name in ("top", "low", "game"):
            self.ask(name, "SetKeepVersions", "u", count)

    def check_versions(self, mounted, count):
        """Kept are the newest ones, the current one and what is mounted; nothing more is on the disk, nothing else is told."""
        self.assertEqual(ground.settle(self.ground), [])
        for name in ("top", "low", "game"):
            told = self.told(name)
            versions = [v[0] for v in told["Versions"]]
            self.assertEqual(trees.version_numbers(name), versions)
            self.assertIn(told["Current"], versions)
            besides = {told["Current"], *(version for overlay, version in mounted if overlay == name)}
            self.assertEqual(set(versions), set(versions[-count:]) | besides, name)
            self.check_shared(name, versions)

    def check_shared(self, name, versions):
        """What did not change from one version to the next is the same file. (Nothing here changes, and changes back.)"""
        for old, new in zip(versions, versions[1:]):
            before, after = (trees.record(trees.version(name, n)) for n in (old, new))
            for path in before.keys() & after.keys():
                if before[path][0] == after[path][0] != "directory":
                    self.assertEqual(before[path][1], after[path][1], f"{name}: {path} of {old} and {new}")

    def test_while_overlays_change(self):
        self.keep(KEEP_ALL)
        mounted = host.mounted_layers("one")
        self.assertEqual(mounted, [("top", 1), ("low", 1), ("game", 1)])
        layers = {layer: trees.record(trees.version(*layer)) for layer in mounted}
        shown = trees.look(host.merged("one"))
        for overlay, version in mounted:
            for path, what in trees.look(trees.version(overlay, version)).items():
                self.assertIn(path, shown)
                if overlay == "top":
                    self.assertEqual(shown[path], what, path)

        with Witness("one") as witness:
            self.assertEqual(witness.differences(), [])
            self.assertEqual(witness.lines[0][1], len(shown))

            def check(what, count=KEEP_ALL):
                with self.subTest(what):
                    self.check_versions(mounted, count)
                    self.assertEqual(witness.differences(), [])
                    self.assertEqual(host.mounted_layers("one"), mounted)
                    for layer, record in layers.items():
                        self.assertEqual(trees.record(trees.version(*layer)), record, layer)
            for number in (1, 2):
                self.import_all(number)
                check(f"import {number}")
            self.edit_all()
            check("files put and removed")
            self.roll_back()
            check("rollback")
            self.import_all(3)
            check("import after the rollback")
            self.keep(2)
            check("fewer versions are kept", 2)
            self.import_all(4)
            check("an import that pushes one out", 2)
            self.keep(1)
            check("one version is kept", 1)
            self.assertTrue(host.status("one")["update_pending"])
            self.roll_back()
            check("rollback to what is mounted", 1)
            self.assertFalse(host.status("one")["update_pending"])
            for name in ("top", "low", "game"):
                self.assertNotEqual(ctl("overlay", "delete", "--yes", name, check=False).code, 0)
            self.import_all(5)
            check("the last import", 1)
            # it would have seen it
            with open(host.merged("one") + "/left4dead2/seen.txt", "w", encoding="ascii"):
                pass
            self.assertIn("/mnt/server/left4dead2/seen.txt", [path for look in witness.differences() for path, _, _ in look])
            print(f"{len(witness.lines)} looks at {len(shown)} files", flush=True)
        ctl("stop", "one")
        self.check_versions([], 1)

    def test_a_server_that_destroys_its_tree(self):
        mounted = host.mounted_layers("one")
        layers = {layer: trees.record(trees.version(*layer)) for layer in mounted}
        done = host.run("nsenter", "--target", show(host.server_unit("one"), "MainPID"), "--mount", "setpriv", "--reuid=980",
                        "--regid=980", "--clear-groups", "--bounding-set=-all", "--", "/usr/bin/python3", "-B", "-c", VANDAL).out
        self.assertGreater(int(done), 500)
        self.assertNotIn("left4dead2/top/same.bin", trees.look(host.merged("one")))
        for layer, record in layers.items():
            self.assertEqual(trees.record(trees.version(*layer)), record, layer)
            self.assertEqual(trees.flaws(trees.version(*layer)), [])
        ctl("stop", "one")
        ctl("reset", "--yes", "one")
        follow.start("one")
        self.assertEqual(host.mounted_layers("one"), mounted)
        self.assertEqual(trees.look(host.merged("one"))["left4dead2/top/same.bin"], trees.look(trees.version("top", 1))["left4dead2/top/same.bin"])
