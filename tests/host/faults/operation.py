# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all operations share: left4med is asked for something, and a look at the world tells whether it has happened, has not, or
only half.

prepare() brings the world where the operation has work to do, post() sends the call, answered() takes what a call brought
besides its job, happened() looks: True, False, or None where both are as good. `destructive` ones were asked to throw something
away: when they fail, it may be gone already.
"""

import hashlib
import os

import wire
from ground import OVERLAY, STATE
from subjects import Subjects
from sources import Sources

GAME, MAPS, BYSTANDER, SUBJECT, OTHER, LAYER, SECOND = "ft-game", "ft-maps", "ft-by", "ft-one", "ft-two", "ft-layer", "ft-layer2"


def tree_of(path):
    """{file: its SHA-256, or where the link leads} of a directory tree, or None."""
    if not os.path.isdir(path):
        return None
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            if os.path.islink(full):
                found[os.path.relpath(full, path)] = "-> " + os.readlink(full)
            else:
                with open(full, "rb") as file:
                    found[os.path.relpath(full, path)] = hashlib.sha256(file.read()).hexdigest()
    return found


def sums(files):
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


class World:
    """What the versions of all overlays have to hold, {(overlay, version): tree}; and where builds fetch from."""

    def __init__(self):
        self.trees = {}
        self.sources = None

    def need_sources(self):
        if not self.sources:
            self.sources = Sources()
            self.sources.up()
        return self.sources

    def close(self):
        if self.sources:
            self.sources.down()

    def known(self, name, version):
        """The tree of a version; what is there when it is asked for the first time is what it has to stay."""
        if (name, version) not in self.trees:
            self.trees[name, version] = tree_of(f"{STATE}/overlays/{name}/versions/{version}")
        return self.trees[name, version]

    def complaints(self, overlays):
        there = {(o["Name"], v[0]) for o in overlays for v in o["Versions"]}
        self.trees = {key: tree for key, tree in self.trees.items() if key in there}
        return [f"version {version} of {name} is not what it was made of" for name, version in sorted(there)
                if tree_of(f"{STATE}/overlays/{name}/versions/{version}") != self.known(name, version)]


class Operation(Subjects):
    game, maps, layer, destructive = GAME, MAPS, LAYER, False

    def __init__(self, g, world):
        super().__init__(g)
        self.world = world

    def overlay(self, member, *arguments, name=None):
        return self.g.post(wire.NAME, wire.overlay_path(name or self.layer), OVERLAY, member, *arguments)

    def overlay_property(self, name, word):
        return self.g.get(wire.NAME, wire.overlay_path(name), OVERLAY, word)

    def prepare(self):
        self.need(SUBJECT)

    def answered(self, reply):
        pass

    def jobs(self, reply):
        """Those that a reply names: what was asked for is done when they have ended."""
        return [reply[0]] if reply and isinstance(reply[0], str) and "/job/" in reply[0] else []

    def happened(self):
        return None
