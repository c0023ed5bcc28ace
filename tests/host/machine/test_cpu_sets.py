# SPDX-License-Identifier: LGPL-2.1-or-later
"""Four CPUs divided: what the kernel lets run where, read from the kernel."""

import unittest

from case import Case
import hostwide


class Sets(Case):
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


if __name__ == "__main__":
    unittest.main()
