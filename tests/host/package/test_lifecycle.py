# SPDX-License-Identifier: LGPL-2.1-or-later
"""The package from upgrade to purge, on a host of its own: in this order, each test takes up where the last one ended."""

import glob
import json
import os
import subprocess
import unittest

PACKAGE = "/opt/left4me/left4me.deb"
SERVERS = ["coop-1", "survival-1", "versus-1"]


def run(*command, check=True):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done


def apt(*arguments, check=True):
    return run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", *arguments, check=check)


def main_pid(unit):
    return int(run("systemctl", "show", "--property=MainPID", "--value", unit).stdout)


def server_pids():
    return {name: main_pid(f"left4me-server@{name}.service") for name in SERVERS}


def units():
    """The loaded units of left4me that are not inactive."""
    lines = run("systemctl", "list-units", "--all", "--plain", "--no-legend", "left4me*", "left4med*").stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[2] not in ("inactive", "failed")]


def mounts():
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        return [line.split()[4] for line in file if line.split()[4].startswith("/var/lib/left4me")]


def processes():
    done = run("pgrep", "--uid", "980,left4me-manager", "--list-full", check=False)
    return done.stdout.splitlines()


def leftovers():
    """Files that carry left4me's name, wherever they are; users and groups stay, as Debian's policy allows."""
    found = run("find", "/", "-xdev", "(", "-path", "/opt", "-o", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune",
                "-o", "(", "-name", "*left4m*", "-o", "-name", "*l4d2*", ")", "-print").stdout.splitlines()
    return found + glob.glob("/run/left4m*")


class Lifecycle(unittest.TestCase):
    def test_1_upgrade_restarts_the_manager_alone(self):
        run("/opt/left4me/demo")
        manager, servers = main_pid("left4med.service"), server_pids()
        self.assertNotIn(0, servers.values())
        apt("--reinstall", "install", PACKAGE)
        self.assertEqual(server_pids(), servers)
        self.assertNotIn(main_pid("left4med.service"), (0, manager))
        run("/opt/left4me/demo", "--is-running")

    def test_2_removal_stops_all_and_keeps_data(self):
        self.assertIn("table inet left4me", run("nft", "list", "ruleset").stdout)
        apt("remove", "left4me")
        self.assertNotIn("left4me", run("nft", "list", "ruleset").stdout)
        self.assertEqual(units(), [])
        self.assertEqual(mounts(), [])
        self.assertEqual(processes(), [])
        self.assertTrue(os.path.isdir("/var/lib/left4me/overlays/l4d2"))
        self.assertTrue(os.path.isfile("/etc/left4me/left4me.conf"))

    def test_3_installed_again_all_is_there(self):
        apt("install", PACKAGE)
        instances = json.loads(run("left4mectl", "list", "--json").stdout)
        self.assertEqual(sorted(i["name"] for i in instances), SERVERS)
        run("/opt/left4me/demo")
        run("/opt/left4me/demo", "--is-running")

    def test_4_purge_leaves_nothing(self):
        apt("purge", "left4me")
        self.assertNotIn("left4me", run("nft", "list", "ruleset").stdout)
        self.assertEqual(units(), [])
        self.assertEqual(mounts(), [])
        self.assertEqual(processes(), [])
        self.assertEqual(leftovers(), [])

    def test_5_a_taken_uid_is_refused_by_name(self):
        run("userdel", "left4me")
        run("useradd", "--system", "--uid", "980", "--user-group", "squatter")
        self.addCleanup(run, "userdel", "squatter", check=False)
        done = apt("install", PACKAGE, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"left4me: .id 980 is taken by 'squatter'")
        self.assertRegex(done.stdout, r"groupmod --gid NUMBER squatter|usermod --uid NUMBER squatter")
        self.assertEqual(leftovers(), [])

    def test_6_a_user_of_another_number_is_refused(self):
        run("useradd", "--system", "--uid", "901", "--gid", "nogroup", "left4me")
        done = apt("install", PACKAGE, check=False)
        run("userdel", "left4me")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("left4me: 'left4me' exists already, with uid 901", done.stdout)
        self.assertEqual(leftovers(), [])

    def test_7_installs_once_the_number_is_free(self):
        apt("install", PACKAGE)
        self.assertEqual(run("id", "-u", "left4me").stdout.strip(), "980")
        self.assertNotEqual(main_pid("left4med.service"), 0)
