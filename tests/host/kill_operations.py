# SPDX-License-Identifier: LGPL-2.1-or-later
"""What left4med is killed at, in test_restart_manager.py: each operation, and what a killed one may leave."""

import os

import ground
import host
import wire
from ground import OVERLAY, STATE, V
from renames import OverlayRename, ServerRename
from subjects import Subjects

KEPT = 3  # versions of an overlay
GAME, MAPS, BYSTANDER, SUBJECT, OTHER, LAYER = "rk-game", "rk-maps", "rk-by", "rk-one", "rk-two", "rk-layer"


class Operation(Subjects):
    """One thing that the manager is asked to do. prepare() and the call; done() waits for the end of one that nobody
    disturbed; check() looks at what a killed one left."""

    game, maps, job = GAME, MAPS, None

    def prepare(self):
        self.need(SUBJECT)

    def done(self, reply):
        if reply and isinstance(reply[0], str) and "/job/" in reply[0]:
            self.g.do(reply[0])

    def answered(self, reply):
        """The reply of a call that was answered before the kill."""

    def check(self, case, reply):
        pass


class Start(Operation):
    def post(self):
        return self.g.post_instance(SUBJECT, "Start")


class Stop(Operation):
    def prepare(self):
        self.need(SUBJECT, running=True)

    def post(self):
        return self.g.post_instance(SUBJECT, "Stop")


class Restart(Stop):
    def post(self):
        return self.g.post_instance(SUBJECT, "Restart")


class ImportSmall(Operation):
    number = 0
    files, size, piece, pause = 20, 1000, 0, 0.0

    def prepare(self):
        self.need(SUBJECT)
        if wire.overlay_path(LAYER) not in self.g.objects():
            self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
        ImportSmall.number += 1
        self.mark_file = f"mark-{ImportSmall.number}.txt"
        content = {f"left4dead2/{n}.txt": os.urandom(self.size) for n in range(self.files)}
        content[self.mark_file] = b"all there"
        self.archive = host.archive(content)
        self.before = self.versions()
        self.jobs = {j[0] for j in self.g.manager("ListJobs")[0]}
        self.upload = None

    def versions(self):
        return [v[0] for v in self.g.get(wire.NAME, wire.overlay_path(LAYER), OVERLAY, "Versions")]

    def post(self):
        return self.g.post_import(LAYER, Size=V("t", len(self.archive)))

    def answered(self, reply):
        self.upload = ground.Upload(reply[1], self.archive, self.piece, self.pause)

    def done(self, reply):
        self.answered(reply)
        self.g.do(reply[0])

    def check(self, case, reply):
        if self.upload:
            self.upload.join(60)
            case.assertFalse(self.upload.is_alive(), "who writes into the pipe of an interrupted import is left hanging")
        new = [j for j in self.g.manager("ListJobs")[0] if j[0] not in self.jobs and j[1] == "import"]
        versions = self.versions()
        case.assertLessEqual(len(new), 1)
        if reply:
            case.assertEqual([j[8] for j in new], [reply[0]], "the job that was answered is not there")
        if new and new[0][3] == "succeeded":
            case.assertEqual(versions[:-1], self.before[-(KEPT - 1):], f"job succeeded: {new[0][5]}")
            files = self.g.call(wire.NAME, wire.overlay_path(LAYER), OVERLAY, "ListFiles", "su", "", 0)[0]
            case.assertIn(self.mark_file, [f[0] for f in files])
            return
        case.assertEqual(versions, self.before, f"an import made a version, and its job says {new}")
        if new:
            case.assertEqual(new[0][3], "failed")
            case.assertIn("interrupted", new[0][5])


class ImportBig(ImportSmall):
    files, size = 300, 100000


class ImportSlow(ImportSmall):
    files, size, piece, pause = 20, 10000, 5000, 0.01


class DeleteInstance(Operation):
    def prepare(self):
        self.need(SUBJECT)
        self.mark(SUBJECT)

    def post(self):
        return self.g.post_instance(SUBJECT, "Delete")

    def check(self, case, reply):
        there = wire.instance_path(SUBJECT) in self.g.objects()
        case.assertFalse(reply and there, "a deletion that was accepted was forgotten")
        case.assertEqual(there, self.marked(SUBJECT))


class DeleteOverlay(ImportSmall):
    def prepare(self):
        super().prepare()
        if not self.before:
            self.g.import_bytes(LAYER, self.archive)

    def post(self):
        return self.g.post(wire.NAME, wire.overlay_path(LAYER), OVERLAY, "Delete")

    def answered(self, reply):
        pass

    def done(self, reply):
        Operation.done(self, reply)

    def check(self, case, reply):
        there = wire.overlay_path(LAYER) in self.g.objects()
        case.assertFalse(reply and there, "a deletion that was accepted was forgotten")
        if there:
            case.assertEqual(os.listdir(f"{STATE}/overlays/{LAYER}/versions") != [], True, "an overlay lost its content")


class OfLayer(Operation):
    """Something done to an overlay that has two versions at least, with a server.cfg, and is in a server's stack."""

    def overlay(self, member, *arguments, name=LAYER):
        return self.g.call(wire.NAME, wire.overlay_path(name), OVERLAY, member, *arguments)

    def state(self, name=LAYER):
        properties = self.g.get_all(wire.NAME, wire.overlay_path(name), OVERLAY)
        return properties["Current"], [v[0] for v in properties["Versions"]]

    def fill(self):
        state, message = self.g.import_bytes(LAYER, host.archive({"left4dead2/cfg/server.cfg": os.urandom(9).hex()}))
        if state != "succeeded":
            raise AssertionError(message)

    def prepare(self):
        if wire.overlay_path(LAYER) not in self.g.objects():
            self.g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
        self.overlay("SetKeepVersions", "u", KEPT)
        while len(self.state()[1]) < 2:
            self.fill()
        self.need(SUBJECT)
        self.g.instance(SUBJECT, "SetOverlays", "as", [LAYER])
        self.before = self.state()

    def post_layer(self, member, *arguments):
        return self.g.post(wire.NAME, wire.overlay_path(LAYER), OVERLAY, member, *arguments)


