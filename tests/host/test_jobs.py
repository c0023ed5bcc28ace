# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on a real host: a build that is ended goes with all that it began, one that takes too long is ended, what a restart of the manager
does to those that run and those that wait."""

import os
import re
import tempfile

import follow
import ground
import host
from host import ctl

DROP_IN = "/run/systemd/system/left4me-build@.service.d/test.conf"
CONF = "/etc/left4me/left4me.conf"
# Three processes, one of them in a session of its own, none of which would end by itself.
HANGS = "/usr/bin/sh -c '/usr/bin/sleep 4711 & /usr/bin/setsid /usr/bin/sleep 4711 & echo all three are there; exec /usr/bin/sleep 4711'"


class Jobs(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()

    def builds(self, text=""):
        """From now on a build hangs, with these settings."""
        os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
        with open(DROP_IN, "w", encoding="ascii") as file:
            file.write(f"[Service]\nExecStart=\nExecStart={HANGS}\n{text}\n")
        self.addCleanup(host.run, "systemctl", "daemon-reload")
        self.addCleanup(os.unlink, DROP_IN)
        host.run("systemctl", "daemon-reload")

    def send(self, name):
        """Begins an import whose upload is all sent; the number of the job."""
        if name not in [o["name"] for o in host.ctl_json("overlay", "list")]:
            ctl("overlay", "create", name, "--kind", "files")
            self.addCleanup(ctl, "overlay", "delete", "--yes", name)
        with tempfile.NamedTemporaryFile() as file:
            file.write(host.archive({"left4dead2/a.txt": b"text"}))
            file.flush()
            return re.search(r"job (\d+)", ctl("overlay", "import", "--detach", name, file.name).out)[1]

    def job(self, number):
        return host.ctl_json("job", "show", number)

    def wait_hanging(self, number):
        with follow.Lines("left4mectl", "job", "logs", "-f", number) as log:
            log.wait(lambda line: "all three are there" in line, "the build")
        self.assertEqual(self.job(number)["state"], "running")

    def assert_nothing_left(self):
        self.assertEqual(host.run("pgrep", "-f", "sleep 4711", check=False).out, "")
        with ground.Ground() as g:
            self.assertEqual(ground.settle(g), [])

    def workers(self, count):
        with open(CONF, encoding="utf-8") as file:
            before = file.read()

        def restore():
            with open(CONF, "w", encoding="utf-8") as to:
                to.write(before)
            ctl("reload")
        self.addCleanup(restore)
        with open(CONF, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nJobWorkers={count}\n")
        ctl("reload")

    def test_cancel_ends_all_of_it(self):
        self.builds()
        number = self.send("one")
        with follow.Lines("left4mectl", "job", "logs", "-f", number) as log:
            log.wait(lambda line: "all three are there" in line, "the build")
            self.assertEqual(len(host.run("pgrep", "-f", "sleep 4711").out.split()), 3)
            ctl("job", "cancel", number)
            self.assertEqual(host.run("pgrep", "-f", "sleep 4711", check=False).out, "")
            log.wait(lambda line: f"job {number}: import 'one' cancelled" in line, "the end")
            # the log of a job ends with it
            self.assertEqual(log.process.wait(host.SECONDS), 0)
        told = self.job(number)
        self.assertEqual((told["state"], told["message"]), ("cancelled", "cancelled"))
        self.assertEqual(ctl("job", "wait", number, check=False).code, 1)
        self.assert_nothing_left()

    def test_a_build_that_takes_too_long(self):
        self.builds("TimeoutStartSec=1")
        number = self.send("one")
        waited = ctl("job", "wait", number, check=False)
        self.assertEqual(waited.code, 1, str(waited))
        told = self.job(number)
        self.assertEqual((told["state"], told["message"]), ("failed", "the build took too long and was ended"))
        self.assertIn(told["message"], waited.err)
        self.assert_nothing_left()

    def test_a_restart_of_the_manager(self):
        self.server("server")
        self.workers(1)
        self.builds()
        running = self.send("one")
        self.wait_hanging(running)
        waiting = self.send("two")
        path = host.call(host.path_of("instance", "server"), host.BUS_NAME + ".Instance", "Reset")[0]
        resumed = re.sub("_3([0-9])", r"\1", path.rsplit("/", 1)[1])
        for number in (waiting, resumed):
            self.assertEqual(self.job(number)["state"], "queued")
        host.run("systemctl", "restart", "left4med")
        self.assertEqual(ctl("job", "wait", resumed).code, 0)
        for number, word in ((running, "interrupted by a restart"), (waiting, "its upload was interrupted by a restart")):
            told = self.job(number)
            self.assertEqual(told["state"], "failed")
            self.assertTrue(told["message"].startswith(word), told["message"])
        self.assert_nothing_left()

    def test_more_workers(self):
        self.workers(1)
        self.builds()
        one = self.send("one")
        self.wait_hanging(one)
        two = self.send("two")
        self.assertEqual(self.job(two)["state"], "queued")
        self.workers(2)
        self.wait_hanging(two)
        for number in (two, one):
            ctl("job", "cancel", number)
        self.assert_nothing_left()
