# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example scripts as they are installed, built from archives that have the layout of the real ones, at the addresses of those."""

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import zipfile

import follow
import host
import internet
import scripts
import trees
from host import ctl, ctl_json

EXAMPLES = "/usr/share/doc/left4me/examples"
NAMES = ["admin-system", "competitive-rework", "l4d2center-maps", "tickrate"]
GITHUB, ASSETS, ARCHIVES, RAW, CENTER = HOSTS = ("github.com", "release-assets.githubusercontent.com", "codeload.github.com",
                                                 "raw.githubusercontent.com", "l4d2center.com")
METAMOD = {"addons/metamod.vdf": "32", "addons/metamod_x64.vdf": "64", "addons/metamod/bin/server.so": "server",
           "addons/metamod/bin/linux64/server.so": "64"}
SOURCEMOD = {"addons/metamod/sourcemod.vdf": "vdf", "addons/sourcemod/plugins/nextmap.smx": "map", "addons/sourcemod/plugins/admin.smx": "admin",
             "addons/sourcemod/plugins/disabled/": None, "addons/sourcemod/configs/admins_simple.ini": "// nobody\n",
             "cfg/sourcemod/sourcemod.cfg": "cfg"}
REWORK = {"README.md": "read me", "Dedicated Server Install Guide/srcds1": "a name with blanks", "host.txt": "host", "myhost.txt": "host",
          "addons/metamod.vdf": "vdf", "addons/tickrate_enabler.dll": "dll", "addons/tickrate_enabler.so": "\0\1so",
          "addons/sourcemod/plugins/confogl.smx": "confogl", "addons/sourcemod/plugins/admin.smx": "another",
          "scripts/vscripts/c1m4.nut": "nut", "cfg/generalfixes.cfg": "fixes",
          "cfg/server.cfg": 'hostname "My Cool Server"\nrcon_password "everybody"  // remote\nsv_steamgroup "1"\nsv_pure "2"\n  hostname "x"\n'}


def campaign():
    """One that the stand-in for the game can play."""
    with zipfile.ZipFile(os.path.join(host.CONTENT, "maps.zip")) as file:
        return file.read(next(name for name in file.namelist() if name.endswith("/brickyard.vpk")))


def pack(files, top=""):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(top + path)
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if text is None else (tarfile.REGTYPE, 0o644)
            info.size = len((text or "").encode())
            tar.addfile(info, io.BytesIO((text or "").encode()))
    return gzip.compress(data.getvalue(), 1)


