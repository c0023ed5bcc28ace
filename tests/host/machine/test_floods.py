# SPDX-License-Identifier: LGPL-2.1-or-later
"""Floods of each kind while somebody plays: he loses nothing, the server hardly notices, and who floods is shown."""

import unittest

from case import PORT, Case
import host
import hostwide
import outside

CONNECTIONLESS = "info,players,rules,challenge,getchallenge,connect,reserve,lobby,other"
MALFORMED = "empty,runt,bare,short,long"
RATE, SECONDS = 2000, 4
PLAYER, OFFENDER = 0, 7  # of the addresses outside
WORK = 30  # percent of a tick: what a server at play uses


class Floods(Case):
    def setUp(self):
        self.playing_server("one", PORT, "+standin_burn", str(WORK))
        self.undo(hostwide.shield, self.g, "off")
        hostwide.shield(self.g, "on")

    def used(self):
        """CPU time of the server's unit, in usec."""
        path = f"{hostwide.CGROUPS}/l4d2.slice/{hostwide.GAME}/{host.server_unit('one')}/cpu.stat"
        with open(path, encoding="ascii") as file:
            return int(file.readline().split()[1])

    def play(self, version):
        """Plays for a while: the CPU time that the server took for a packet that it sent."""
        before = self.used()
        found = self.world.player(PORT, "--seconds", SECONDS, version=version, number=PLAYER).result()
        self.assertEqual((found["lost_up"], found["lost_down"]), (0, 0), "packets of a player were lost")
        self.assertGreater(found["received"], SECONDS * 10)
        return (self.used() - before) / found["received"]

    def test_player_during_floods(self):
        for version in (4, 6):
            idle = self.play(version)
            for number, kinds in enumerate((CONNECTIONLESS, MALFORMED), OFFENDER):
                with self.subTest(kinds, version=version):
                    flood = self.world.flood(kinds, PORT, "--rate", RATE, version=version, number=number)
                    ratio = self.play(version) / idle
                    sent = flood.end()["sent"]
                    print(f"{sent} packets of {kinds} on IPv{version}: CPU of the server {ratio:.2f} times idle", flush=True)
                    self.assertGreater(sent, RATE)
                    self.assertLessEqual(ratio, 1.2)
                    self.assertIn(outside.address(version, number), repr(hostwide.shield_statistics(self.g)))

    def test_players_behind_one_address(self):
        found = self.world.player(PORT, "--seconds", SECONDS, "--players", 30, number=PLAYER).result(120)
        self.assertEqual(found["lost_up"], 0)
        self.assertNotIn(outside.address(4, PLAYER), repr(hostwide.shield_statistics(self.g)))


if __name__ == "__main__":
    unittest.main()