class RenameOverlay(OverlayRename, OfLayer):
    NEW = "rk-renamed"
    names, user = (LAYER, NEW), SUBJECT

    def prepare(self):
        super().prepare()
        self.before = self.facts(LAYER)

    def post(self):
        return self.post_layer("Rename", "s", self.NEW)

    def back(self):
        self.overlay("Rename", "s", LAYER, name=self.NEW)

    def done(self, reply):
        self.back()

    def check(self, case, reply):
        found = self.found()
        if reply:
            case.assertEqual(found, self.NEW)
        for version in self.state(found)[1]:
            cfg = set(os.listdir(f"{STATE}/overlays/{found}/versions/{version}/left4dead2/cfg"))
            case.assertEqual(cfg, {"server.cfg", f"server_{found}.cfg"})
        if found == self.NEW:
            self.back()


class Rollback(OfLayer):
    def prepare(self):
        super().prepare()
        self.to = next(v for v in self.before[1] if v != self.before[0])

    def post(self):
        return self.post_layer("Rollback", "u", self.to)

    def check(self, case, reply):
        current, versions = self.state()
        case.assertIn(current, [self.to] if reply is not None else [self.before[0], self.to])
        case.assertEqual(versions, self.before[1])


class PutFile(OfLayer):
    def prepare(self):
        super().prepare()
        self.content = os.urandom(200000)
        self.upload = None

    def post(self):
        return self.post_layer("PutFile", "sa{sv}", "left4dead2/put.bin", {"Size": V("t", len(self.content))})

    def answered(self, reply):
        self.upload = ground.Upload(reply[1], self.content)

    def done(self, reply):
        self.answered(reply)
        self.g.do(reply[0])

    def check(self, case, reply):
        if self.upload:
            self.upload.join(60)
            case.assertFalse(self.upload.is_alive(), "who writes into the pipe of an interrupted job is left hanging")
        current, versions = self.state()
        if current != self.before[0]:
            case.assertNotIn(current, self.before[1])
            with open(f"{STATE}/overlays/{LAYER}/versions/{current}/left4dead2/put.bin", "rb") as file:
                case.assertEqual(file.read(), self.content, "a file was put in part")
        else:
            case.assertEqual(versions, self.before[1])


class Prune(OfLayer):
    def prepare(self):
        super().prepare()
        while len(self.state()[1]) < KEPT:
            self.fill()
        self.before = self.state()

    def post(self):
        return self.post_layer("SetKeepVersions", "u", 1)

    def check(self, case, reply):
        versions = self.state()[1]
        kept = sorted({self.before[0], self.before[1][-1]})
        case.assertIn(versions, [kept] if reply is not None else [kept, self.before[1]])
        self.overlay("SetKeepVersions", "u", KEPT)


class Rename(ServerRename, Operation):
    subject, other = SUBJECT, OTHER

    def check(self, case, reply):
        found = self.found()
        if reply:
            case.assertEqual(found, OTHER)
        self.forget(OTHER)


class Reset(Operation):
    def prepare(self):
        self.need(SUBJECT)
        self.mark(SUBJECT)

    def post(self):
        return self.g.post_instance(SUBJECT, "Reset")

    def check(self, case, reply):
        case.assertIn(wire.instance_path(SUBJECT), self.g.objects())
        case.assertFalse(reply and self.marked(SUBJECT), "a reset that was accepted was forgotten")


class Create(Operation):
    member = "CreateInstance"

    def prepare(self):
        self.need(SUBJECT)
        self.forget(OTHER)

    def post(self):
        return self.g.post(*wire.MANAGER, "CreateInstance", "sa{sv}", OTHER, {"Game": V("s", GAME)})

    def check(self, case, reply):
        there = wire.instance_path(OTHER) in self.g.objects()
        case.assertFalse(reply and not there, "a server that was created is lost")
        self.forget(OTHER)


class Clone(Create):
    def post(self):
        return self.g.post_instance(SUBJECT, "Clone", "sa{sv}", OTHER, {})


class Configure(Operation):
    def prepare(self):
        self.need(SUBJECT)
        self.g.instance(SUBJECT, "Configure", "a{sv}", {"Lines": V("as", ["old"])})

    def post(self):
        return self.g.post_instance(SUBJECT, "Configure", "a{sv}", {"Lines": V("as", ["new"])})

    def check(self, case, reply):
        lines = self.settings(SUBJECT)["Lines"]
        case.assertIn(lines, [["new"]] if reply is not None else [["old"], ["new"]])


OPERATIONS = {"start": Start, "stop": Stop, "restart": Restart, "create": Create, "clone": Clone, "configure": Configure,
              "rename": Rename, "reset": Reset, "delete_instance": DeleteInstance, "import_small": ImportSmall,
              "import_big": ImportBig, "import_slow": ImportSlow, "put_file": PutFile, "rollback": Rollback, "prune": Prune,
              "rename_overlay": RenameOverlay, "delete_overlay": DeleteOverlay}