def git_files(files):
    """What `git ls-tree` would tell of them."""
    lines = ((path, hashlib.sha1(f"blob {len(text.encode())}\0{text}".encode()).hexdigest()) for path, text in files.items())
    return "".join(f"{blob}  {path}\n" for path, blob in sorted(lines)).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Examples(host.Case):
    TAKES = 15

    @classmethod
    def setup_class(cls):
        cls.world = internet.Internet.for_test(cls, hosts=HOSTS)
        cls.world.trust()
        cls.folder = tempfile.mkdtemp(prefix="examples-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.sources = {}
        for name in NAMES:
            with open(f"{EXAMPLES}/{name}.sh", encoding="utf-8") as file:
                cls.sources[name] = file.read()
        cls.serve_github()
        cls.maps = {"first map.vpk": campaign(), "second.vpk": b"second" * 1000}
        cls.serve_maps(cls.maps)

    @classmethod
    def value(cls, script, variable):
        """As the script sets it; that it does, once, is what the tests that give it another one rely on."""
        (found,) = re.findall(rf"(?m)^{variable}=(\S+)$", cls.sources[script])
        return found

    @classmethod
    def serve_github(cls):
        metamod, sourcemod, rework, plugin = pack(METAMOD), pack(SOURCEMOD), pack(REWORK, "L4D2-Competitive-Rework-99dd8fc/"), b"\x7fELF"
        commit = cls.value("competitive-rework", "COMMIT")
        for project, name, version, data in (("metamod-source", "mmsource", cls.value("admin-system", "METAMOD"), metamod),
                                             ("sourcemod", "sourcemod", cls.value("admin-system", "SOURCEMOD"), sourcemod)):
            release, _, build = version.rpartition(".")
            file = f"{name}-{release}-git{build}-linux.tar.gz"
            cls.world.redirect(f"alliedmodders/{project}/releases/download/{version}/{file}", f"https://{ASSETS}/{file}")
            cls.world.write(file, data)
        cls.world.redirect(f"SirPlease/L4D2-Competitive-Rework/archive/{commit}.tar.gz", f"https://{ARCHIVES}/{commit}")
        cls.world.write(commit, rework)
        raw = cls.value("tickrate", "SOURCE").removeprefix(f"https://{RAW}/")
        cls.world.write(f"{raw}/tickrate_enabler.so", plugin)
        cls.world.write(f"{raw}/tickrate_enabler.vdf", "vdf")
        cls.sums = {"METAMOD_SHA256": sha256(metamod), "SOURCEMOD_SHA256": sha256(sourcemod), "FILES": sha256(git_files(REWORK)),
                    "SO_SHA256": sha256(plugin), "VDF_SHA256": sha256(b"vdf")}

    @classmethod
    def serve_maps(cls, maps):
        lines = ["Name;Size;MD5;DownloadLink\r"]
        for name, data in maps.items():
            with tempfile.TemporaryDirectory() as folder:
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(data)
                stem = name.removesuffix(".vpk")
                host.run("bsdtar", "--format=7zip", "-cf", f"{folder}/x.7z", "-C", folder, name)
                with open(f"{folder}/x.7z", "rb") as file:
                    cls.world.write(f"maps/servers/{stem}.7z", file.read())
            lines.append(f"{name};{len(data)};{hashlib.md5(data).hexdigest()};https://{CENTER}/maps/servers/{stem}.7z\r")
        cls.world.write("maps/servers/index.csv", "\n".join(lines) + "\n")

    def seed(self, changes=None):
        """Seeds the scripts with the sums of what is served, and what else is to be different: (script, pattern) -> text."""
        for name, source in self.sources.items():
            for variable, value in self.sums.items():
                source = re.sub(rf"(?m)^{variable}=.*$", f"{variable}={value}", source)
            for (script, pattern), text in (changes or {}).items():
                if script == name:
                    source, n = re.subn(pattern, text, source)
                    self.assertEqual(n, 1, pattern)
            with open(f"{self.folder}/{name}.sh", "w", encoding="utf-8") as file:
                file.write(source)
        return ctl("overlay", "seed", self.folder, check=False)

    def job(self, name):
        return next(job for job in ctl_json("job", "list") if job["subject"] == name)

    def assert_files(self, name, *paths):
        top = trees.version(name, scripts.show(name)["current"])
        found = [path for path, full, _ in trees.entries(top) if not os.path.isdir(full)]
        self.assertEqual(sorted(found), sorted(paths))

    def fetched(self):
        return [path for _, _, path in self.world.requests()]

    def test_from_nothing_to_an_update(self):
        """One after the other, each on what the one before has built."""
        self.check_sums()
        self.check_layouts()
        self.check_a_server()
        self.check_that_nothing_is_fetched_twice()
        self.check_failures()
        self.check_maps()

    def check_sums(self):
        """What is served here is not what they expect: all but the maps, whose list has the sums, say so."""
        self.assertNotEqual(ctl("overlay", "seed", EXAMPLES, check=False).code, 0)
        self.assertEqual([o["name"] for o in ctl_json("overlay", "list")], NAMES)
        for name in NAMES:
            with self.subTest(name, sums="the real ones"):
                job = self.job(name)
                if name == "l4d2center-maps":
                    self.assertEqual(job["state"], "succeeded", job["message"])
                else:
                    self.assertEqual((job["state"], scripts.show(name)["current"]), ("failed", 0))
                    self.assertRegex(job["message"], "is not what it was when this was written; its (SHA-256 is|FILES are) now [0-9a-f]{64};")

    def check_layouts(self):
        result = self.seed()
        self.assertEqual(result.code, 0, str(result))
        self.assert_files("tickrate", *(f"left4dead2/{f}" for f in (
            "addons/tickrate_enabler.so", "addons/tickrate_enabler.vdf", "cfg/server.cfg", "cfg/server_tickrate.cfg")))
        self.assertIn("sv_maxupdaterate 100\nsv_mincmdrate 100\n", scripts.read("tickrate", "left4dead2/cfg/server.cfg"))
        self.assert_files("admin-system", ".admin-system/version", ".admin-system/admins_simple.ini", *(f"left4dead2/{f}" for f in (
            "addons/metamod.vdf", "addons/metamod/bin/server.so", "addons/metamod/sourcemod.vdf", "addons/sourcemod/plugins/admin.smx",
            "addons/sourcemod/plugins/disabled/nextmap.smx", "addons/sourcemod/configs/admins_simple.ini", "cfg/sourcemod/sourcemod.cfg")))
        self.assert_files("competitive-rework", ".competitive-rework", "left4dead2/cfg/server_competitive-rework.cfg", *(f"left4dead2/{f}" for f in REWORK if f not in (
            "README.md", "Dedicated Server Install Guide/srcds1", "addons/tickrate_enabler.dll")))
        self.assertEqual(scripts.read("competitive-rework", "left4dead2/cfg/server.cfg"), 'sv_pure "2"\n')
        self.assert_files("l4d2center-maps", *(f"left4dead2/addons/{name}" for name in self.maps))

    def check_a_server(self):
        """What they have built is what a server runs that has all of them: plug-ins, rates, configuration and campaigns."""
        host.make_game()
        stack = ["admin-system", "tickrate", "competitive-rework", "l4d2center-maps"]
        self.server("all", *(word for name in stack for word in ("--overlay", name)), "--", "-tickrate", "60", "+map", "brickyard01_gate")
        state = follow.start("all")
        # without the Tickrate Enabler there are 30 ticks, and without the campaign there is no such map
        self.assertEqual((state["tickrate"], state["map"]), (["60"], ["brickyard01_gate"]))
        self.assertEqual((state["cvar.sv_maxupdaterate"], state["cvar.sv_pure"]), (["100"], ["2"]))
        self.assertEqual(host.mounted_layers("all"), [(name, scripts.show(name)["current"]) for name in stack] + [("game", 1)])

        found = {}
        for file in ctl_json("files", "all", "left4dead2/addons", "--layers"):
            found.setdefault(file["path"].removeprefix("left4dead2/addons/"), []).append((file["layer"], file["visible"]))
        expected = {"metamod.vdf": [("admin-system", True), ("competitive-rework", False)], "tickrate_enabler.vdf": [("tickrate", True)],
                    "tickrate_enabler.so": [("tickrate", True), ("competitive-rework", False)], "first map.vpk": [("l4d2center-maps", True)]}
        self.assertEqual({path: found.get(path) for path in expected}, expected)
        # two that are not made for each other: it is told
        self.assertEqual([(os.path.basename(c["path"]), c["kind"], c["layers"]) for c in host.status("all")["conflicts"]],
                         [(path, "plugin", ["admin-system", "competitive-rework"]) for path in ("metamod.vdf", "admin.smx")])

        self.assertIn("standin: addon first map.vpk mounted", ctl("logs", "all").out)
        plugins = ctl("console", "all", "sm plugins list").out
        self.assertEqual(re.findall(r'"(\w+)"', plugins), ["admin", "confogl"], plugins)
        ctl("stop", "all")
        ctl("delete", "--yes", "all")
        self.assertEqual(host.mounts(host.merged("all")), [])

    def check_that_nothing_is_fetched_twice(self):
        """And that nothing is built which is what it was."""
        before = len(self.fetched())
        self.assertEqual(self.seed().out.count("unchanged"), len(NAMES))
        self.assertEqual(len(self.fetched()), before)
        ctl("overlay", "build", *NAMES)
        self.assertEqual(self.fetched()[before:], ["/maps/servers/index.csv"])

        # who is an administrator is no reason to fetch anything either
        who = '"STEAM_1:0:7" "99:z"'
        self.assertEqual(self.seed({("admin-system", r"(?m)^        # '.*'$"): f"        '{who}'"}).code, 0)
        self.assertEqual(scripts.read("admin-system", "left4dead2/addons/sourcemod/configs/admins_simple.ini"), f"// nobody\n{who}\n")
        self.assertEqual(self.fetched()[before + 1:], [])

    def check_failures(self):
        """Another version that there is not, or that is not what it should be: the old one stays."""
        versions = {name: scripts.show(name)["current"] for name in NAMES}
        self.assertNotEqual(self.seed({("competitive-rework", r"(?m)^COMMIT=\w+$"): "COMMIT=" + "0" * 40,
                                       ("admin-system", r"(?m)^SOURCEMOD=\S+$"): "SOURCEMOD=1.13.0.1",
                                       ("tickrate", r"(?m)^SO_SHA256=\w+$"): "SO_SHA256=" + "0" * 64}).code, 0)
        for name, text in (("competitive-rework", "cannot fetch https://github.com/SirPlease"), ("admin-system", "cannot fetch https://github.com/alliedmodders"),
                           ("tickrate", "is not what it was")):
            with self.subTest(name):
                self.assertIn(text, self.job(name)["message"])
                self.assertEqual(scripts.show(name)["current"], versions[name])

    def check_maps(self):
        """Only those that are new come, and those that are no more go."""
        before = len(self.fetched())
        self.serve_maps({"second.vpk": self.maps["second.vpk"], "third.vpk": b"third"})
        self.assertEqual(scripts.build("l4d2center-maps")["state"], "succeeded")
        self.assertEqual(self.fetched()[before:], ["/maps/servers/index.csv", "/maps/servers/third.7z"])
        self.assert_files("l4d2center-maps", "left4dead2/addons/second.vpk", "left4dead2/addons/third.vpk")
        self.world.write("maps/servers/index.csv", f"Name;Size;MD5;DownloadLink\n../x.vpk;1;{'0' * 32};https://{CENTER}/x\n")
        job = scripts.build("l4d2center-maps")
        self.assertIn("is not as it was", job["message"])
        self.assert_files("l4d2center-maps", "left4dead2/addons/second.vpk", "left4dead2/addons/third.vpk")
