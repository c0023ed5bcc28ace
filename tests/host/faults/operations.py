# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be asked of left4med, each with a look at the world afterwards: has it happened, has it not, or only half?

prepare() brings the world where the operation has work to do, post() sends the call, answered() takes what a call brought
besides its job, happened() looks: True, False, or None where both are as good. `destructive` ones were asked to throw something away:
when they fail, it may be gone already.
"""

import hashlib
import io
import os
import zipfile

import ground
import host
import wire
from ground import INSTANCE, OVERLAY, STATE, V

GAME, MAPS, BYSTANDER, SUBJECT, OTHER, LAYER, SECOND = "ft-game", "ft-maps", "ft-by", "ft-one", "ft-two", "ft-layer", "ft-layer2"
MARKER = "left4dead2/marker.txt"


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
    """What the versions of all overlays have to hold: {(overlay, version): tree}."""

    def __init__(self):
        self.trees = {}

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


class Operation:
    destructive = False

    def __init__(self, g, world):
        self.g, self.world = g, world

    def there(self, name):
        return wire.instance_path(name) in self.g.objects()

    def need(self, name, running=False):
        if not self.there(name):
            self.g.create(name, Game=GAME, Overlays=[MAPS], Cvars={"hostname": name})
        self.g.instance(name, "Start" if running else "Stop")

    def forget(self, name):
        if self.there(name):
            self.g.instance(name, "Stop")
            self.g.do(self.g.instance(name, "Delete")[0])

    def mark(self, name):
        """Something that the server wrote."""
        if not os.path.isdir(f"{STATE}/uppers/{name}/upper/left4dead2"):
            self.g.instance(name, "Start")
            self.g.instance(name, "Stop")
        path = f"{STATE}/uppers/{name}/upper/{MARKER}"
        with open(path, "w", encoding="ascii") as file:
            file.write("of value")
        os.chown(path, 980, 980)

    def marked(self, name):
        return os.path.exists(f"{STATE}/uppers/{name}/upper/{MARKER}")

    def settings(self, name):
        return self.g.instance(name, "GetSettings")[0]

    def state(self, name=SUBJECT):
        return self.g.get(wire.NAME, wire.instance_path(name), INSTANCE, "ActiveState")

    def overlay(self, member, *arguments, name=LAYER):
        return self.g.post(wire.NAME, wire.overlay_path(name), OVERLAY, member, *arguments)

    def prepare(self):
        self.need(SUBJECT)

    def answered(self, reply):
        pass

    def happened(self):
        return None


class Start(Operation):
    def post(self):
        return self.g.post_instance(SUBJECT, "Start")

    def happened(self):
        return self.state() == "active"


class Stop(Operation):
    # it can fail with the server ended, when nobody can tell whether its files are unmounted
    destructive = True

    def prepare(self):
        self.need(SUBJECT, running=True)

    def post(self):
        return self.g.post_instance(SUBJECT, "Stop")

    def happened(self):
        return self.state() != "active"


class Restart(Stop):
    destructive = False

    def post(self):
        return self.g.post_instance(SUBJECT, "Restart")

    def happened(self):
        return True if self.state() == "active" else None


class Create(Operation):
    def prepare(self):
        self.need(SUBJECT)
        self.forget(OTHER)

    def post(self):
        return self.g.post(*wire.MANAGER, "CreateInstance", "sa{sv}", OTHER,
                           {"Game": V("s", GAME), "Overlays": V("as", [MAPS]), "Lines": V("as", ["made"])})

    def happened(self):
        if not self.there(OTHER):
            return False
        settings = self.settings(OTHER)
        if (settings["Lines"], settings["Overlays"]) != (["made"], [MAPS]):
            raise AssertionError(f"{OTHER} was created with {settings}")
        return True


class Clone(Create):
    def prepare(self):
        super().prepare()
        self.g.instance(SUBJECT, "Configure", "a{sv}", {"Lines": V("as", ["made"])})

    def post(self):
        return self.g.post_instance(SUBJECT, "Clone", "sa{sv}", OTHER, {})


class Configure(Operation):
    old, new = {"Lines": ["old"], "Cvars": {"hostname": "old"}}, {"Lines": ["new"], "Cvars": {"hostname": "new"}}

    @staticmethod
    def values(settings):
        return {"Lines": V("as", settings["Lines"]), "Cvars": V("a{ss}", settings["Cvars"])}

    def prepare(self):
        self.need(SUBJECT)
        self.g.instance(SUBJECT, "Configure", "a{sv}", self.values(self.old))

    def post(self):
        return self.g.post_instance(SUBJECT, "Configure", "a{sv}", self.values(self.new))

    def happened(self):
        settings = self.settings(SUBJECT)
        now = {key: settings[key] for key in self.old}
        if now not in (self.old, self.new):
            raise AssertionError(f"{SUBJECT} is half configured: {now}")
        return now == self.new


class Rename(Operation):
    def prepare(self):
        self.forget(OTHER)
        self.need(SUBJECT)
        self.mark(SUBJECT)
        self.before = self.settings(SUBJECT)

    def post(self):
        return self.g.post_instance(SUBJECT, "Rename", "s", OTHER)

    def happened(self):
        found = [n for n in (SUBJECT, OTHER) if self.there(n)]
        if len(found) != 1 or not self.marked(found[0]) or self.settings(found[0]) != self.before:
            raise AssertionError(f"after a rename there are {found}, "
                                 f"files of {[n for n in (SUBJECT, OTHER) if self.marked(n)]}")
        return found == [OTHER]


class Reset(Operation):
    destructive = True

    def prepare(self):
        self.need(SUBJECT)
        self.mark(SUBJECT)

    def post(self):
        return self.g.post_instance(SUBJECT, "Reset")

    def happened(self):
        if not self.there(SUBJECT):
            raise AssertionError("a reset took the server itself away")
        return not self.marked(SUBJECT)


class Delete(Reset):
    def post(self):
        return self.g.post_instance(SUBJECT, "Delete")

    def happened(self):
        return not self.there(SUBJECT)


class CreateOverlay(Operation):
    def prepare(self):
        if wire.overlay_path(SECOND) in self.g.objects():
            self.g.do(self.g.wait(self.overlay("Delete", name=SECOND))[0])

    def post(self):
        return self.g.post(*wire.MANAGER, "CreateOverlay", "ssa{sv}", SECOND, "files", {})

    def happened(self):
        return wire.overlay_path(SECOND) in self.g.objects()


class Import(Operation):
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

    def versions(self):
        if wire.overlay_path(LAYER) not in self.g.objects():
            return None
        return [v[0] for v in self.g.get(wire.NAME, wire.overlay_path(LAYER), OVERLAY, "Versions")]

    def need_layer(self):
        if self.versions() is None:
            self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
        versions = self.versions()
        if len(versions) > 6 or not versions:
            if versions:
                self.g.do(self.g.wait(self.overlay("Delete"))[0])
                self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
            for n in range(2):
                state, message = self.g.import_bytes(LAYER, host.archive({"left4dead2/n0.txt": b"old", f"base{n}.txt": b"base"}))
                if state != "succeeded":
                    raise AssertionError(message)
        self.before = self.versions()

    def prepare(self):
        self.need_layer()
        content = self.content()
        self.archive = self.pack(content)
        self.expected = {**self.world.known(LAYER, self.before[-1]), **sums(content)}
        self.upload = None

    def post(self):
        return self.g.post_import(LAYER, Size=V("t", len(self.archive)))

    def answered(self, reply):
        self.upload = ground.Upload(reply[1], self.archive, self.piece, self.pause)

    def happened(self):
        if self.upload:
            self.upload.join(20)
            if self.upload.is_alive():
                raise AssertionError("who writes into the pipe of an import that is over is left hanging")
        versions = self.versions()
        new = [v for v in versions if v not in self.before]
        if not new:
            return False
        for version in new:
            self.world.trees[LAYER, version] = self.expected
        if len(new) > 1:
            raise AssertionError(f"an import made the versions {new}")
        return True


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


class DeleteOverlay(Import):
    destructive = True

    def post(self):
        return self.overlay("Delete")

    def answered(self, reply):
        pass

    def happened(self):
        return wire.overlay_path(LAYER) not in self.g.objects()


OPERATIONS = {"start": Start, "stop": Stop, "restart": Restart, "create": Create, "clone": Clone, "configure": Configure,
              "rename": Rename, "reset": Reset, "delete": Delete, "create_overlay": CreateOverlay, "import": Import,
              "import_slow": ImportSlow, "import_zip": ImportZip, "delete_overlay": DeleteOverlay}
