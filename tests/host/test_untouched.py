# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running server sees not one byte change, whatever is done to the overlays that it stands on."""

import json

import follow
import ground
import host
import trees
import wire
from host import ctl, show

KEEP_ALL = 100

# Runs in the server's mount namespace, and looks at all of its tree again and again.
WITNESS = """
import hashlib, json, os, sys

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
print(json.dumps(len(first)), flush=True)
while True:
    now = look()
    print(json.dumps([[p, first.get(p), now.get(p)] for p in sorted(first.keys() | now.keys()) if first.get(p) != now.get(p)]), flush=True)
"""


class Witness(follow.Lines):
    """Of everything that a running server has in its tree."""

    def __init__(self, name):
        super().__init__("nsenter", "--target", show(host.server_unit(name), "MainPID"), "--mount", "/usr/bin/python3", "-B", "-c", WITNESS)

    def take(self, line):
        return json.loads(line)

    def __enter__(self):
        super().__enter__()
        self.wait(lambda count: count > 50, "the first look", seconds=60)
        return self

    def differences(self):
        """What differs from the first look, in all those until one that has begun after now."""
        count = len(self.lines)
        while len(self.lines) < count + 2:
            self.wait(lambda _: True, "another look", start=len(self.lines), seconds=60)
        return [line for line in self.lines[1:] if line]


class Untouched(host.Case):
    TIMEOUT = 240

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
            print(f"{len(witness.lines)} looks at {len(shown)} files", flush=True)
        ctl("stop", "one")
        self.check_versions([], 1)
