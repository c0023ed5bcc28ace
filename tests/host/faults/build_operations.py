# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays that build themselves, and those that servers wrote."""

import os
import time

import wire
from ground import OVERLAY, STATE, V, names
from operation import SUBJECT, Operation, sums, tree_of
from overlay_operations import KEPT, Build
from sources import addon

SCRIPT, WORKSHOP, STEAM, FROZEN = "ft-script", "ft-workshop", "ft-steam", "ft-frozen"
SEEDS = ("ft-seed1", "ft-seed2")
BEGAN = int(time.time())


class BuildKind(Build):
    """Of an overlay of its own that has a version. `slow`: it says so when it is in the middle, and stays there."""
    kind, word = "", ""
    number = 0
    slow = False

    def feed(self, mark):
        """Gives it something to build, and returns what has to come out."""

    def build(self):
        self.g.do(self.g.wait(self.post())[0])

    def prepare(self):
        if wire.overlay_path(self.layer) not in self.g.objects():
            self.g.manager("CreateOverlay", "ssa{sv}", self.layer, self.kind, {})
            self.g.wait(self.overlay("SetKeepVersions", "u", KEPT))
        BuildKind.number += 1
        if not self.versions():
            self.tree, slow, self.slow = {}, self.slow, False
            self.feed(f"first {BuildKind.number}")
            self.build()
            self.slow = slow
        self.before, self.current = self.versions(), self.of_layer("Current")
        self.tree = self.world.known(self.layer, self.current)
        self.expected = self.feed(f"number {BuildKind.number}")

    def post(self):
        return self.overlay("Build", "a{sv}", {})

    def in_the_middle(self, job):
        """Whether the slow one is there, by the properties of its job."""
        raise NotImplementedError


class BuildScript(BuildKind):
    """Writes over files, removes some, makes others, and takes a directory's place."""
    layer, kind = SCRIPT, "script"
    source = """set -e
echo '@progress 10 begins'
mkdir -p left4dead2/cfg
for n in 1 2 3; do echo "$n of MARK" >"left4dead2/$n.txt"; done
rm -rf left4dead2/dir "left4dead2/old"*
mkdir left4dead2/dir
echo 'MARK' >left4dead2/dir/inside
echo 'MARK' >"left4dead2/old MARK"
[ -e left4dead2/cfg/same.cfg ] || echo same >left4dead2/cfg/same.cfg
"""

    def feed(self, mark):
        source = self.source.replace("MARK", mark) + ("echo '@progress 50 half'\nsleep infinity\n" if self.slow else "")
        self.g.wait(self.overlay("SetSource", "s", source))
        files = {f"left4dead2/{n}.txt": f"{n} of {mark}\n".encode() for n in (1, 2, 3)}
        files |= {"left4dead2/dir/inside": f"{mark}\n".encode(), f"left4dead2/old {mark}": f"{mark}\n".encode(),
                  "left4dead2/cfg/same.cfg": b"same\n"}
        return sums(files)

    def in_the_middle(self, job):
        return job["Message"] == "half"


class BuildWorkshop(BuildKind):
    """One item stays, another one is new, a third one goes."""
    layer, kind = WORKSHOP, "workshop"

    def feed(self, mark):
        name, size = mark.replace(" ", ""), 3 << 20 if self.slow else 20000
        # never one that the cache has of an earlier run
        fresh = str(BEGAN * 1000 + BuildKind.number)
        sources = self.world.need_sources()
        sources.workshop_has(items={"1": {"addon": {"name": "stays"}}, fresh: {"addon": {"name": name, "size": size}}}, reset=True,
                             faults=[{"match": f"/ugc/{fresh}/", "what": "slow", "after": 2 << 20, "times": 9}] if self.slow else [])
        self.g.wait(self.overlay("SetItems", "as", ["1", fresh]))
        return sums({"left4dead2/addons/1.vpk": addon("stays", 0), f"left4dead2/addons/{fresh}.vpk": addon(name, size)})

    def in_the_middle(self, job):
        return 0.5 < job["Progress"] < 1.0


class BuildSteam(BuildKind):
    """An update of the game."""
    layer, kind = STEAM, "steam"

    def feed(self, mark):
        sources, build = self.world.need_sources(), 19000000 + BuildKind.number
        sources.steam_has(build=build, hang=self.slow)
        self.build_id = str(build)
        return None

    def happened(self):
        now = self.of_layer("Current")
        if now != self.current and now not in self.before:
            path = f"{STATE}/overlays/{self.layer}/versions/{now}"
            self.expected = {**self.tree, **{name: value for name, value in tree_of(path).items() if self.build_id in self.content(path, name)}}
        return super().happened()

    @staticmethod
    def content(folder, name):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def in_the_middle(self, job):
        return job["Message"].startswith("steamcmd renews itself")


