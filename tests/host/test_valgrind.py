# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tour of the README with left4med, left4mectl and the helpers under valgrind: no error, nothing definitely lost."""

import glob
import os
import re
import unittest

import ground
import host
import test_tour

LOGS = "/run/left4me-valgrind"
LIBEXEC = "/usr/libexec/left4me"
VALGRIND = ["/usr/bin/valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--error-exitcode=77", "--vgdb=no", "--num-callers=20"]
# What a unit runs, and what of its sandbox valgrind cannot live with: it makes code, and other calls than the program.
UNITS = {"left4med.service": ("ExecStart=", LIBEXEC + "/left4med"),
         "left4me-tree@.service": ("ExecStart=", LIBEXEC + "/left4me-tree %i")}
LOOSENED = "SystemCallFilter=\nMemoryDenyWriteExecute=no\nMemoryMax=infinity\nWatchdogSec=0\nTasksMax=infinity\n"


def valgrind(program):
    return [*VALGRIND, f"--log-file={LOGS}/{program}.%p"]


@unittest.skipUnless(os.path.exists(VALGRIND[0]), "there is no valgrind on this host")
class Valgrind(test_tour.Tour):
    TIMEOUT = 600
    TAKES = 25

    @classmethod
    def setup_class(cls):
        cls.addClassCleanup(cls.back)
        host.run("systemctl", "stop", "left4med.service")
        os.makedirs(LOGS, exist_ok=True)
        os.chmod(LOGS, 0o1777)
        for unit, (key, command) in UNITS.items():
            program = os.path.basename(command.split()[0])
            folder = f"/run/systemd/system/{unit}.d"
            os.makedirs(folder, exist_ok=True)
            cls.addClassCleanup(host.run, "rm", "-r", folder)
            words = " ".join(w.replace("%", "%%") for w in valgrind(program))
            with open(f"{folder}/99-valgrind.conf", "w", encoding="ascii") as file:
                file.write(f"[Service]\n{key}\n{key}{words} {command}\n{LOOSENED}ReadWritePaths={LOGS}\n")
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", "left4med.service", seconds=120)
        cls.plain, test_tour.ctl = test_tour.ctl, cls.ctl

    @classmethod
    def back(cls):
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "restart", "left4med.service")
        host.run("rm", "-rf", LOGS)

    @classmethod
    def tearDownClass(cls):
        test_tour.ctl = cls.plain

    @staticmethod
    def ctl(*words, **options):
        return host.run(*valgrind("left4mectl"), "left4mectl", *words, **{"seconds": 300, **options})

    def check_logs(self):
        """Whoever was followed has ended by now; a log that says nothing of errors is one of a program that was killed."""
        seen = set()
        for path in sorted(glob.glob(f"{LOGS}/*")):
            text = ground.read(path)
            seen.add(os.path.basename(path).partition(".")[0])
            found = re.search(r"ERROR SUMMARY: (\d+) errors", text)
            with self.subTest(program=os.path.basename(path)):
                self.assertTrue(found and found[1] == "0", text)
        self.assertEqual(seen, {"left4med", "left4mectl", "left4me-tree"})

    def test_by_root(self):
        self.take(None)
        host.run("systemctl", "stop", "left4med.service", seconds=120)
        self.check_logs()
        host.run("systemctl", "start", "left4med.service", seconds=120)

    test_by_a_member_of_left4me_admin = None
