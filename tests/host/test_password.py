# SPDX-License-Identifier: LGPL-2.1-or-later
"""The RCON password: new at each start, known to the server and the manager, and to nobody else."""

import glob
import time

import follow
import host
import test_lifecycle
import wire
from host import ctl


class Monitor(wire.Bus):
    """Hears every message on the bus, byte for byte."""

    def __init__(self):
        self.heard = bytearray()
        super().__init__()
        self.call(wire.BUS, "/org/freedesktop/DBus", wire.BUS + ".Monitoring", "BecomeMonitor", "asu", [], 0)

    def parse(self, data):
        self.heard += data
        return super().parse(data)

    def hear_until(self, mark, do, *arguments):
        do(*arguments)
        deadline = time.monotonic() + follow.SECONDS
        while mark not in self.heard:
            self.receive(deadline)


class Password(test_lifecycle.Servers):
    def secret(self):
        with open(f"{host.LIBRARY}/instances/one/left4me.cfg", encoding="ascii") as file:
            return file.read().split('"')[1]

    @staticmethod
    def fnv1a(text):
        value = 0xcbf29ce484222325
        for byte in text.encode():
            value = (value ^ byte) * 0x100000001b3 % (1 << 64)
        return f"{value:016x}"

    def test_new_at_each_start_and_nobody_elses(self):
        self.server("one", "--overlay", "low", "--set", "hostname=One")
        secrets = set()
        with Monitor() as monitor, follow.Journal() as journal:
            for verb in ("start", "restart", "restart"):
                state = follow.start("one", verb)
                secret = self.secret()
                self.assertEqual((state["rcon_password_hash"], state["rcon_password_length"]), ([self.fnv1a(secret)], ["32"]))
                secrets.add(secret)
                self.check_hidden(secret)
            for words in (["status", "one"], ["configure", "one"], ["logs", "one", "--lines", "1000"], ["list"]):
                for secret in secrets:
                    self.assertNotIn(secret, ctl(*words, "--json").out + ctl(*words).out)
            host.managed_objects()
            monitor.hear_until(b"/end/of/it", host.call_error, "/end/of/it", "org.example.End")
            ctl("stop", "one")
            journal.wait_text("one: stopped")
        self.assertEqual(len(secrets), 3)
        self.assertIn(b"GetSettings", monitor.heard)
        seen = monitor.heard.decode("utf-8", "replace") + "\n".join(str(r) for r in journal.lines)
        games = host.run("journalctl", "--namespace=left4me", "--since=-5min", "--output=cat").out
        for secret in secrets:
            self.assertNotIn(secret, seen + games)

    def check_hidden(self, secret):
        for path in (f"{host.LIBRARY}/instances/one/left4me.cfg", host.merged("one") + "/left4dead2/cfg/left4me.cfg",
                     host.upper("one", "left4dead2/cfg/left4me.cfg")):
            self.assertNotEqual(host.run("cat", path, user=host.GUEST, check=False).code, 0, path)
        for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as file:
                    self.assertNotIn(secret.encode(), file.read(), path)
            except (FileNotFoundError, ProcessLookupError):
                pass
        # What the server has written is read by other helpers and goes into backups.
        self.assertNotIn(secret, host.run("grep", "-rsh", "rcon_password", host.upper("one"), check=False).out)
