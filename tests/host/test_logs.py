# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logs: whose lines they show, floods that cost nobody else anything, readers that stall, and what a failed start says."""

import json
import os
import re
import time
import unittest

import follow
import ground
import host
import wire
from host import ctl, run

INSTANCE = wire.NAME + ".Instance"
# Of one unit in ten seconds: RateLimitBurst= times 6, on the largest disks.
LINES_MAX = 3000
DROP_IN = "/run/systemd/system/{}.d/left4me-test.conf"


def lines(name, *words):
    return [line["message"] for line in ctl("logs", name, "--json", *words).json()]


def journal_size(namespace=None):
    """Bytes on the disk."""
    words = [f"--namespace={namespace}"] if namespace else []
    number, unit = re.search(r"take up ([\d.]+)([BKMG])", run("journalctl", "--disk-usage", *words).out + " take up 0B").groups()
    return float(number) * {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[unit]


def cpu_seconds(pid):
    fields = ground.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Logs(host.Case):
    TAKES = 30

    @classmethod
    def setup_class(cls):
        host.make_game()

    def drop_in(self, unit, text):
        path = DROP_IN.format(unit)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self.addCleanup(self.remove_drop_ins, unit)
        run("systemctl", "daemon-reload")

    @staticmethod
    def remove_drop_ins(unit):
        run("rm", "-rf", os.path.dirname(DROP_IN.format(unit)))
        run("systemctl", "daemon-reload")

    def failed_start(self, name):
        result = ctl("start", name, check=False)
        self.assertEqual(result.code, 1, str(result))
        self.assertNotIn("success", result.err)
        return result.err

    def test_a_log_begins_with_its_server(self):
        self.server("one")
        follow.start("one")
        ctl("stop", "one")
        self.assertGreater(len(lines("one")), 3)
        ctl("delete", "--yes", "one")
        self.server("one")
        self.assertEqual(lines("one"), [])
        follow.start("one")
        ctl("stop", "one")
        self.assertGreater(len(lines("one")), 3)
        ctl("rename", "one", "uno")
        self.addCleanup(self.remove_server, "uno")
        self.assertEqual(lines("uno"), [])
        self.server("one")
        self.assertEqual(lines("one"), [])

    def test_cursors(self):
        self.server("one")
        follow.start("one")
        shown = ctl("logs", "one", "--show-cursor").out.splitlines()
        cursor = shown[-1].removeprefix("-- cursor: ")
        self.assertNotEqual(cursor, shown[-1])
        with follow.Console("one") as console:
            ctl("console", "one", "standin_mark later")
            console.next("mark later")
        later = lines("one", f"--after-cursor={cursor}")
        self.assertEqual([m for m in later if "mark later" in m], ["standin: mark later"])
        # it may have grown meanwhile
        self.assertEqual(lines("one", f"--cursor={cursor}", "-n", str(1 + len(later)))[1:], later)
        self.assertEqual(lines("one", f"--cursor={cursor}", "-n1"), [shown[-2].partition(": ")[2]])
        self.assert_refused(ctl("logs", "one", "--json", "--cursor=nonsense", check=False), "InvalidArgument")

    def test_following_outlives_left4med(self):
        """Nothing is lost or shown twice, and left4med is not brought back by who waits for it."""
        def mark(word):
            ctl("console", "one", f"standin_mark {word}")
            return followed.wait(lambda line: f"mark {word}" in line, word)

        self.server("one")
        follow.start("one")
        with follow.Lines("sh", "-c", "exec left4mectl logs --follow --json one 2>&1") as followed:
            mark("before")
            host.kill_manager()
            mark("between")
            self.addCleanup(run, "systemctl", "start", "left4med.service")
            seen = len(followed.lines)
            run("systemctl", "stop", "left4med.service")
            followed.wait(lambda line: "left4med has gone" in line, "word of the stop", seen)
            with follow.Console("one") as console:
                run("systemctl", "kill", "--signal=KILL", host.server_unit("one"))
                console.wait_up()
            self.assertEqual(run("systemctl", "is-active", "left4med.service", check=False).out.strip(), "inactive")
            run("systemctl", "start", "left4med.service")
            last = mark("after")
            shown = [json.loads(line) for line in followed.lines[:last + 1] if line.startswith("{")]
        self.assertNotIn("cursor", shown[0])
        # of the game's journal alone: what others say is in another one, and may be written a little later
        shown, told = ([line["message"] for line in found if line["identifier"] == "l4d2-one"]
                       for found in (shown, ctl("logs", "one", "--json", "-n", "10000").json()))
        self.assertEqual(shown, told[:len(shown)])
        self.assertIn("mark after", shown[-1])

    def test_a_failed_start_names_the_unit(self):
        self.server("one")
        mount = host.mount_unit("one")
        self.drop_in(mount, "[Service]\nExecStart=\nExecStart=/bin/false\n")
        self.assertIn(f"{mount} failed (exit-code, exit status 1) and logged nothing. See: journalctl --unit={mount}",
                      self.failed_start("one"))
        self.drop_in(mount, "[Unit]\nRequires=left4me-test-no.service\nAfter=left4me-test-no.service\n")
        with open("/run/systemd/system/left4me-test-no.service", "w", encoding="ascii") as file:
            file.write("[Service]\nType=oneshot\nExecStart=/bin/false\n")
        self.addCleanup(os.unlink, "/run/systemd/system/left4me-test-no.service")
        self.addCleanup(run, "systemctl", "reset-failed", "left4me-test-no.service", check=False)
        run("systemctl", "daemon-reload")
        self.assertIn("because a unit that it needs failed. See: systemctl --failed", self.failed_start("one"))

        # nor does it quote what the server said when it last ran
        self.remove_drop_ins(mount)
        follow.start("one")
        ctl("stop", "one")
        self.drop_in(mount, "[Unit]\nRequires=left4me-test-no.service\nAfter=left4me-test-no.service\n")
        self.assertIn("because a unit that it needs failed. See: systemctl --failed", self.failed_start("one"))

    def test_a_failed_start_quotes_its_own_run(self):
        self.server("one")
        mount = host.mount_unit("one")
        for word in ("ham", "eggs"):
            self.drop_in(mount, f"[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo no {word}; exit 1'\n")
            message = self.failed_start("one")
            self.assertIn(f"did not start: no {word}\n", message)

    def test_a_flood_costs_nobody_else_anything(self):
        self.server("calm")
        self.server("loud")
        for name in ("calm", "loud"):
            follow.start(name)
        run("journalctl", "--sync")
        run("journalctl", "--namespace=left4me", "--sync")
        system, begin, left4med = journal_size(), time.time(), host.show("left4med.service", "MainPID")
        used = cpu_seconds(left4med)

        with follow.Lines("left4mectl", "logs", "--follow", "loud") as followed, follow.Console("calm") as calm:
            ctl("console", "loud", "standin_flood max")
            for n in range(30):
                ctl("console", "calm", f"standin_mark calm-{n}")
            for n in range(30):
                calm.next(f"mark calm-{n}")
            # work of left4med's own meanwhile
            self.overlay("maps", host.layer("maps"))
            followed.wait(lambda line: "loud" in line or "flood" in line, "lines of the flood")
            # whoever floods loses lines of his own; journald says so when the next ten seconds begin
            with follow.Lines("journalctl", "--namespace=left4me", "--follow", f"--since=@{int(begin)}", "--output=cat",
                              "_COMM=systemd-journal") as said:
                said.wait(lambda line: "Suppressed" in line, "journald's word on what it lost")
            ctl("console", "loud", "standin_flood 0")
        share = (cpu_seconds(left4med) - used) / (time.time() - begin)
        run("journalctl", "--namespace=left4me", "--sync")
        run("journalctl", "--sync")

        loud = f"_SYSTEMD_UNIT={host.server_unit('loud')}"
        since = f"--since=@{int(begin)}"
        kept = len(run("journalctl", "--namespace=left4me", since, "--output=cat", loud).out.splitlines())
        self.assertLess(kept, LINES_MAX * (2 + (time.time() - begin) / 10))
        # the others' are all there
        marks = [m for m in lines("calm", "-n", "10000") if "mark calm-" in m]
        self.assertEqual(marks, [f"standin: mark calm-{n}" for n in range(30)])
        self.assertIn("succeeded", run("journalctl", since, "--output=cat", "_SYSTEMD_UNIT=left4med.service").out)
        # and the host's journal knows nothing of it
        self.assertEqual(run("journalctl", "--quiet", "--output=cat", loud, since).out, "")
        self.assertLess(journal_size() - system, 16 << 20)
        self.assertLess(journal_size("left4me"), 1 << 30)
        self.assertLess(share, 0.25, "CPU of left4med")

    def test_stalled_readers(self):
        """A hundred: the one who reads gets everything, left4med lets go of the journal and does not grow, others are let in."""
        self.server("one")
        follow.start("one")
        with wire.Bus() as bus:
            def open_log():
                return bus.call(wire.NAME, wire.instance_path("one"), INSTANCE, "OpenLog", "a{sv}",
                                {"Follow": wire.V("b", True), "Lines": wire.V("u", 10000)})[0]
            fast = open_log()
            pid = host.show("left4med.service", "MainPID")
            before = self.memory(pid)
            stalled = [open_log() for _ in range(100)]
            ctl("console", "one", "standin_flood 1000")
            got = self.read_until(fast, 256 * 1024)
            ctl("console", "one", "standin_flood 0")
            ctl("console", "one", "standin_mark the end")
            got += self.read_until(fast, 0, b"mark the end")

            deadline = time.monotonic() + 60
            while (files := self.journals_open(pid)) > 60 and time.monotonic() < deadline:
                time.sleep(0.1)
            self.assertLess(files, 60)
            self.assertLess(self.memory(pid) - before, 16 << 20)
            # one that goes on gets the same
            late = self.read_until(stalled[0], 0, b"mark the end")
            self.assertEqual(late.splitlines()[-1000:], got.splitlines()[-1000:])
            for fd in (fast, *stalled):
                os.close(fd)
        self.assertGreater(len(lines("one")), 10)

    @staticmethod
    def read_until(fd, size, mark=b""):
        data = b""
        while len(data) < size or mark not in data:
            more = os.read(fd, 1 << 20)
            if not more:
                raise AssertionError("the log ended")
            data += more
        return data

    @staticmethod
    def memory(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon:"))

    @staticmethod
    def journals_open(pid):
        return len([fd for fd in ground.names(f"/proc/{pid}/fd") if "/journal/" in os.readlink(f"/proc/{pid}/fd/{fd}")])


if __name__ == "__main__":
    unittest.main()
