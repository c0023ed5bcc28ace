# SPDX-License-Identifier: LGPL-2.1-or-later
"""What cannot be: refused by a named error that says what to do, and nothing has changed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import unittest

import follow
import ground
import host
import wire
from ground import OVERLAY, STATE, V

GAME, EMPTY, SERVER, OTHER = "rf-game", "rf-empty", "rf-one", "rf-two"
INVALID = "InvalidArgument"
LONG = "x" * 65


class Refusals(unittest.TestCase):
    """Two servers, and a call that is refused."""

    @classmethod
    def setUpClass(cls):
        cls.g = g = ground.Ground()
        cls.addClassCleanup(g.close)
        g.clear()
        cls.addClassCleanup(g.clear)
        g.make_overlay(GAME, "game.tar.zst")
        g.make_overlay(EMPTY)
        g.create(SERVER, Game=GAME, Port=27015)
        g.create(OTHER, Game=GAME, Port=27016)

    def setUp(self):
        self.before = self.everything()

    def everything(self):
        """What the bus tells, what is set, and what lies on the disk."""
        objects = {path: o for path, o in self.g.objects().items() if o[0] != ground.JOB}
        for _, properties in objects.values():
            properties.pop("LastJob", None)
        settings = {name: self.g.instance(name, "GetSettings")[0] for name in (SERVER, OTHER)}
        folders = (f"{STATE}/{folder}" for folder in ("instances", "overlays", "uppers", "builds"))
        files = host.run("find", *folders, "-mindepth", "1").out
        return objects, settings, sorted(files.splitlines())

    def refused(self, name, words, call):
        """call() answers the error `name`, whose message has each of the words; and nothing has changed."""
        with self.assertRaises(wire.BusError) as caught:
            call()
        self.assertEqual(caught.exception.name, name if "." in name else host.ERROR + name, caught.exception.message)
        for word in words.split("|"):
            self.assertIn(word, caught.exception.message)
        self.assertGreater(len(caught.exception.message.split()), 3, "says too little")
        self.assertEqual(self.everything(), self.before)

    def create(self, name="rf-new", **settings):
        settings = {"Game": V("s", GAME), **settings}
        return lambda: self.g.manager("CreateInstance", "sa{sv}", name, settings)

    def configure(self, **settings):
        return lambda: self.g.instance(SERVER, "Configure", "a{sv}", settings)

    def everywhere(self, error, words, key, value):
        """Refused in CreateInstance, Configure and Clone alike."""
        for member, call in (("Create", self.create(**{key: value})), ("Configure", self.configure(**{key: value})),
                             ("Clone", lambda: self.g.instance(SERVER, "Clone", "sa{sv}", "rf-new", {key: value}))):
            with self.subTest(member=member, key=key, value=value):
                self.refused(error, words, call)


class Refused(Refusals):
    TAKES = 9

    # -- settings

    def test_unknown_key(self):
        self.everywhere(INVALID, "Colour", "Colour", V("s", "green"))
        self.refused(INVALID, "Colour", lambda: self.g.manager("CreateOverlay", "ssa{sv}", "rf-new", "files",
                                                               {"Colour": V("s", "")}))
        self.refused(INVALID, "Colour", lambda: self.g.call(wire.NAME, wire.overlay_path(EMPTY), OVERLAY, "Import", "a{sv}",
                                                            {"Colour": V("s", "")}))
        self.refused(INVALID, "Colour", lambda: self.g.instance(SERVER, "OpenLog", "a{sv}", {"Colour": V("s", "")}))

    def test_wrong_type(self):
        for key, value in (("Port", V("s", "27020")), ("Port", V("u", 27020)), ("Game", V("as", [GAME])),
                           ("Overlays", V("s", EMPTY)), ("Arguments", V("s", "-tickrate")), ("Cvars", V("as", [])),
                           ("Lines", V("a{ss}", {})), ("Autostart", V("s", "yes"))):
            self.everywhere(INVALID, key, key, value)

    def test_names(self):
        bad = ("", LONG, "Versus", "-a", "_a", "a b", "a/b", "../etc", "/etc/passwd", ".", "..", "a.b", "a@b", "a\nb", "ü", "a;b",
               "a%b")
        for name in bad:
            with self.subTest(name=name):
                self.refused(INVALID, "a-z", self.create(name))
                self.refused(INVALID, "a-z", lambda: self.g.instance(SERVER, "Rename", "s", name))
                self.refused(INVALID, "a-z", lambda: self.g.instance(SERVER, "Clone", "sa{sv}", name, {}))
                self.refused(INVALID, "a-z", lambda: self.g.manager("CreateOverlay", "ssa{sv}", name, "files", {}))
                self.refused(INVALID, "a-z", lambda: self.g.manager("GetInstance", "s", name))
        self.refused(INVALID, "files", lambda: self.g.manager("CreateOverlay", "ssa{sv}", "rf-new", "script2", {}))

    def test_the_longest_name_is_one(self):
        name = "x" * 64
        self.g.create(name, Game=GAME)
        self.addCleanup(lambda: self.g.do(self.g.instance(name, "Delete")[0]))
        self.g.instance(name, "Start")
        self.g.instance(name, "Stop")

    def test_port(self):
        for port in (0, 1, 80, 27014, 27116, 65535):
            self.everywhere(INVALID, "Port|27015-27115", "Port", V("q", port))
        self.refused("PortInUse", f"27016|{OTHER}", self.create(Port=V("q", 27016)))
        self.refused("PortInUse", f"27016|{OTHER}", self.configure(Port=V("q", 27016)))

    def test_text(self):
        for key, value in (("Lines", V("as", ["sv_tags ü"])), ("Lines", V("as", ["a\nb"])), ("Arguments", V("as", ["+map", "ü"])),
                           ("Arguments", V("as", ["a\x07"])),
                           ("Cvars", V("a{ss}", {"hostname": "Über"})),
                           ("Cvars", V("a{ss}", {"hostname": 'a"b'})), ("Cvars", V("a{ss}", {"host name": "a"})),
                           ("Cvars", V("a{ss}", {"hostname": "a\nquit"})), ("Lines", V("as", ["x" * 100000]))):
            self.everywhere(INVALID, key, key, value)

    def test_overlays(self):
        self.everywhere("NoSuchOverlay", "rf-nothing", "Overlays", V("as", ["rf-nothing"]))
        self.everywhere("NoSuchOverlay", "rf-nothing", "Game", V("s", "rf-nothing"))
        self.everywhere(INVALID, "Overlays", "Overlays", V("as", ["../../etc"]))
        self.everywhere(INVALID, "Overlays", "Overlays", V("as", [EMPTY, EMPTY]))
        self.everywhere(INVALID, "Overlays", "Overlays", V("as", [GAME]))
        self.everywhere(INVALID, "Overlays", "Overlays", V("as", [f"o{n}" for n in range(500)]))
        self.refused("NoSuchOverlay", "rf-nothing", lambda: self.g.instance(SERVER, "SetOverlays", "as", ["rf-nothing"]))
        self.refused(INVALID, "Game", lambda: self.g.manager("CreateInstance", "sa{sv}", "rf-new", {}))

    def test_taken(self):
        self.refused("NameTaken", OTHER, self.create(OTHER))
        self.refused("NameTaken", OTHER, lambda: self.g.instance(SERVER, "Rename", "s", OTHER))
        self.refused("NameTaken", OTHER, lambda: self.g.instance(SERVER, "Clone", "sa{sv}", OTHER, {}))
        self.refused("NameTaken", GAME, lambda: self.g.manager("CreateOverlay", "ssa{sv}", GAME, "files", {}))
        self.refused("InUse", SERVER, lambda: self.g.call(wire.NAME, wire.overlay_path(GAME), OVERLAY, "Delete"))

    def test_not_there(self):
        self.refused("NoSuchInstance", "rf-nobody", lambda: self.g.manager("GetInstance", "s", "rf-nobody"))
        self.refused("NoSuchOverlay", "rf-nothing", lambda: self.g.manager("GetOverlay", "s", "rf-nothing"))
        self.refused("NoSuchJob", "4000000000", lambda: self.g.manager("GetJob", "u", 4000000000))
        self.refused("NoSuchInstance", "rf-nobody", lambda: self.g.instance("rf-nobody", "Start"))
        for path, version, error in (("../..", 0, INVALID), ("/etc", 0, INVALID), ("nowhere", 0, "NoSuchFile"),
                                     ("", 99, "NoSuchVersion")):
            self.refused(error, "", lambda: self.g.call(wire.NAME, wire.overlay_path(GAME), OVERLAY, "ListFiles", "su",
                                                        path, version))

    def test_nul_cannot_be_sent(self):
        """A D-Bus string has none; a message that says otherwise is not delivered, and its sender is shut out."""
        with wire.Bus() as guest:
            serial = guest.post(*wire.MANAGER, "CreateInstance", "sa{sv}", b"rf\0new", {"Game": V("s", GAME)})
            with self.assertRaises(ConnectionError):
                guest.wait(serial, 10)
        self.assertEqual(self.everything(), self.before)

    def test_by_the_cli(self):
        for words, error in ((["create", LONG, "--game", GAME], INVALID), (["create", "../x", "--game", GAME], INVALID),
                             (["create", "rf-new", "--game", GAME, "--port", "80"], INVALID),
                             (["create", "rf-new", "--game", GAME, "--port", "27016"], "PortInUse"),
                             (["create", "rf-new", "--game", "rf-nothing"], "NoSuchOverlay"),
                             (["configure", SERVER, "--set", "hostname=Über"], INVALID),
                             (["rename", SERVER, OTHER], "NameTaken")):
            with self.subTest(words=words):
                result = host.ctl(*words, "--json", check=False)
                self.assertNotIn(result.code, (0, 2), str(result))
                self.assertEqual(result.json()["error"]["name"], host.ERROR + error)
                self.assertEqual(self.everything(), self.before)
        for words in (["create", "rf-new", "--game", GAME, "--port", "99999"],
                      ["create", "rf-new", "--game", GAME, "--port", "x"],
                      ["create", "rf-new", "--game", GAME, "--set", "novalue"]):
            with self.subTest(words=words):
                result = host.ctl(*words, check=False)
                self.assertNotEqual(result.code, 0)
                self.assertIn(words[-1].rstrip("x") or words[-1], result.err)
                self.assertEqual(self.everything(), self.before)

    # -- starts

    def test_missing_layer(self):
        self.g.instance(SERVER, "SetOverlays", "as", [EMPTY])
        self.addCleanup(self.g.instance, SERVER, "SetOverlays", "as", [])
        self.before = self.everything()
        self.refused("MissingLayer", f"{EMPTY}|import", lambda: self.g.instance(SERVER, "Start"))
        self.assertEqual(self.g.get(wire.NAME, wire.instance_path(SERVER), ground.INSTANCE, "ActiveState"), "inactive")

    def test_no_game_in_the_stack(self):
        self.g.make_overlay("rf-maps", "maps.zip")
        self.g.create("rf-three", Game="rf-maps")
        with self.assertRaises(wire.BusError) as caught:
            self.g.instance("rf-three", "Start")
        self.assertEqual(caught.exception.name, host.ERROR + "StartFailed")
        self.assertIn("srcds_run", caught.exception.message)
        self.assertIn("rf-maps", caught.exception.message)
        self.assertEqual(ground.mounted_stacks(), {})
        self.g.do(self.g.instance("rf-three", "Delete")[0])
        self.g.do(self.g.call(wire.NAME, wire.overlay_path("rf-maps"), OVERLAY, "Delete")[0])
        self.assertEqual(ground.settle(self.g, 5), [])

    def test_running(self):
        self.addCleanup(self.g.instance, SERVER, "Stop")
        follow.start(SERVER)  # until the game is up: while it comes up, it writes files of its own
        self.before = self.everything()
        for member, arguments in (("Delete", ()), ("Reset", ()), ("Rename", ("s", "rf-new")),
                                  ("Configure", ("a{sv}", {"Port": V("q", 27020)}))):
            with self.subTest(member=member):
                self.refused("InstanceRunning", "stop", lambda: self.g.instance(SERVER, member, *arguments))


class FullDisk(Refusals):
    """The state folder lies on a file system of its own, with little room, and nothing of it is reserved."""

    CONF = "/etc/left4me/left4me.conf.d/test-space.conf"

    @classmethod
    def reserve(cls, space, files=0):
        os.makedirs(os.path.dirname(cls.CONF), exist_ok=True)
        with open(cls.CONF, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nSpaceReserve={space}\nFilesReserve={files}\n")

    @contextlib.contextmanager
    def small(self, folder, left=0):
        """Fills the file system up to so many bytes; in that folder, which its owner may do."""
        path = f"{STATE}/{folder}/.filler"
        try:
            with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(65536))
            with open(path, "r+b", buffering=0) as file:
                file.truncate(os.path.getsize(path) - left)
            self.before = self.everything()
            yield
        finally:
            os.unlink(path)

    @classmethod
    def setUpClass(cls):
        """A copy of the state on a tmpfs. The helpers accept no mount point within it: a stack is made of one file system."""
        super().setUpClass()
        cls.addClassCleanup(cls.take_away)
        host.run("systemctl", "stop", "left4med.service")
        with tempfile.TemporaryDirectory() as aside:
            host.run("cp", "-a", f"{STATE}/.", aside)
            host.run("mount", "-t", "tmpfs", "-o", "size=32M,mode=755", "tmpfs", STATE)
            host.run("cp", "-a", f"{aside}/.", STATE)
        cls.reserve(0)
        host.run("systemctl", "start", "left4med.service")

    @classmethod
    def take_away(cls):
        host.run("systemctl", "stop", "left4med.service")
        host.run("umount", STATE)
        os.unlink(cls.CONF)
        host.run("systemctl", "start", "left4med.service")

    def test_change(self):
        grow = V("as", [f"line {n} " + "x" * 200 for n in range(100)])
        with self.small("manager"):
            self.refused("NoSpace", "space", self.create(Lines=grow))
            self.refused("NoSpace", "space", self.configure(Lines=grow))
            self.refused("NoSpace", "space", lambda: self.g.instance(SERVER, "Clone", "sa{sv}", "rf-new", {"Lines": grow}))
            self.refused("NoSpace", "space", lambda: self.g.instance(SERVER, "Rename", "s", "rf-new"))
        self.configure(Lines=grow)()

    def test_start(self):
        self.g.instance(SERVER, "Start")
        self.g.instance(SERVER, "Stop")
        with self.small("instances"):
            self.refused("NoSpace", "space", lambda: self.g.instance(SERVER, "Start"))
        self.g.instance(SERVER, "Start")
        self.g.instance(SERVER, "Stop")

    def importing(self, left):
        archive = host.archive({f"left4dead2/{n}.bin": os.urandom(1 << 19) for n in range(6)})
        with self.small("builds", left):
            state, message = self.g.import_bytes(EMPTY, archive)
            self.assertEqual(state, "failed")
            self.assertRegex(message, "[Ss]pace")
            self.assertEqual(self.everything(), self.before)
        state, message = self.g.import_bytes(EMPTY, archive)
        self.assertEqual(state, "succeeded", message)
        self.g.do(self.g.call(wire.NAME, wire.overlay_path(EMPTY), OVERLAY, "Delete")[0])
        self.g.manager("CreateOverlay", "ssa{sv}", EMPTY, "files", {})

    def test_import_of_too_much(self):
        self.importing(1 << 20)

    def test_import_without_room_to_begin(self):
        with self.small("builds"):
            self.refused("NoSpace", "space", lambda: self.g.wait(self.g.post_import(EMPTY)))
        self.assertEqual(ground.settle(self.g), [])

    # -- what is reserved

    @contextlib.contextmanager
    def reserved(self, *words):
        self.reserve(*words)
        self.g.manager("Reload")
        try:
            yield
        finally:
            self.reserve(0)
            self.g.manager("Reload")

    def free(self):
        st = os.statvfs(STATE)
        return st.f_bavail * st.f_frsize, st.f_favail

    def script(self, source):
        """Builds it, in an overlay that is gone afterwards: the job's end, and what was left at the least while it ran."""
        self.g.manager("CreateOverlay", "ssa{sv}", "rf-script", "script", {})
        path = wire.overlay_path("rf-script")
        try:
            self.g.call(wire.NAME, path, OVERLAY, "SetSource", "s", source)
            (job,) = self.g.call(wire.NAME, path, OVERLAY, "Build", "a{sv}", {})
            state, message = self.g.job_end(job)
            self.assertEqual(self.g.get(wire.NAME, path, OVERLAY, "Current"), 0)
            return state, message
        finally:
            self.g.do(self.g.call(wire.NAME, path, OVERLAY, "Delete")[0])

    def test_space_is_left_over(self):
        """A script that fills the disk is ended before that is full, and so is one that makes files without end."""
        bytes_free, files_free = self.free()
        for reserve, source in (
                ((bytes_free - (2 << 20),), "head -c 3M /dev/zero >a; echo full; sleep infinity"),
                ((0, files_free - 500), "for n in {1..600}; do : >$n; done; sleep infinity")):
            with self.subTest(source), self.reserved(*reserve):
                state, message = self.script(source)
                self.assertEqual(state, "failed")
                self.assertRegex(message, "^too little space: .* reserved.*left4me.conf")
                self.assertEqual(self.everything(), self.before)
        self.assertGreaterEqual(self.free()[0], bytes_free - (256 << 10))

    def test_nothing_begins_below_the_reserve(self):
        reserve = self.free()[0] + (1 << 20)
        with self.reserved(reserve):
            self.refused("NoSpace", "SpaceReserve=", lambda: self.g.wait(self.g.post_import(EMPTY)))
        with self.reserved(0, self.free()[1] + 1000):
            self.refused("NoSpace", "FilesReserve=", lambda: self.g.wait(self.g.post_import(EMPTY)))


