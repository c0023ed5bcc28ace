# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be asked of an overlay: builds, its versions, its name."""

import io
import os
import zipfile

import ground
import host
import wire
from ground import V
from operation import GAME, LAYER, SECOND, Operation, sums
from renames import OverlayRename

KEPT = 3  # versions of LAYER, but for what Prune does


class CreateOverlay(Operation):
    def prepare(self):
        if wire.overlay_path(SECOND) in self.g.objects():
            self.g.do(self.g.wait(self.overlay("Delete", name=SECOND))[0])

    def post(self):
        return self.g.post(*wire.MANAGER, "CreateOverlay", "ssa{sv}", SECOND, "files", {})

    def happened(self):
        return wire.overlay_path(SECOND) in self.g.objects()


class OfLayer(Operation):
    """Something about an overlay, LAYER if nothing else is said, which has a current version with files, and others."""

    def versions(self):
        return [v[0] for v in self.of_layer("Versions")]

    def of_layer(self, name):
        return self.overlay_property(self.layer, name)

    def fill(self, content):
        state, message = self.g.import_bytes(LAYER, host.archive(content))
        if state != "succeeded":
            raise AssertionError(message)

    def prepare(self):
        if wire.overlay_path(LAYER) not in self.g.objects():
            self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
        self.g.wait(self.overlay("SetKeepVersions", "u", KEPT))
        while len(self.versions()) < 2:
            n = len(self.versions())
            self.fill({"left4dead2/n0.txt": b"old", f"base{n}.txt": b"base"})
        self.before, self.current = self.versions(), self.of_layer("Current")
        self.tree = self.world.known(LAYER, self.current)


class Build(OfLayer):
    """Makes a version out of the current one: `expected` is what it has to hold."""
    upload = None

    def happened(self):
        if self.upload:
            self.upload.join(60)
            if self.upload.is_alive():
                raise AssertionError("who writes into the pipe of a job that is over is left hanging")
        new = [v for v in self.versions() if v not in self.before]
        if not new:
            if self.of_layer("Current") != self.current:
                raise AssertionError(f"version {self.of_layer('Current')} is current after a build that made none")
            return False
        if [self.of_layer("Current")] != new:
            raise AssertionError(f"a build made the versions {new}, and {self.of_layer('Current')} is current")
        self.world.trees[self.layer, new[0]] = self.expected
        return True


class Import(Build):
    """On top of a version that has other files, some of which it replaces."""
    number = 0
    files, size, piece, pause = 12, 3000, 0, 0.0

    def content(self):
        Import.number += 1
        content = {f"left4dead2/n{n}.txt": os.urandom(self.size) for n in range(self.files)}
        content[f"left4dead2/mark-{Import.number}.txt"] = b"all there"
        return content

    def pack(self, content):
        return host.archive(content)

    def prepare(self):
        super().prepare()
        content = self.content()
        self.archive = self.pack(content)
        self.expected = {**self.tree, **sums(content)}

    def post(self):
        return self.g.post_import(LAYER, Size=V("t", len(self.archive)))

    def answered(self, reply):
        self.upload = ground.Upload(reply[1], self.archive, self.piece, self.pause)


class ImportSlow(Import):
    piece, pause = 4000, 0.01


class ImportZip(Import):
    """Is taken in whole before it is unpacked."""

    def pack(self, content):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, file in content.items():
                packed.writestr(path, file)
        return data.getvalue()


class PutFile(Build):
    """Over a file that all versions have, each its own."""
    path = "left4dead2/n0.txt"

    def prepare(self):
        super().prepare()
        self.content = os.urandom(50000)
        self.expected = {**self.tree, **sums({self.path: self.content})}

    def post(self):
        return self.overlay("PutFile", "sa{sv}", self.path, {"Size": V("t", len(self.content))})

    def answered(self, reply):
        self.upload = ground.Upload(reply[1], self.content)


class RemoveFiles(Build):
    """A directory with all that is in it."""
    path = "left4dead2/old"

    def prepare(self):
        super().prepare()
        if f"{self.path}/a.txt" not in self.tree:
            self.fill({f"{self.path}/a.txt": b"a", f"{self.path}/deep/b.txt": b"b"})
            super().prepare()
        self.expected = {path: value for path, value in self.tree.items() if not path.startswith(self.path + "/")}

    def post(self):
        return self.overlay("RemoveFiles", "as", [self.path])


class Rollback(OfLayer):
    def prepare(self):
        super().prepare()
        self.to = next(v for v in self.before if v != self.current)

    def post(self):
        return self.overlay("Rollback", "u", self.to)

    def happened(self):
        now = self.of_layer("Current")
        if now not in (self.current, self.to) or self.versions() != self.before:
            raise AssertionError(f"of {self.before} with {self.current} as the current one a rollback to {self.to} made "
                                 f"{self.versions()} with {now}")
        return now == self.to


class Prune(OfLayer):
    """The oldest version is the current one: it stays, and the newest."""

    def prepare(self):
        super().prepare()
        while len(self.before) < KEPT:
            self.fill({"left4dead2/n0.txt": os.urandom(100)})
            super().prepare()
        if self.current != self.before[0]:
            self.g.wait(self.overlay("Rollback", "u", self.before[0]))
        self.kept = [self.before[0], self.before[-1]]

    def post(self):
        return self.overlay("SetKeepVersions", "u", 1)

    def happened(self):
        keep = self.of_layer("KeepVersions")
        if keep == 1 and self.versions() == self.before:
            # what could not be removed goes at the next start at the latest
            host.run("systemctl", "restart", "left4med.service")
            self.g.until(lambda: self.versions() == self.kept, what="what is too many goes")
        versions = self.versions()
        if (keep, versions) not in ((1, self.kept), (KEPT, self.before)) or self.of_layer("Current") != self.before[0]:
            raise AssertionError(f"of {self.before}, {self.kept} to be kept, there are {versions}, KeepVersions is {keep}")
        return keep == 1


class RenameOverlay(OverlayRename, Operation):
    """Has two versions with a configuration, which is there by the overlay's name too, and a server in whose stack it is."""
    names, user = ("ft-name", "ft-other-name"), "ft-user"

    def prepare(self):
        if not self.taken():
            self.g.manager("CreateOverlay", "ssa{sv}", self.names[0], "files", {})
            for n in range(2):
                self.g.import_bytes(self.names[0], host.archive({"left4dead2/cfg/server.cfg": f"sv_tags {n}\n"}))
            self.g.create(self.user, Game=GAME, Overlays=[self.names[0]])
        self.name, = self.taken()
        self.to = next(n for n in self.names if n != self.name)
        self.before = self.facts(self.name)
        self.trees = {v[0]: self.world.known(self.name, v[0]) for v in self.before[1]}

    def post(self):
        return self.overlay("Rename", "s", self.to, name=self.name)

    def happened(self):
        found = self.found()
        if found == self.to:
            for version, tree in self.trees.items():
                self.world.trees[self.to, version] = {
                    path.replace(f"server_{self.name}.cfg", f"server_{self.to}.cfg"): value for path, value in tree.items()}
        return found == self.to


class DeleteOverlay(OfLayer):
    destructive = True

    def post(self):
        return self.overlay("Delete")

    def happened(self):
        return wire.overlay_path(LAYER) not in self.g.objects()
