# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who takes more memory than he may is ended, and nobody else: a leaking game, a greedy build. Who makes processes without end gets no more."""

import os
import unittest

from case import PORT, Case
import follow
import host
import scripts

LIMIT = 80  # MiB
TASKS = 40
BOMB = """
import os, time
for made in range(5 * int(os.environ["TASKS"])):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except BlockingIOError:
        break
else:
    made = "all of them"
print("made:", made)
"""


class Memory(Case):
    def limit(self, unit, tasks="infinity"):
        """Limits of one unit until the end of the test; without MemoryHigh=, which would slow it down for minutes before."""
        folder = f"/run/systemd/system/{unit}.d"

        def remove():
            host.run("rm", "-rf", folder)
            host.run("systemctl", "daemon-reload")

        os.makedirs(folder)
        self.addCleanup(remove)
        with open(f"{folder}/memory.conf", "w", encoding="ascii") as file:
            file.write(f"[Service]\nMemoryHigh=infinity\nMemoryMax={LIMIT}M\nTasksMax={tasks}\n")
        host.run("systemctl", "daemon-reload")

    def test_a_leaking_game(self):
        self.limit(host.server_unit("leaks"))
        for name, port in (("leaks", PORT), ("sound", PORT + 1)):
            self.addCleanup(self.remove_server, name)
            self.start_server(port, name=name)
        pid, other = (self.g.unit_property(host.server_unit(n), "MainPID") for n in ("leaks", "sound"))
        with follow.Watch() as watch:
            watch.wait_state("leaks", "active")
            host.ctl("console", "leaks", "standin_leak 400", check=False)
            watch.wait_server("leaks", lambda p: p["last_exit"]["result"] == "oom-kill", "the end of what leaks")
            watch.wait_server("leaks", lambda p: p["active_state"] == "active" and p["main_pid"] not in (0, pid), "its restart")
        self.assertIn("out of memory", host.ctl("status", "leaks", check=False).out)
        self.assertEqual(self.g.unit_property(host.server_unit("sound"), "MainPID"), other)

    def test_a_greedy_script(self):
        self.addCleanup(host.ctl, "overlay", "delete", "--yes", "greedy", check=False)
        scripts.make("greedy", "echo good >good")
        self.assertEqual(scripts.build("greedy")["state"], "succeeded")
        before = scripts.show("greedy")
        self.limit("left4me-script@.service")
        scripts.set_source("greedy", "echo bad >good; tail /dev/zero")
        job = scripts.build("greedy")
        self.assertEqual(job["state"], "failed", job["told"])
        self.assertIn("memory", job["told"])
        self.assertEqual(scripts.show("greedy")["current"], before["current"])
        self.assertEqual(scripts.read("greedy", "good"), "good\n")

    def test_a_fork_bomb(self):
        self.addCleanup(host.ctl, "overlay", "delete", "--yes", "bomb", check=False)
        self.limit("left4me-script@.service", TASKS)
        scripts.make("bomb", f"TASKS={TASKS} python3 -I - <<'EOF' >made\n{BOMB}EOF\n")
        job = scripts.build("bomb")
        self.assertEqual(job["state"], "succeeded", job["told"])
        made = scripts.read("bomb", "made").split()[1]
        self.assertTrue(made.isdigit() and 0 < int(made) < TASKS, made)
        self.assertEqual(host.run("pgrep", "-u", "980", "python3", check=False).out, "")


if __name__ == "__main__":
    unittest.main()