class TakenId(unittest.TestCase):
    """The package's own check, on a host where uid or gid 980 is somebody else's."""

    TAKES = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="left4me-preinst.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def preinst(self, passwd, group):
        """Runs the installed package's preinst in a mount namespace with these lines for 980."""
        for name, line in (("passwd", passwd), ("group", group)):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                kept = [e for e in file if not e.startswith("left4me:")]
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
                file.writelines(kept + ([line + "\n"] if line else []))
        script = ("mount --bind $0/passwd /etc/passwd && mount --bind $0/group /etc/group && "
                  "exec /var/lib/dpkg/info/left4me.preinst install")
        return subprocess.run(["unshare", "--mount", "sh", "-c", script, self.folder], capture_output=True, text=True,
                              check=False, env={**os.environ, "DPKG_MAINTSCRIPT_PACKAGE": "left4me",
                                                "DPKG_MAINTSCRIPT_NAME": "preinst"})

    def refused(self, passwd, group, *words):
        done = self.preinst(passwd, group)
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_uid(self):
        self.refused("somebody:x:980:100::/:/bin/sh", "", "uid 980", "'somebody'", "usermod --uid")

    def test_gid(self):
        self.refused("", "somegroup:x:980:", "gid 980", "'somegroup'", "groupmod --gid")

    def test_left4me_with_another_number(self):
        self.refused("left4me:x:1234:980::/:/bin/sh", "left4me:x:980:", "1234", "usermod --uid 980 left4me")

    def test_free(self):
        self.assertEqual(self.preinst("", "").returncode, 0)

    def test_ours(self):
        self.assertEqual(self.preinst("left4me:x:980:980::/:/bin/sh", "left4me:x:980:").returncode, 0)


if __name__ == "__main__":
    unittest.main()