class SetSource(Operation):
    layer = SCRIPT

    def source(self):
        return self.g.call(wire.NAME, wire.overlay_path(self.layer), OVERLAY, "GetSource")[0]

    def prepare(self):
        if wire.overlay_path(self.layer) not in self.g.objects():
            self.g.manager("CreateOverlay", "ssa{sv}", self.layer, "script", {})
        self.g.wait(self.overlay("SetSource", "s", "echo old\n"))

    def post(self):
        return self.overlay("SetSource", "s", "echo new\n")

    def happened(self):
        source = self.source()
        if source not in ("echo old\n", "echo new\n"):
            raise AssertionError(f"the source is {source!r}")
        return source == "echo new\n"


class Seed(Operation):
    """Makes one script overlay, gives another one a new source, and builds both."""
    number = 0

    def there(self, name):
        return wire.overlay_path(name) in self.g.objects()

    def versions_of(self, name):
        return [v[0] for v in self.overlay_property(name, "Versions")] if self.there(name) else []

    def prepare(self):
        Seed.number += 1
        self.text = f"seed {Seed.number}\n".encode()
        if self.there(SEEDS[1]):
            self.g.do(self.g.wait(self.overlay("Delete", name=SEEDS[1]))[0])
        if not self.there(SEEDS[0]):
            self.g.manager("CreateOverlay", "ssa{sv}", SEEDS[0], "script", {})
        self.before = {name: self.versions_of(name) for name in SEEDS}

    def post(self):
        source = f"echo seed {Seed.number} >left4dead2.txt\n"
        return self.g.post(*wire.MANAGER, "SeedScriptOverlays", "a{ss}a{sv}", {name: source for name in SEEDS}, {"Build": V("b", True)})

    def jobs(self, reply):
        return [job for _, _, job in reply[0] if job != "/"]

    def of(self, name):
        new = [v for v in self.versions_of(name) if v not in self.before[name]]
        if len(new) > 1:
            raise AssertionError(f"{name} got the versions {new}")
        for version in new:
            self.world.trees[name, version] = sums({"left4dead2.txt": self.text})
        return bool(new)

    def happened(self):
        """What is there of it goes on with the next call: that some of it has happened is as good as all or nothing."""
        done = [self.of(name) for name in SEEDS]
        return all(done) or (None if any(done) or self.there(SEEDS[1]) else False)


class Freeze(Operation):
    """Of a server that wrote files, some of which nobody wants to keep."""
    folder = "left4dead2/ft-freeze"

    def prepare(self):
        if wire.overlay_path(FROZEN) in self.g.objects():
            self.g.do(self.g.wait(self.overlay("Delete", name=FROZEN))[0])
        self.need(SUBJECT)
        self.mark(SUBJECT)
        upper = f"{STATE}/uppers/{SUBJECT}/upper"
        self.files = {f"{self.folder}/{n}.txt": os.urandom(2000) for n in range(4)}
        os.makedirs(f"{upper}/{self.folder}", exist_ok=True)
        for name, content in {**self.files, f"{self.folder}/some.log": b"no"}.items():
            with open(f"{upper}/{name}", "wb") as file:
                file.write(content)
            os.chown(f"{upper}/{name}", 980, 980)
        os.chown(f"{upper}/{self.folder}", 980, 980)
        self.upper = tree_of(upper)

    def post(self):
        return self.g.post_instance(SUBJECT, "Freeze", "sa{sv}", FROZEN, {})

    def happened(self):
        if tree_of(f"{STATE}/uppers/{SUBJECT}/upper") != self.upper:
            raise AssertionError("a freeze changed what the server wrote")
        if wire.overlay_path(FROZEN) not in self.g.objects():
            return False
        found = tree_of(f"{STATE}/overlays/{FROZEN}/versions/1")
        if not found or {n: v for n, v in found.items() if n.startswith(self.folder)} != sums(self.files):
            raise AssertionError(f"the frozen overlay has {found} in {names(f'{STATE}/overlays/{FROZEN}/versions')}")
        if {n: self.upper.get(n) for n in found} != found:
            raise AssertionError(f"the frozen overlay has {found}, what the server wrote is {self.upper}")
        self.world.trees[FROZEN, 1] = found
        return True
