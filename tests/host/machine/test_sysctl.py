# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's settings that the package brings: in force since the boot, each with its reason, and the doctor sees another word."""

import os
import unittest

import host

FILE = "/usr/lib/sysctl.d/60-left4me.conf"
OTHER = "/etc/sysctl.d/99-test.conf"


def settings():
    """(key, value, whether a comment stands above) of each line; a blank line ends what a comment is about."""
    with open(FILE, encoding="ascii") as file:
        lines = file.read().splitlines()
    reason = False
    for line in lines:
        if not line:
            reason = False
        elif line.startswith("#"):
            reason = True
        else:
            key, _, value = line.lstrip("-").partition("=")
            yield key.strip(), value.strip(), reason


def finding():
    return next(f for f in host.ctl_json("check", check=False) if f["check"] == "sysctl")


class Sysctl(unittest.TestCase):
    def restore(self):
        if os.path.exists(OTHER):
            os.unlink(OTHER)
        host.run("systemctl", "restart", "systemd-sysctl.service")

    def test_in_force(self):
        found = list(settings())
        self.assertGreater(len(found), 10)
        for key, value, reason in found:
            with self.subTest(key):
                self.assertTrue(reason)
                with open("/proc/sys/" + key.replace(".", "/"), encoding="ascii") as file:
                    self.assertEqual(file.read().split(), value.split())
        self.assertEqual((finding()["verdict"], finding()["explanation"]),
                         ("ok", f"{len(found)} settings of the kernel are as shipped"))

    def test_overridden(self):
        self.addCleanup(self.restore)
        with open(OTHER, "w", encoding="ascii") as file:
            file.write("vm.swappiness = 42\n")
        host.run("systemctl", "restart", "systemd-sysctl.service")
        self.assertEqual((finding()["verdict"], finding()["explanation"]), ("warning", f"vm.swappiness is 42, not 10 ({OTHER})"))


if __name__ == "__main__":
    unittest.main()
