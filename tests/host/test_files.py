# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of servers that run: what left4mectl tells of them is what the game sees, whatever the game does to them; and what
several overlays bring is told before a start."""

import os
import stat

import follow
import ground
import host
import wire
from host import ctl, ctl_json, run, upper

# In the place of srcds_run: does what its overlay's script says, in its own sandbox, and says when it has.
GAME_RUN = """#!/bin/bash
cd /mnt/server/left4dead2 || exit 1
. /mnt/server/left4dead2/play.sh
echo "played"
trap 'exit 0' INT
sleep infinity &
wait
"""

PLAY = """
echo changed >lower.txt
rm gone.txt
mv old.txt new.txt
rm -r dir && mkdir dir && echo fresh >dir/fresh.txt
echo own >more/own.txt
rm -r replaced && echo file >replaced
rm maps/c2.bsp && mkdir maps/c2.bsp
ln -s ../../../../../etc/passwd link
echo motd >"motd äö  1.txt"
truncate -s 3000000 sparse
echo mine >cfg/mine.cfg
"""
# What the game sees after it: type, size and path of everything. What is mounted has the size that it has.
LOOK = r"""
find . -mindepth 1 ! -name seen -printf '%y\t%s\t%P\0' >seen
"""

HOSTILE = r"""
mkfifo pipe
ln -s /etc/shadow out
ln -s loop loop
ln -s ../../../../instances/evil/left4me.cfg secret
mknod null c 1 3 2>/dev/null && echo "a device was made"
mknod whiteout c 0 0 2>/dev/null && echo "a whiteout was made"
setfattr -n user.overlay.opaque -v y . 2>/dev/null
: >$'\377\n\033[2J'
(umask 0777; echo closed >closed.txt)
mkdir closed && echo x >closed/x && chmod 0 closed
mkdir wide && cd wide && eval ': >'{1..20500}';' && cd ..
deep=$PWD; for i in {1..99}; do mkdir d && cd d; done; : >bottom; cd "$deep"
rm -rf cfg/* 2>/dev/null; mkdir -p cfg/mine; ln -s /etc/shadow cfg/shadow.cfg
"""


def game(name, script):
    host.make_overlay(name, {"srcds_run": GAME_RUN, "left4dead2/play.sh": script, "left4dead2/lower.txt": "lower\n",
                             "left4dead2/gone.txt": "gone\n", "left4dead2/old.txt": "old\n", "left4dead2/dir/below.txt": "x\n",
                             "left4dead2/replaced/below.txt": "x\n", "left4dead2/maps/c1.bsp": "one\n",
                             "left4dead2/maps/c2.bsp": "two\n", "left4dead2/cfg/server.cfg": "own\n", "left4dead2/more/x": "x\n"})


def start(name):
    with follow.Console(name) as console:
        ctl("start", name)
        console.next("played")
        return [str(r["MESSAGE"]) for r in console.lines]


def rows(name, *words, **options):
    return [(r["path"], r["type"], r["layer"], r["visible"]) for r in ctl_json("files", name, *words, **options)]


class Files(host.Case):
    @classmethod
    def setup_class(cls):
        game("game", PLAY + LOOK)
        host.make_overlay("mods", {"left4dead2/lower.txt": "mods\n", "left4dead2/maps/c3.bsp": "three\n"})

    def setUp(self):
        self.name = self.server("files-1", "--overlay", "mods")

    def seen_by_the_game(self):
        types = {"f": "file", "d": "directory", "l": "symlink", "p": "special"}
        with open(upper(self.name, "left4dead2", "seen"), encoding="utf-8") as file:
            lines = [line.split("\t") for line in file.read().split("\0") if line]
        return {path: (types[kind], int(size) if kind != "d" else 0) for kind, size, path in lines}

    def test_what_the_game_sees(self):
        """Name by name, type by type, byte by byte."""
        start(self.name)
        seen = self.seen_by_the_game()
        told = {r["path"].removeprefix("left4dead2/"): (r["type"], r["size"])
                for r in ctl_json("files", self.name, "left4dead2", "-R") if not r["path"].endswith("/seen")}
        self.assertEqual(told, seen)
        self.assertIn("motd äö  1.txt", told)
        for path in ("lower.txt", "new.txt", "dir/fresh.txt", "motd äö  1.txt", "sparse", "cfg/mine.cfg"):
            inside = run("cat", f"{host.merged(self.name)}/left4dead2/{path}").out
            self.assertEqual(ctl("cat", self.name, "left4dead2/" + path).out, inside, path)

    def test_layers(self):
        """Who provides it, what that hides, and what whiteouts and opaque directories hide."""
        start(self.name)
        told = [(path.removeprefix("left4dead2/"), *rest) for path, *rest in rows(self.name, "left4dead2", "--layers")]
        self.assertEqual([r for r in told if r[0] not in ("cfg", "play.sh")], [
            ("dir", "directory", "@upper", True), ("dir", "directory", "game", False),
            ("gone.txt", "whiteout", "@upper", False), ("gone.txt", "file", "game", False),
            ("link", "symlink", "@upper", True),
            ("lower.txt", "file", "@upper", True), ("lower.txt", "file", "mods", False), ("lower.txt", "file", "game", False),
            ("maps", "directory", "@upper", True), ("maps", "directory", "mods", True), ("maps", "directory", "game", True),
            ("more", "directory", "@upper", True), ("more", "directory", "game", True),
            ("motd äö  1.txt", "file", "@upper", True),
            ("new.txt", "file", "@upper", True),
            ("old.txt", "whiteout", "@upper", False), ("old.txt", "file", "game", False),
            ("replaced", "file", "@upper", True), ("replaced", "directory", "game", False),
            ("seen", "file", "@upper", True), ("sparse", "file", "@upper", True)])
        self.assertEqual(rows(self.name, "left4dead2/dir", "--layers"), [
            ("left4dead2/dir/below.txt", "file", "game", False), ("left4dead2/dir/fresh.txt", "file", "@upper", True)])
        self.assertEqual(rows(self.name, "left4dead2/cfg"), [
            ("left4dead2/cfg/left4me.cfg", "file", "@generated", True), ("left4dead2/cfg/mine.cfg", "file", "@upper", True),
            ("left4dead2/cfg/server.cfg", "file", "@generated", True), ("left4dead2/cfg/server_game.cfg", "file", "game", True)])
        self.assertEqual([ctl("cat", self.name, "left4dead2/lower.txt", "--layer", layer).out for layer in ("@upper", "mods", "game")],
                         ["changed\n", "mods\n", "lower\n"])
        self.assertEqual(ctl("cat", self.name, "left4dead2/gone.txt", "--layer", "game").out, "gone\n")
        table = ctl("files", self.name, "left4dead2", "--layers").out
        self.assertRegex(table, r"(?m)^ +- .* @upper +whiteout +gone.txt$")
        self.assertRegex(table, r"(?m)^ +5B .* game/1 +hidden +gone.txt$")
        self.assertLessEqual(max(map(len, table.splitlines())), 80)

    def test_versions_of_the_mount(self):
        """A server that runs has the versions that it started with; stopped, those of its next start."""
        start(self.name)
        host.import_files("mods", {"left4dead2/maps/c3.bsp": "another\n"})
        self.assertEqual(ctl("cat", self.name, "left4dead2/maps/c3.bsp").out, "three\n")
        ctl("stop", self.name)
        self.assertEqual(ctl("cat", self.name, "left4dead2/maps/c3.bsp").out, "another\n")

    def test_generated_files_are_nobodys(self):
        start(self.name)
        for path in ("left4dead2/cfg/left4me.cfg", "left4dead2/cfg/server.cfg"):
            for layer in ([], ["--layer", "@generated"]):
                self.assert_refused(ctl("get", self.name, path, "-", "--json", *layer, check=False), "NotReadable")
        self.assertEqual(ctl("cat", self.name, "left4dead2/cfg/server.cfg", "--layer", "game").out, "own\n")

    def test_who_may_not(self):
        """Nobody in particular is told nothing, not even what is there."""
        for words in (["files", self.name], ["cat", self.name, "srcds_run"], ["get", self.name, "nowhere", "-"]):
            result = ctl(*words, "--no-ask-password", user=host.GUEST, check=False)
            self.assertEqual((result.code, result.out), (5, ""), str(result))
        self.assertEqual(ctl("cat", self.name, "left4dead2/gone.txt", user=host.ADMIN).out, "gone\n")

    def test_held_files_hinder_nothing(self):
        """Whoever holds a file open holds up neither a stop nor a removal, for it was not opened through the mount."""
        start(self.name)
        with ground.Ground() as g:
            held = [g.instance(self.name, "OpenFile", "ss", path, "")[0] for path in ("left4dead2/lower.txt", "left4dead2/maps/c1.bsp")]
            self.addCleanup(lambda: [os.close(fd) for fd in held])
            self.assertTrue(all(stat.S_ISREG(os.fstat(fd).st_mode) for fd in held))
            with self.assertRaises(OSError):
                os.write(held[0], b"x")
            ctl("stop", self.name)
            self.assertEqual(host.mounted_layers(self.name), [])
            ctl("reset", "--yes", self.name)
            self.assertEqual(os.read(held[0], 100), b"changed\n")


class Hostile(host.Case):
    @classmethod
    def setup_class(cls):
        game("game", HOSTILE)

    def test_what_a_game_plants(self):
        """It hurts its own list at most, and no one else's."""
        name = self.server("evil")
        said = start(name)
        self.assertFalse([line for line in said if "was made" in line])
        files = {r["path"].removeprefix("left4dead2/"): r for r in ctl_json("files", name, "left4dead2")}
        self.assertEqual(files["pipe"]["type"], "special")
        self.assertEqual(files["out"]["type"], "symlink")
        self.assertEqual(files["lower.txt"]["layer"], "game")
        self.assertIn("\\xff\\x0a\\x1b[2J", files)
        self.assertEqual(ctl("cat", name, "left4dead2/\\xff\\x0a\\x1b[2J").out, "")
        for path, error in (("pipe", "NotReadable"), ("out", "NotReadable"), ("secret", "NotReadable"), ("loop", "NotReadable"),
                            ("closed.txt", "NotReadable"), ("closed/x", "NotReadable"), ("wide", "NotReadable"),
                            ("cfg/shadow.cfg", "NotReadable"), ("out/x", "NoSuchFile"), ("loop/loop", "NoSuchFile")):
            with self.subTest(path=path):
                result = ctl("get", name, "left4dead2/" + path, "-", "--json", check=False)
                self.assert_refused(result, error, 4 if error == "NoSuchFile" else 1)
        self.assertIn("for itself alone", ctl("cat", name, "left4dead2/closed.txt", check=False).err)
        self.assert_refused(ctl("files", name, "left4dead2/closed", "--json", check=False), "NotReadable")
        self.assert_refused(ctl("files", name, "left4dead2/wide", "--json", check=False), "LimitsExceeded")
        deep = "left4dead2/" + "/".join("d" * 98)
        self.assertEqual(rows(name, deep), [(deep + "/d", "directory", "@upper", True)])
        self.assert_refused(ctl("files", name, deep + "/d/d", "--json", check=False), "InvalidArgument")
        ctl("stop", name)
        self.assertEqual(ctl("cat", name, "left4dead2/gone.txt").out, "gone\n")


class Conflicts(host.Case):
    COMMON = {"left4dead2/maps/same.bsp": "x", "left4dead2/addons/sourcemod/plugins/same.smx": "x",
              "left4dead2/addons/sourcemod/gamedata/same.txt": "x"}
    WARNINGS = "".join(f"left4mectl: both-1: upper hides 1 {kind} of lower: {name}\n"
                       for kind, name in (("map", "same.bsp"), ("plugin", "same.smx"), ("gamedata file", "same.txt")))

    @classmethod
    def setup_class(cls):
        host.make_game()
        host.make_overlay("upper", {**cls.COMMON, "left4dead2/maps/own.bsp": "x"})
        host.make_overlay("lower", {**cls.COMMON, "left4dead2/addons/sourcemod/plugins/own.smx": "x"})

    def test_told_before_a_start(self):
        name = self.server("both-1", "--overlay", "upper", "--overlay", "lower")
        for verb in ("start", "restart"):
            result = ctl(verb, name)
            self.assertEqual(result.err, self.WARNINGS)
            self.assertEqual(host.status(name)["active_state"], "active")
        found = host.status(name)["conflicts"]
        self.assertEqual([(c["kind"], os.path.basename(c["path"]), c["layers"]) for c in found],
                         [(k, n, ["upper", "lower"]) for k, n in (("map", "same.bsp"), ("plugin", "same.smx"), ("gamedata", "same.txt"))])
        self.assertIn("Conflicts: upper hides 1 map of lower: same.bsp", ctl("status", name).out)
        # what is told is the next start's
        self.assertEqual(ctl("configure", name, "--overlay", "upper").err, "")
        self.assertEqual(ctl("restart", name).err, "")
        self.assertEqual(host.status(name)["conflicts"], [])
        self.assertEqual(ctl("configure", name, "--overlay", "upper", "--overlay", "lower").err, self.WARNINGS)

    def test_who_may_not_ask_is_told_nothing(self):
        name = self.server("both-1", "--overlay", "upper", "--overlay", "lower")
        result = ctl("status", name, "--no-ask-password", user=host.GUEST, check=False)
        self.assertNotIn("Conflicts", result.out)
        with wire.Bus() as bus:
            self.assertEqual(len(bus.call(wire.NAME, wire.instance_path(name), ground.INSTANCE, "FindConflicts")[0]), 3)
