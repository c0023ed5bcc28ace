# SPDX-License-Identifier: LGPL-2.1-or-later
"""Versions of overlays as people use them: back to an older one, old ones that go, single files, another name."""

import os
import stat
import time

import follow
import host
from host import ctl, ctl_json

LAYER, CFG = "left4dead2/layer.txt", "left4dead2/cfg/extra.cfg"


def versions(name):
    return [v["version"] for v in ctl_json("overlay", "show", name)["versions"]]


def on_disk(name):
    return sorted(int(n) for n in os.listdir(f"{host.LIBRARY}/overlays/{name}/versions") if n.isdigit())


def version_path(name, version, *below):
    return os.path.join(host.LIBRARY, "overlays", name, "versions", str(version), *below)


def put(name, path, content, *options, **more):
    return ctl("overlay", "put", name, path, *options, data=content.encode(), **more)


class Versions(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()

    def overlay(self, name, files):
        super().overlay(name, files)
        self.assertEqual(versions(name), [1])
        return name

    def wait_versions(self, watch, name, expected):
        """Until the bus tells of these versions, and the job that removed the others has ended."""
        watch.wait(lambda e: [v["version"] for v in watch.objects.get(("overlay", name), {}).get("versions", [])] == expected,
                   f"versions {expected}")
        watch.wait(lambda e: not any(kind == "job" and p["state"] in ("queued", "running") for (kind, _), p in watch.objects.items()),
                   "the end of all jobs", len(watch.lines) - 1)
        # A job that had not begun when it was looked for may still be about to.
        deadline = time.monotonic() + follow.SECONDS
        while on_disk(name) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual((versions(name), on_disk(name)), (expected, expected))

    def test_back_and_forth_under_a_running_server(self):
        self.overlay("maps", host.layer("maps"))
        self.server("one", "--overlay", "maps")
        follow.start("one")
        put("maps", LAYER, "new\n")
        self.assertEqual((ctl_json("overlay", "show", "maps")["current"], host.status("one")["update_pending"]), (2, True))
        told = ctl("overlay", "rollback", "maps").out
        self.assertIn("version 1 is current", told)
        self.assertFalse(host.status("one")["update_pending"])
        self.assertEqual(ctl_json("overlay", "rollback", "maps", "2"), {"name": "maps", "current": 2, "previous": 1})
        self.assertTrue(host.status("one")["update_pending"])
        self.assertEqual(host.mounted_layers("one")[0], ("maps", 1))
        self.assertIn("one", ctl("overlay", "rollback", "maps", "2").out)
        ctl("restart", "one")
        self.assertEqual(host.mounted_layers("one")[0], ("maps", 2))
        self.assertFalse(host.status("one")["update_pending"])
        for words, code in ((["9"], 4), (["x"], 2), (["0"], 2)):
            self.assertEqual(ctl("overlay", "rollback", "maps", *words, check=False).code, code)
        ctl("overlay", "rollback", "maps", "1")
        self.assertEqual(ctl("overlay", "rollback", "maps", check=False).code, 4)

    def test_old_versions_go_when_nobody_has_them(self):
        self.overlay("maps", host.layer("maps"))
        self.server("one", "--overlay", "maps")
        follow.start("one")
        before = host.tree_sums(version_path("maps", 1))
        refused = ctl("overlay", "keep", "maps", "0", check=False)
        self.assertEqual(refused.code, 2)
        self.assertEqual(ctl_json("overlay", "keep", "maps", "1"), {"name": "maps", "keep_versions": 1})
        with follow.Watch() as watch:
            put("maps", LAYER, "two\n")
            self.wait_versions(watch, "maps", [1, 2])
            put("maps", LAYER, "three\n")
            self.wait_versions(watch, "maps", [1, 3])
            self.assertEqual(host.tree_sums(version_path("maps", 1)), before)
            ctl("stop", "one")
            self.wait_versions(watch, "maps", [3])
        ctl("overlay", "keep", "maps", "3")
        put("maps", LAYER, "four\n")
        asked = ctl("overlay", "keep", "maps", "1", check=False)
        self.assertEqual(asked.code, 2, str(asked))
        self.assertIn("loses these: 3", asked.err)
        self.assertEqual(versions("maps"), [3, 4])
        with follow.Watch() as watch:
            ctl("overlay", "keep", "maps", "1", "--yes")
            self.wait_versions(watch, "maps", [4])

    def test_single_files(self):
        self.overlay("maps", host.layer("maps"))
        put("maps", CFG, "echo one\n", user=host.ADMIN)
        self.assertEqual(ctl("overlay", "cat", "maps", CFG, user=host.ADMIN).out, "echo one\n")
        shown = ctl_json("overlay", "show", "maps")["versions"][-1]
        self.assertEqual((shown["version"], shown["label"]), (2, f"put {CFG}"))
        info = os.stat(version_path("maps", 2, CFG))
        self.assertEqual((info.st_uid, stat.S_IMODE(info.st_mode)), (980, 0o644))
        self.assertEqual(os.stat(version_path("maps", 1, LAYER)).st_ino, os.stat(version_path("maps", 2, LAYER)).st_ino)
        same = put("maps", CFG, "echo one\n")
        self.assertIn("nothing changed", same.out)
        self.assertEqual(versions("maps"), [1, 2])
        target = os.path.join("/tmp", "versions-got.cfg")
        self.addCleanup(lambda: os.path.exists(target) and os.unlink(target))
        ctl("overlay", "get", "maps", CFG, target, "--force")
        with open(target, encoding="utf-8") as file:
            self.assertEqual(file.read(), "echo one\n")
        self.assertEqual(ctl("overlay", "rm", "maps", CFG, check=False).code, 2)
        ctl("overlay", "rm", "--yes", "maps", "left4dead2/cfg")
        self.assertEqual(ctl("overlay", "cat", "maps", CFG, check=False).code, 4)
        self.assertEqual(ctl("overlay", "cat", "maps", CFG, "--version", "2").out, "echo one\n")
        self.assertEqual(ctl("overlay", "rm", "--yes", "maps", CFG, check=False).code, 4)
        refused = put("maps", "left4dead2", "x", check=False)
        self.assertIn("left4dead2", refused.err)
        self.assertEqual(refused.code, 1)
        self.assertEqual(versions("maps"), [1, 2, 3])

    def edit(self, script, path=CFG, check=True):
        return host.run("env", "VISUAL=", f"EDITOR=sh -c '{script}' sh", "left4mectl", "overlay", "edit", "maps", path, check=check)

    def test_edit(self):
        self.overlay("maps", host.layer("maps", **{CFG: "echo one\n"}))
        self.edit('echo "echo two" >>"$1"')
        self.assertEqual(ctl("overlay", "cat", "maps", CFG).out, "echo one\necho two\n")
        self.assertIn("nothing changed", self.edit("true").out)
        self.assertEqual(self.edit("exit 3", check=False).code, 1)
        self.assertEqual(versions("maps"), [1, 2])
        self.edit('echo new >"$1"', path="left4dead2/cfg/new.cfg")
        self.assertEqual(ctl("overlay", "cat", "maps", "left4dead2/cfg/new.cfg").out, "new\n")

        # Somebody else was faster: without a terminal to ask at, the text is kept and the file stays.
        lost = self.edit(f'echo other | left4mectl overlay put maps {CFG} -; echo mine >"$1"', check=False)
        self.assertNotEqual(lost.code, 0, str(lost))
        self.assertEqual(ctl("overlay", "cat", "maps", CFG).out, "other\n")
        kept = next(word for word in lost.err.split() if word.startswith("/tmp/left4mectl-"))
        with open(kept, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine\n")
        os.unlink(kept)
        os.rmdir(os.path.dirname(kept))

    def test_diff(self):
        self.overlay("maps", host.layer("maps", **{CFG: "echo one\n"}))
        put("maps", CFG, "echo 111\n")
        put("maps", "left4dead2/new/file", "x")
        changed = {"path": CFG, "change": "changed", "before": 9, "after": 9}
        added = [{"path": "left4dead2/new/", "change": "added", "before": 0, "after": 0},
                 {"path": "left4dead2/new/file", "change": "added", "before": 0, "after": 1}]
        self.assertEqual(ctl_json("overlay", "diff", "maps", "1", "2"), [changed])
        self.assertEqual(ctl_json("overlay", "diff", "maps"), added)
        self.assertEqual(ctl_json("overlay", "diff", "maps", "1"), [changed] + added)
        self.assertEqual(ctl_json("overlay", "diff", "maps", "3", "3"), [])
        self.assertEqual(ctl("overlay", "diff", "maps", "1", "9", check=False).code, 4)

    def test_rename(self):
        self.overlay("maps", host.layer("maps", **{"left4dead2/cfg/server.cfg": "sv_tags renamed\n"}))
        self.addCleanup(ctl, "overlay", "delete", "--yes", "atlas", check=False)
        self.server("one", "--overlay", "maps")
        self.assertEqual(follow.start("one")["cvar.sv_tags"], ["renamed"])
        refused = ctl("overlay", "rename", "maps", "atlas", "--json", check=False)
        self.assert_refused(refused, "InUse")
        ctl("stop", "one")
        self.assert_refused(ctl("overlay", "rename", "maps", "game", "--json", check=False), "NameTaken")
        self.assertEqual(ctl_json("overlay", "rename", "maps", "atlas"), {"name": "atlas", "old_name": "maps"})
        self.assertEqual(ctl_json("configure", "one")["overlays"], ["atlas"])
        self.assertEqual((versions("atlas"), on_disk("atlas")), ([1], [1]))
        self.assertFalse(os.path.exists(f"{host.LIBRARY}/overlays/maps"))
        # What the overlay brought is still run at each map start.
        self.assertEqual(follow.start("one")["cvar.sv_tags"], ["renamed"])
        self.assertEqual(host.mounted_layers("one")[0], ("atlas", 1))
        self.remove_server("one")
