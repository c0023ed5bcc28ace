#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-helper.py LEFT4ME-STEAM: left4me-steam with the stand-in for steamcmd, which comes from a web server of ours."""

import base64
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import steam

PROGRAM = None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.files.get(self.path)
        self.server.asked.append(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Case(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.files, self.server.asked = {"/steamcmd.tar.gz": steam.installer()}, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.home = self.path("cache", "home")
        for name in ("job", "tree", "cache"):
            os.mkdir(self.path(name))

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()

    def command(self, **keys):
        job = {"Operation": "steam", "App": 222860, "Branch": "public", "Pause": 0,
               "Installer": f"http://127.0.0.1:{self.server.server_port}/steamcmd.tar.gz", **keys}
        with open(self.path("job", "job"), "w", encoding="utf-8") as file:
            file.write("[Job]\n" + "".join(f"{key}={value}\n" for key, value in job.items()))
        return {"args": [PROGRAM, self.path("job")], "text": True,
                "env": {**os.environ, "OVERLAY": self.path("tree"), "STEAM_CACHE": self.path("cache")}}

    def build(self, code=0, **keys):
        result = subprocess.run(**self.command(**keys), capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def refused(self, words, **keys):
        result = self.build(1, **keys)
        self.assertIn(words, result.stderr.splitlines()[-1])
        return result


class Steam(Case):
    def test_installed_for_windows_and_linux(self):
        result = self.build()
        runs = steam.runs(self.home)
        self.assertEqual([next(p for p in ("windows", "linux") if p in run) for run in runs], ["windows", "linux"])
        for run in runs:
            self.assertLess(run.index("+force_install_dir"), run.index("+login anonymous"))
            self.assertLess(run.index("ForcePlatformType"), run.index("+app_update 222860"))
        self.assertEqual(self.read("tree", ".left4me-label"), "build 19000000\n")
        self.assertFalse(os.path.exists(self.path("tree", "steamapps", "downloading")))
        self.assertEqual(self.read("cache", "sdk32", "steamclient.so"), "steamclient\n")
        # Progress as it comes, without the colours of a terminal.
        self.assertIn("@progress", result.stdout)
        self.assertNotIn("\033", result.stdout + result.stderr)

    def test_newest_progress_is_told(self):
        """Of lines that come at once the last one, while steamcmd then says nothing for a long time."""
        steam.tell(self.home, say=["[ 10%] Downloading update...", "[ 20%] Extracting package...", "Looks for something else"], wait=True)
        process = subprocess.Popen(**self.command(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        killer = threading.Timer(60, process.kill)
        killer.start()
        told = []
        while not told or "Extracting package" not in told[-1]:
            told.append(process.stdout.readline())
            self.assertTrue(told[-1], told)
        self.assertFalse(os.path.exists(os.path.join(self.home, "go")))
        with open(os.path.join(self.home, "go"), "w", encoding="utf-8"):
            pass
        process.communicate(timeout=60)
        killer.cancel()
        self.assertEqual(process.returncode, 0)

    def test_update_is_for_linux_alone(self):
        self.build()
        steam.tell(self.home, build=19000001)
        self.build()
        self.assertEqual(len(steam.runs(self.home)), 3)
        self.assertIn("linux", steam.runs(self.home)[-1])
        self.assertNotIn("validate", steam.runs(self.home)[-1])
        self.assertEqual(self.read("tree", ".left4me-label"), "build 19000001\n")
        self.build(Validate="true")
        self.assertIn("validate", steam.runs(self.home)[-1])
        # steamcmd itself was fetched once.
        self.assertEqual(len(self.server.asked), 1)

    def test_passing_faults_are_tried_again(self):
        steam.tell(self.home, missing=3, renew=2)
        result = self.build()
        self.assertIn("waits for Steam (try 3 of 5 failed)", result.stdout)
        self.assertEqual(len(steam.runs(self.home)), 2 + 3 + 2)

    def test_missing_configuration_of_an_update_goes_by_way_of_windows(self):
        self.build()
        steam.tell(self.home, missing=5, build=19000002)
        self.build()
        self.assertIn("windows", steam.runs(self.home)[-2])
        self.assertEqual(self.read("tree", ".left4me-label"), "build 19000002\n")

    def test_faults_say_what_to_do(self):
        for knobs, words, runs in (({"state": "0x202"}, "free some space", 1), ({"fault": "No subscription"}, "check the app id", 1),
                                   ({"fault": "Rate limit exceeded"}, "half an hour", 1), ({"state": "0x402"}, "way to the Internet", 5),
                                   ({"missing": 99}, "Missing configuration", 5), ({"lie": True}, "damaged", 5), ({"exit": 7}, "does not know", 1),
                                   ({"say": ["FAILED (Invalid Password)"], "exit": 5}, "login was refused", 1)):
            with self.subTest(knobs=knobs):
                before = len(steam.runs(self.home))
                steam.tell(self.home, **knobs)
                self.refused(words)
                self.assertFalse(os.path.exists(self.path("tree", ".left4me-label")))
                self.assertEqual(len(steam.runs(self.home)) - before, runs)

    def test_damage_is_looked_for(self):
        self.build()
        steam.tell(self.home, state="0x626")
        self.refused("damaged")
        self.assertNotIn("validate", steam.runs(self.home)[2])
        self.assertIn("validate", steam.runs(self.home)[3])

    def test_renewing_for_ever(self):
        steam.tell(self.home, renew=99)
        self.refused("renews itself again and again")
        self.assertEqual(len(steam.runs(self.home)), 5)

    def test_branches(self):
        steam.tell(self.home, branches={"beta-1": 19000050})
        self.build(Branch="beta-1")
        self.assertIn("-beta beta-1", steam.runs(self.home)[-1])
        self.assertEqual(self.read("tree", ".left4me-label"), "build 19000050 beta-1\n")
        self.assertIn("check the app id", self.build(1, Branch="none").stderr)
        for branch in ("", "+quit", "-x", "a b", "x" * 65):
            self.assertIn("Branch=", self.build(1, Branch=branch).stderr)

    def test_newest_build(self):
        steam.tell(self.home, cold=2, build=19000123, branches={"beta": 7})
        self.build(Operation="steam-check")
        self.assertEqual(self.read("tree", ".left4me-newest"), "build 19000123\n")
        self.build(Operation="steam-check", Branch="beta")
        self.assertEqual(self.read("tree", ".left4me-newest"), "build 7 beta\n")
        self.assertIn("no branch", self.build(1, Operation="steam-check", Branch="none").stderr)
        steam.tell(self.home, cold=99)
        self.assertIn("tells nothing", self.build(1, Operation="steam-check").stderr)
        self.assertEqual(os.listdir(self.path("tree")), [".left4me-newest"])

    def test_libraries_of_32_bits(self):
        self.server.files["/steamcmd.tar.gz"] = steam.installer(steam.program_of_32_bits())
        if os.path.exists("/lib/ld-linux.so.2"):
            self.refused("steamcmd")
        else:
            self.assertIn("dpkg --add-architecture i386", self.refused("ld-linux.so.2 libc.so.6").stderr)

    def test_installers_that_are_none(self):
        for path, body, words in (("/none", None, "cannot fetch steamcmd"), ("/junk", b"<html>", "steamcmd's archive"),
                                  ("/cut", steam.installer()[:200], "steamcmd's archive"),
                                  ("/large", bytes(65 << 20), "too large")):
            if body is not None:
                self.server.files[path] = body
            self.refused(words, Installer=f"http://127.0.0.1:{self.server.server_port}{path}")
            self.assertFalse(os.path.exists(self.path("cache", "steamcmd")))
        self.build()

    def test_jobs_that_are_none(self):
        for keys, words in (({"Operation": "script"}, "Operation="), ({"App": 0}, "App="), ({"App": "x"}, "App="), ({"Pause": 99999}, "Pause="),
                            ({"Installer": "file:///etc/passwd"}, "Installer=")):
            self.refused(words, **keys)


class Items(Case):
    """What left4me-workshop wants of steamcmd."""

    def wish(self, *lines):
        os.makedirs(self.path("tree", ".left4me-steam"), exist_ok=True)
        with open(self.path("tree", ".left4me-steam", "wanted"), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def has(self, items, **knobs):
        steam.tell(self.home, items={str(number): {name: base64.b64encode(content).decode() for name, content in files.items()}
                                     for number, files in items.items()}, **knobs)

    def fetch(self, code=0, **keys):
        return self.build(code, Operation="workshop", **keys)

    def brought(self):
        """What came, and why the rest did not."""
        folder = self.path("tree", ".left4me-steam")
        files = {}
        for name in os.listdir(folder):
            if name.endswith(".vpk"):
                with open(os.path.join(folder, name), "rb") as file:
                    files[name] = file.read()
        return files, dict(line.split(" ", 1) for line in self.read("tree", ".left4me-steam", "told").splitlines())

    def test_new_ones_and_old_ones(self):
        self.has({11: {"my map.VPK": b"eleven", "readme.txt": b"no"}, 12: {"3456_legacy.bin": b"twelve"}})
        self.wish("11 5-6", "12 7-0")
        result = self.fetch()
        self.assertEqual(self.brought(), ({"11-5-6.vpk": b"eleven", "12-7-0.vpk": b"twelve"}, {}))
        run, = steam.runs(self.home)
        self.assertLess(run.index("+force_install_dir"), run.index("+login anonymous"))
        self.assertIn("+workshop_download_item 550 11 +workshop_download_item 550 12", run)
        self.assertIn("@progress 50 steamcmd downloads item 12, 2 of 2", result.stdout)

    def test_what_passes_is_tried_again_alone(self):
        self.has({1: {"1.vpk": b"one"}, 2: {"2.vpk": b"two"}}, item_faults={"2": ["Timeout", "Failure"]})
        self.wish("1 1-1", "2 2-2")
        self.assertIn("waits for Steam (try 1 of 4 failed)", self.fetch().stdout)
        self.assertEqual([run.count("+workshop_download_item") for run in steam.runs(self.home)], [2, 1, 1])
        self.assertEqual(sorted(self.brought()[0]), ["1-1-1.vpk", "2-2-2.vpk"])

    def test_what_does_not_come_has_a_reason(self):
        self.has({1: {"1.vpk": b"one"}, 4: {"a.txt": b""}, 5: {"a.vpk": b"", "b.vpk": b""}}, item_faults={"2": ["Access Denied"], "3": ["Failure"] * 19})
        self.wish(*(f"{n} 1-1" for n in range(1, 7)))
        self.fetch()
        files, told = self.brought()
        self.assertEqual(files, {"1-1-1.vpk": b"one"})
        self.assertEqual(told, {"2": "steamcmd says: Access Denied", "3": "steamcmd says: Failure", "4": "steamcmd brought no VPK of it",
                                "5": "it has 2 VPKs, and an item's is one", "6": "steamcmd says: File Not Found"})

    def test_ended_without_a_word(self):
        self.has({1: {"1.vpk": b"one"}}, mute="2")
        self.wish("1 1-1", "2 1-1", "3 1-1")
        self.fetch()
        files, told = self.brought()
        self.assertEqual((list(files), told), (["1-1-1.vpk"], {n: "steamcmd ended without a word about it" for n in "23"}))

    def test_many_in_several_runs(self):
        self.has({n: {f"{n}.vpk": b"x"} for n in range(1, 121)})
        self.wish(*(f"{n} 1-1" for n in range(1, 121)))
        self.fetch()
        self.assertEqual(len(self.brought()[0]), 120)
        self.assertEqual([run.count("+workshop_download_item") for run in steam.runs(self.home)], [50, 50, 20])

    def test_what_is_no_items_fault(self):
        self.wish("1 1-1")
        for knobs, words in (({"item_faults": {"1": ["Disk Write Failure"]}}, "free some space"), ({"item_faults": {"1": ["Rate Limit Exceeded"]}}, "half an hour"),
                             ({"say": ["FAILED (Invalid Password)"], "exit": 5}, "login was refused"),
                             ({"say": ["FAILED (No Connection)"], "mute": "1"}, "way to the Internet")):
            with self.subTest(knobs=knobs):
                self.has({1: {"1.vpk": b"one"}}, **knobs)
                self.assertIn(words, self.fetch(1).stderr.splitlines()[-1])
                self.assertFalse(os.path.exists(self.path("tree", ".left4me-steam", "told")))

    def test_libraries_of_32_bits(self):
        self.server.files["/steamcmd.tar.gz"] = steam.installer(steam.program_of_32_bits())
        self.wish("1 1-1")
        if not os.path.exists("/lib/ld-linux.so.2"):
            self.assertIn("ld-linux.so.2 libc.so.6", self.fetch(1).stderr)

    def test_a_hostile_wish(self):
        self.has({1: {"1.vpk": b"one"}})
        for lines in (("+quit 1-1",), ("1 ../x",), ("1",), ("1 1-1 2",), ("0 1-1",), ("1 1-1\0",)):
            self.wish(*lines)
            self.assertIn("cannot read what is wanted", self.fetch(1).stderr)
        self.wish(*(f"{n} 1-1" for n in range(1, 5002)))
        self.assertIn("cannot read what is wanted", self.fetch(1).stderr)
        self.wish("1 1-1")
        os.mkdir(self.path("elsewhere"))
        os.symlink(self.path("elsewhere"), self.path("tree", ".left4me-steam", "install"))
        self.fetch()
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        self.assertEqual(self.brought()[0], {"1-1-1.vpk": b"one"})


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
