# SPDX-License-Identifier: LGPL-2.1-or-later
"""left4med is killed at many points of everything that it does; after its restart the bus tells the truth.

LEFT4ME_KILLS: how many times as many cases (default 1); LEFT4ME_SEED: repeats a run.
"""

import os
import random
import signal
import time
import unittest

import ground
import host
import wire
from ground import INSTANCE, STATE
from kill_operations import BYSTANDER, GAME, MAPS, OPERATIONS, SUBJECT

SEED = int(os.environ.get("LEFT4ME_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
TIMES = float(os.environ.get("LEFT4ME_KILLS", "1"))
CASES = {"start": 7, "stop": 7, "restart": 5, "import_small": 7, "import_big": 5, "import_slow": 4, "delete_instance": 5,
         "delete_overlay": 4, "rename_overlay": 5, "rollback": 2, "put_file": 3, "prune": 2, "rename": 5, "reset": 4,
         "create": 2, "configure": 2, "clone": 2}


class KilledManager(unittest.TestCase):
    TIMEOUT = int(240 * max(TIMES, 1))
    TAKES = 125

    @classmethod
    def setUpClass(cls):
        cls.g = g = ground.Ground()
        cls.addClassCleanup(g.close)
        g.clear()
        cls.addClassCleanup(g.clear)
        g.make_overlay(GAME, "game.tar.zst")
        g.make_overlay(MAPS, "maps.zip")
        g.create(BYSTANDER, Game=GAME, Overlays=[MAPS], Cvars={"hostname": "bystander"}, Lines=["sv_cheats 0"])
        g.instance(BYSTANDER, "Start")
        cls.before = cls.bystander()
        cls.disk = cls.content()
        print(f"LEFT4ME_SEED={SEED}", flush=True)

    @classmethod
    def bystander(cls):
        known = {p["Name"]: p for p in cls.g.of(INSTANCE)}
        return known.get(BYSTANDER), cls.g.instance(BYSTANDER, "GetSettings")[0]

    @staticmethod
    def content():
        return host.run("sh", "-c", f"cd {STATE}/overlays && find {GAME} {MAPS} -type f -exec sha256sum {{}} + | sort").out

    def duration(self, operation):
        operation.prepare()
        begin = time.monotonic()
        operation.done(self.g.wait(operation.post()))
        return time.monotonic() - begin

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.g.until(lambda: self.g.manager_pid() != pid, what="systemd sees the end of left4med")

    def wait_reply(self, operation, serial, until):
        """What comes before the moment of the kill: the reply of a call that was quick, or nothing."""
        try:
            reply = self.g.wait(serial, max(until - time.monotonic(), 0))
        except TimeoutError:
            return None
        operation.answered(reply)
        time.sleep(max(until - time.monotonic(), 0))
        return reply

    def one(self, operation, delay, rng):
        g = self.g
        operation.prepare()
        pid = g.manager_pid()
        until = time.monotonic() + delay
        serial = operation.post()
        reply = self.wait_reply(operation, serial, until)
        self.kill(pid)
        if reply is None:
            try:
                reply = g.wait(serial, 60)
                operation.answered(reply)
            except wire.BusError as error:
                self.assertEqual(error.name, "org.freedesktop.DBus.Error.NoReply")
            except TimeoutError:
                self.fail("a call of the killed manager hangs")
        if rng.random() < 0.25:
            # and once more, while it takes stock
            g.call(*wire.SYSTEMD, "StartUnit", "ss", "left4med.service", "replace")
            again = g.until(g.manager_pid, what="left4med starts again")
            time.sleep(rng.uniform(0, 0.05))
            self.kill(again)
        # systemd starts it after half a second; the bus does when somebody calls it first
        if rng.random() < 0.5:
            g.until(lambda: g.call(wire.BUS, "/org/freedesktop/DBus", wire.BUS, "NameHasOwner", "s", wire.NAME)[0],
                    what="left4med is back")
        self.assertEqual(ground.settle(g), [])
        operation.check(self, reply)
        self.check_start(operation)

    def check_start(self, operation):
        operation.need(SUBJECT, running=True)
        self.assertEqual(self.g.get(wire.NAME, wire.instance_path(SUBJECT), INSTANCE, "ActiveState"), "active")
        self.g.instance(SUBJECT, "Stop")

    def check_bystander(self):
        self.assertEqual(self.bystander(), self.before, "a server that had nothing to do with it was disturbed")
        self.assertEqual(self.content(), self.disk, "an overlay that had nothing to do with it changed")

    def schedule(self, kind):
        count = max(round(CASES[kind] * TIMES), 1)
        rng = random.Random(f"{SEED} {kind}")
        duration = self.duration(OPERATIONS[kind](self.g))
        for n in range(count):
            yield duration * 1.15 * (n + rng.random()) / count, rng

    def run_kind(self, kind):
        for delay, rng in self.schedule(kind):
            with self.subTest(kind=kind, delay_ms=round(delay * 1000, 1), seed=SEED):
                self.one(OPERATIONS[kind](self.g), delay, rng)
        self.check_bystander()


def add_test(kind):
    setattr(KilledManager, f"test_{kind}", lambda self: self.run_kind(kind))


for word in CASES:
    add_test(word)
del word

if __name__ == "__main__":
    unittest.main()
