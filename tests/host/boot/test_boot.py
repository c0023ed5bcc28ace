# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a boot finds, after a shutdown in order and after a power cut. deploy/tiers/container boots the host between the three classes."""

import glob
import hashlib
import json
import os
import unittest

import follow
import ground
import host
from host import ctl

NOTES = "/var/tmp/left4me-boot.json"
# An upload that goes on until the power is cut.
UPLOAD = "left4me-test-upload.service"


def notes():
    with open(NOTES, encoding="utf-8") as file:
        return json.load(file)


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read()


def booted_at():
    """Containers have the boot id of the machine, but systemd starts anew."""
    return host.run("systemctl", "show", "--property", "UserspaceTimestampMonotonic", "--value").out.strip()


def content():
    """Checksums of all that overlays hold."""
    sums = {}
    for path in glob.glob(f"{host.LIBRARY}/overlays/**", recursive=True):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                sums[path] = hashlib.sha256(file.read()).hexdigest()
    return sums


def note():
    with open(NOTES, "w", encoding="utf-8") as file:
        json.dump({"boot": boot_id(), "at": booted_at(), "content": content()}, file)


class Boot(unittest.TestCase):
    def assert_autostarted(self, *names):
        """These run, each on its stack; the others do not, and nothing is left over."""
        with follow.Watch() as watch:
            for name in names:
                watch.wait_state(name, "active")
        for server in host.ctl_json("list"):
            name, runs = server["name"], server["name"] in names
            self.assertEqual(server["active_state"], "active" if runs else "inactive", name)
            self.assertEqual(host.mounted_layers(name), [("maps", 1), ("game", 1)] if runs else [], name)
            self.assertEqual(server["autostart"], runs, name)
        with ground.Ground() as g:
            self.assertEqual(ground.settle(g), [])

    def assert_booted(self):
        before = notes()
        self.assertNotEqual((boot_id(), booted_at()), (before["boot"], before["at"]))
        self.assertEqual(content(), before["content"])


class BeforeReboot(Boot):
    def test_prepare(self):
        host.wipe()
        host.make_game()
        host.make_overlay("maps", host.layer("maps"))
        for name, options in (("auto", ["--autostart"]), ("idle", ["--autostart"]), ("manual", []), ("down", [])):
            ctl("create", name, "--game", "game", "--overlay", "maps", *options)
        ctl("start", "auto", "manual")
        note()


class AfterReboot(Boot):
    def test_1_autostart(self):
        self.assert_booted()
        self.assert_autostarted("auto", "idle")

    def test_2_once_a_boot(self):
        ctl("stop", "auto")
        host.run("systemctl", "restart", "left4med")
        # The same way to systemd, later: had the other been started, it would run by now.
        ctl("restart", "idle")
        self.assertEqual(host.status("auto")["active_state"], "inactive")

    def test_3_in_the_middle_of_an_import(self):
        ctl("start", "auto", "manual")
        ctl("overlay", "create", "big", "--kind", "files")
        data = host.archive({f"left4dead2/{n}.bin": os.urandom(100000) for n in range(50)})
        with open("/var/tmp/left4me-boot.tar", "wb") as file:
            file.write(data)
        host.run("systemd-run", "--quiet", f"--unit={UPLOAD}", "--property=StandardError=null", "sh", "-c",
                 f"(head -c {len(data) * 2 // 3} /var/tmp/left4me-boot.tar; exec sleep infinity) | left4mectl overlay import big -")
        with ground.Ground() as g:
            g.until(lambda: glob.glob(f"{host.LIBRARY}/builds/*/upper/left4dead2/9.bin"), what="the build unpacks")
        note()


class AfterCut(Boot):
    def test_autostart_and_the_truth(self):
        self.assert_booted()
        self.assert_autostarted("auto", "idle")
        overlay = host.ctl_json("overlay", "show", "big")
        self.assertEqual((overlay["state"], overlay["versions"]), ("empty", []))
        jobs = [j for j in host.ctl_json("job", "list") if j["subject"] == "big"]
        self.assertEqual([j["state"] for j in jobs], ["failed"])
        self.assertIn("interrupted by a restart", jobs[0]["message"])
        check = host.run("sqlite3", f"{host.LIBRARY}/manager/left4me.db", "PRAGMA integrity_check", user="left4me-manager")
        self.assertEqual(check.out.strip(), "ok")
        # And it goes on.
        with open("/var/tmp/left4me-boot.tar", "rb") as file:
            ctl("overlay", "import", "big", "-", data=file.read())
        for name in ("manual", "down"):
            follow.start(name)
        host.wipe()
