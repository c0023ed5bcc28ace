# SPDX-License-Identifier: LGPL-2.1-or-later
"""Four CPUs divided: what the kernel lets run where, read from the kernel."""

import os
import unittest

from case import Case
import host
import hostwide
import wire


def allowed(process):
    """What the kernel lets a process, or a thread of one, run on."""
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        return next(line.split()[1] for line in file if line.startswith("Cpus_allowed_list:"))


def offline(cpu, off=True):
    with open(f"/sys/devices/system/cpu/cpu{cpu}/online", "w", encoding="ascii") as file:
        file.write("0" if off else "1")


class Sets(Case):
    def cpus(self, name):
        return self.g.get(wire.NAME, wire.ROOT + "/cpus", wire.NAME + ".CPUs", name)

    def assert_sets(self, system, games):
        found = {unit: hostwide.cpus_of(unit) for unit in (*hostwide.SYSTEM_UNITS, hostwide.GAME)}
        self.assertEqual(found, {**dict.fromkeys(hostwide.SYSTEM_UNITS, system), hostwide.GAME: games})

    def test_set_and_clear(self):
        pid = self.playing_server()
        self.undo(hostwide.ask, self.g, "cpus", "Clear")
        hostwide.ask(self.g, "cpus", "Set", "au", [0])
        self.assert_sets("0", "1-3")
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            self.assertIn("Cpus_allowed_list:\t1-3\n", file.read())
        hostwide.ask(self.g, "cpus", "Set", "au", [0, 1])
        self.assert_sets("0-1", "2-3")
        hostwide.ask(self.g, "cpus", "Clear")
        self.assert_sets("0-3", "0-3")
        self.assertEqual(hostwide.drop_ins(), [])

    def test_a_running_server_moves_and_so_do_the_host_s_own(self):
        """Read of processes that ran before: PID 1, left4med, the server with its threads, a build."""
        pid = self.playing_server()
        host.run("systemd-run", "--quiet", "--collect", "--slice=l4d2-build.slice", "--unit=cpu-test-build.service", "sleep", "infinity")
        self.undo(host.run, "systemctl", "stop", "cpu-test-build.service")
        build = self.g.unit_property("cpu-test-build.service", "MainPID")
        self.undo(hostwide.ask, self.g, "cpus", "Clear")
        host.ctl("cpu", "set", "0")
        for process, cpus in ((1, "0"), (self.g.manager_pid(), "0"), (build, "0"), (pid, "1-3")):
            for task in os.listdir(f"/proc/{process}/task"):
                self.assertEqual(allowed(f"{process}/task/{task}"), cpus)
        host.ctl("cpu", "set", "2-3")
        self.assertEqual([allowed(p) for p in (1, build, pid)], ["2-3", "2-3", "0-1"])
        host.ctl("cpu", "clear")
        self.assertEqual([allowed(p) for p in (1, build, pid)], ["0-3", "0-3", "0-3"])

    def test_refusals(self):
        self.undo(offline, 3, False)
        self.undo(hostwide.ask, self.g, "cpus", "Clear")
        offline(3)
        topology = self.g.until(lambda: not (t := self.cpus("Topology"))[3][3] and t, what="the news that CPU 3 is offline")
        self.assertEqual([c[3] for c in topology], [True, True, True, False])
        for system, words in (([], "No CPU is named"), ([4], "There is no CPU 4"), ([0, 0], "named twice"), ([3], "CPU 3 is offline"),
                              ([0, 1, 2], "None would be left")):
            error, message = host.call_error(wire.ROOT + "/cpus", wire.NAME + ".CPUs.Set", f"@au {system}")
            self.assertEqual(error, host.ERROR + "InvalidArgument", message)
            self.assertIn(words, message)
        # (without sets the kernel names CPU 3 to processes all the same)
        self.assertEqual((self.cpus("System"), hostwide.drop_ins()), ([], []))
        # the games get what was offline when it comes back
        hostwide.ask(self.g, "cpus", "Set", "au", [0])
        self.assert_sets("0", "1-2")
        offline(3, False)
        self.g.until(lambda: self.cpus("Topology")[3][3], what="the news that CPU 3 is back")
        # the kernel gives it to the control groups a moment later
        self.g.until(lambda: hostwide.cpus_of(hostwide.GAME) == "1-3", what="CPU 3 for the games")
        self.assert_sets("0", "1-3")

    def test_figures(self):
        self.playing_server()
        self.undo(hostwide.ask, self.g, "cpus", "Clear")
        hostwide.ask(self.g, "cpus", "Set", "au", [0])
        slices = {s["name"]: s for s in host.ctl_json("cpu", "show", "--sample", "0.2")["slices"]}
        self.assertEqual(slices["system"]["statistics"]["effective_cpus"], [0])
        self.assertEqual(slices["game"]["statistics"]["effective_cpus"], [1, 2, 3])
        for name in ("system", "game"):
            figures = slices[name]["statistics"]
            self.assertGreater(figures["cpu_usage_n_sec"], 0)
            self.assertGreater(figures["memory_current"], 0)
            self.assertGreater(figures["tasks"], 0)
        verdicts = {r["check"]: r["verdict"] for r in host.ctl_json("check", check=False)}
        self.assertEqual((verdicts["cpuset"], verdicts["cpus"], verdicts["l4d2.slice"]), ("ok", "ok", "ok"))


if __name__ == "__main__":
    unittest.main()
