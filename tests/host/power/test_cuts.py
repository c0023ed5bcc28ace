# SPDX-License-Identifier: LGPL-2.1-or-later
"""left4med starts on disks that power cuts have left. Needs what `deploy/tiers/vm` recorded in a virtual machine, in /var/tmp/power.

LEFT4ME_CUTS: how many of them (default 40); LEFT4ME_SEED repeats a run.
"""

import os
import random
import unittest

import world
import ground
import host
import oracle
from replay import Log

RECORDED = "/var/tmp/power"
IMAGE = f"{RECORDED}/cut.img"
CUTS = int(os.environ.get("LEFT4ME_CUTS", "40"))
SEED = int(os.environ.get("LEFT4ME_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def loop_devices():
    """A container has none by itself."""
    for n in range(64):
        if not os.path.exists(f"/dev/loop{n}"):
            host.run("mknod", f"/dev/loop{n}", "b", "7", str(n))
    if not os.path.exists("/dev/loop-control"):
        host.run("mknod", "/dev/loop-control", "c", "10", "237")


@unittest.skipUnless(os.path.exists(f"{RECORDED}/state.log"), "nothing was recorded (deploy/check --tier vm does)")
class Cuts(unittest.TestCase):
    TIMEOUT = 120 + 10 * CUTS

    @classmethod
    def setUpClass(cls):
        loop_devices()
        cls.log = Log(f"{RECORDED}/state.log")
        print(f"LEFT4ME_SEED={SEED}, {len(cls.log.entries)} writes and flushes, {len(cls.log.marks)} marks", flush=True)
        host.run("systemctl", "stop", "left4med.service")

    def mount(self):
        host.run("mount", "-o", "loop", IMAGE, ground.STATE)
        host.run("systemctl", "reset-failed", "left4med.service", check=False)
        host.run("systemctl", "start", "left4med.service")

    def unmount(self):
        host.run("systemctl", "stop", "left4med.service", check=False)
        host.run("umount", ground.STATE)

    def check(self, last, following):
        with ground.Ground() as g:
            self.assertEqual(oracle.settle(g), [])
            self.assertEqual(oracle.differences(g, True), [])
            now = world.snapshot(g)
        marks = [mark for mark in (last, following) if mark]
        self.assertIn(now["servers"], [mark["servers"] for mark in marks], f"mark {last['n']}")
        for name in {name for mark in marks for name in mark["overlays"]}:
            known = [mark["overlays"][name] for mark in marks if name in mark["overlays"]]
            current, versions = now["overlays"][name]
            self.assertIn(current, [k[0] for k in known], f"mark {last['n']}: {name}")
            for version, tree in versions.items():
                self.assertIn(tree, [k[1][version] for k in known if version in k[1]], f"mark {last['n']}: {name}/{version}")
            # old ones are removed after an import
            for version in set.intersection(*(set(k[1]) for k in known)):
                self.assertIn(version, versions, f"mark {last['n']}: {name} has lost a version")

    def test_cuts(self):
        rng = random.Random(SEED)
        first = self.log.marks[0][0] + 1
        for number in range(CUTS):
            index = rng.randrange(first, len(self.log.entries) + 1)
            chance = rng.choice((0.0, 0.3, 0.7, 1.0))
            last, following = self.log.promised(index)
            if following is None:
                # the last operation was never finished: what it would have become nobody knows
                index = self.log.marks[-1][0]
                last, following = self.log.promised(index)
            with self.subTest(index=index, chance=chance, seed=SEED, number=number):
                self.log.cut(f"{RECORDED}/state.before", IMAGE, index, chance, rng)
                self.mount()
                try:
                    self.check(last, following)
                finally:
                    self.unmount()


if __name__ == "__main__":
    unittest.main()
