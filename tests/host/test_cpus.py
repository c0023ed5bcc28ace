# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CPU sets where the kernel has no cpuset controller, as in a container: what is refused, what systemd is told all the same when
root asks for it, and that a change is made whole or not at all. What it does to processes is seen in the virtual machine."""

import os
import random
import time
import unittest

import ground
import host
import wire
from host import run, show

CPUS = wire.ROOT + "/cpus"
INTERFACE = wire.NAME + ".CPUs"
SYSTEM_UNITS = ("system.slice", "user.slice", "init.scope", "l4d2-build.slice")
GAME = "l4d2-game.slice"
SCOPE_FILE = "/etc/systemd/system.control/init.scope.d/50-AllowedCPUs.conf"
UNDO = "/run/left4me-cpus/undo"
SEED = int(os.environ.get("LEFT4ME_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def unit(instance):
    return f"left4me-cpus@{instance}.service"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Sets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        host.make_users()
        cls.g = ground.Ground()
        cls.addClassCleanup(cls.g.close)
        cls.addClassCleanup(run, "systemctl", "start", unit("clear"))

    def setUp(self):
        run("systemctl", "start", unit("clear"))
        self.wait_for("System", [])

    def get(self, name):
        return self.g.get(wire.NAME, CPUS, INTERFACE, name)

    def wait_for(self, name, value):
        self.g.until(lambda: self.get(name) == value, what=lambda: f"{name} {value}, is {self.get(name)}")

    def assert_sets(self, system, games):
        found = {name: show(name, "AllowedCPUs") for name in (*SYSTEM_UNITS, GAME)}
        self.assertEqual(found, {**dict.fromkeys(SYSTEM_UNITS, system), GAME: games})

    def divisible(self):
        return "cpuset" in read("/sys/fs/cgroup/cgroup.controllers").split()

    def test_what_root_asks_for_is_kept(self):
        if len(self.get("Topology")) != 2:
            self.skipTest("made for two CPUs")
        run("systemctl", "start", unit("1"))
        self.assert_sets("1", "0")
        self.wait_for("System", [1])
        self.wait_for("Games", [0])
        self.assertIn("AllowedCPUs=1\n", read("/etc/systemd/system.control/user.slice.d/50-AllowedCPUs.conf"))
        self.assertIn("[Scope]\nAllowedCPUs=\nAllowedCPUs=1\n", read(SCOPE_FILE))
        self.assertEqual(os.stat(SCOPE_FILE).st_mode & 0o777, 0o644)
        run("systemctl", "daemon-reload")
        self.assert_sets("1", "0")
        run("systemctl", "restart", "left4med.service")
        self.g.until(lambda: wire.NAME in host.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")[0])
        self.wait_for("System", [1])
        host.ctl("cpu", "clear", user=host.ADMIN)
        self.assert_sets("", "")
        self.assertFalse(os.path.exists(SCOPE_FILE))

    def test_what_others_set_is_seen(self):
        self.addCleanup(run, "systemctl", "set-property", "user.slice", "AllowedCPUs=")
        run("systemctl", "set-property", "user.slice", "AllowedCPUs=0")
        path = host.path_of("slice", "user")
        self.g.until(lambda: self.g.get(wire.NAME, path, wire.NAME + ".Slice", "AllowedCPUs") == [0], what="the news")
        run("systemctl", "set-property", "--runtime", "init.scope", "AllowedCPUs=0")
        run("systemctl", "set-property", "--runtime", "init.scope", "AllowedCPUs=")

    def test_refusals_by_name(self):
        last = self.get("Topology")[-1][0]
        cases = [([], "No CPU is named"), ([last + 1], f"There is no CPU {last + 1}"), ([0, 0], "CPU 0 is named twice"),
                 (list(range(last + 1)), "None would be left")]
        for system, words in cases:
            error, message = host.call_error(CPUS, INTERFACE + ".Set", f"@au {system}")
            self.assertEqual(error, host.ERROR + "InvalidArgument", message)
            self.assertIn(words, message)
        if not self.divisible():
            error, message = host.call_error(CPUS, INTERFACE + ".Set", "[uint32 0]")
            self.assertEqual(error, host.ERROR + "NotSupported", message)
            self.assertIn("cpuset", message)
            result = host.ctl("cpu", "set", "0", user=host.ADMIN, check=False)
            self.assertEqual(result.code, 1)
            self.assertIn("Nothing was changed", result.err)
        self.assert_sets("", "")

    def test_the_wrong_user_is_denied(self):
        for verb in (("set", "0"), ("clear",)):
            result = host.ctl("cpu", *verb, "--no-ask-password", user=host.GUEST, check=False)
            self.assertEqual(result.code, 5, str(result))
        self.assertEqual(host.ctl("cpu", "show", "--sample", "0", user=host.GUEST).code, 0)

    def test_lists_that_are_none(self):
        for instance in ("99", "0\\x2c0", "0\\x2d99", "00", "all", "0-1", "0\\x20", "\\x2e\\x2e"):
            with self.subTest(instance):
                self.addCleanup(run, "systemctl", "reset-failed", unit(instance), check=False)
                self.assertNotEqual(run("systemctl", "start", unit(instance), check=False).code, 0)
                self.assertEqual(show(unit(instance), "ExecMainStatus"), "1")
        self.assert_sets("", "")

    def test_what_was_broken_off_is_set_back(self):
        """As a helper that was killed has left it; the next one of any kind that ends tidies up."""
        run("systemctl", "set-property", "system.slice", "AllowedCPUs=0")
        with open(UNDO, "w", encoding="ascii") as file:
            file.write("[AllowedCPUs]\n" + "".join(f"{name}=\n" for name in (*SYSTEM_UNITS, GAME)))
        self.addCleanup(run, "systemctl", "reset-failed", unit("99"), check=False)
        self.assertNotEqual(run("systemctl", "start", unit("99"), check=False).code, 0)
        self.assert_sets("", "")
        self.assertFalse(os.path.exists(UNDO))

    def test_killed_at_any_moment(self):
        rng = random.Random(SEED)
        print(f"LEFT4ME_SEED={SEED}", flush=True)
        outcomes = set()
        for _ in range(4):
            run("systemctl", "start", "--no-block", unit("1"))
            time.sleep(rng.uniform(0, 0.4))
            run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", unit("1"), check=False)
            # inactive it is before its job has begun as well
            self.g.until(lambda: show(unit("1"), "Job") == "" and show(unit("1"), "ActiveState") in ("inactive", "failed"),
                         what="the end of the unit")
            outcome = show("system.slice", "AllowedCPUs")
            self.assertIn(outcome, ("", "1"))
            self.assert_sets(outcome, "0" if outcome else "")
            self.assertFalse(os.path.exists(UNDO))
            outcomes.add(outcome)
            run("systemctl", "reset-failed", unit("1"), check=False)
            run("systemctl", "start", unit("clear"))
        print(f"outcomes: {sorted(outcomes)}", flush=True)

    def test_the_command_line(self):
        shown = host.ctl_json("cpu", "show", "--sample", "0.1")
        self.assertEqual([c["cpu"] for c in shown["cpus"]], [c[0] for c in self.get("Topology")])
        self.assertTrue(all(0 <= c["load"] <= 100 for c in shown["cpus"] if c["online"]), shown["cpus"])
        self.assertEqual([s["name"] for s in shown["slices"]], ["game", "build", "system", "user"])
        self.assertEqual(shown["slices"][2]["unit"], "system.slice")
        self.assertIn("not divided", host.ctl("cpu").out)
        suggested = host.ctl("cpu", "suggest", check=False)
        if suggested.code == 0:
            self.assertEqual(suggested.out.splitlines()[1], "left4mectl cpu set " + suggested.out.splitlines()[0])
        found = {r["check"]: r["verdict"] for r in host.ctl_json("check", check=False)}
        self.assertLessEqual({"cpuset", "cpus", "io weight", "l4d2.slice", "left4me-cpus@.service"}, set(found))
        self.assertEqual((found["l4d2.slice"], found["left4me-cpus@.service"], found["cpus"]), ("ok", "ok", "ok"))
        self.assertEqual(found["cpuset"], "ok" if self.divisible() else "warning")


if __name__ == "__main__":
    unittest.main()
