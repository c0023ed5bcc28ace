#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-helper.py LEFT4ME-STEAM: left4me-steam with the stand-in for steamcmd, which comes from a web server of ours."""

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


class Steam(unittest.TestCase):
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

    def build(self, code=0, **keys):
        job = {"Operation": "steam", "App": 222860, "Branch": "public", "Pause": 0,
               "Installer": f"http://127.0.0.1:{self.server.server_port}/steamcmd.tar.gz", **keys}
        with open(self.path("job", "job"), "w", encoding="utf-8") as file:
            file.write("[Job]\n" + "".join(f"{key}={value}\n" for key, value in job.items()))
        result = subprocess.run([PROGRAM, self.path("job")], env={**os.environ, "OVERLAY": self.path("tree"), "STEAM_CACHE": self.path("cache")},
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def refused(self, words, **keys):
        result = self.build(1, **keys)
        self.assertIn(words, result.stderr.splitlines()[-1])
        return result

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


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
