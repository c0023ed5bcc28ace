# SPDX-License-Identifier: LGPL-2.1-or-later
"""Floods of each kind while somebody plays: he loses nothing, the server hardly notices, and who floods is shown."""

import unittest

from case import PORT, Case
import host
import hostwide
import outside

KINDS = "info,players,rules,challenge,getchallenge,connect,reserve,lobby,other,empty,runt,bare,short,long,fragments"
LIMITED = ("info", "players", "rules", "challenge", "connect", "lobby", "other")
# emulated, a packet costs some 0.1 ms in the kernel alone
RATE, SECONDS, TRIES = 900, 2, 3
NOBODY = PORT + 1
PLAYER, OFFENDER = 0, 7  # of the addresses outside
WORK = 50  # percent of a tick: what a server at play uses


class Floods(Case):
    def setUp(self):
        self.playing_server("+standin_burn", str(WORK))
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

    def refused(self):
        """{kind: packets that the shield has dropped so far}"""
        s = hostwide.shield_statistics(self.g)
        return {**{kind: s["OverSource"][kind] + s["OverPort"][kind] for kind in LIMITED}, "empty": s["Empty"],
                "malformed": s["Malformed"]}

    def flood(self, version, port):
        return self.world.flood(KINDS, port, "--rate", RATE, version=version, number=OFFENDER)

    def compare(self, version):
        """CPU time while the server is flooded, as a multiple of what it takes while the same flood goes to a port that nobody has: an
        emulated CPU counts as a process's own what others take from it, so these others have to be there on both sides."""
        before = self.refused()
        flood = self.flood(version, PORT)
        # a burst is let through at the beginning, as it should be
        self.g.until(lambda: all(n > before[kind] for kind, n in self.refused().items()), 60,
                     lambda: f"each kind over its limit: {self.refused()}")
        flooded = self.play(version)
        flood.end()
        flood = self.flood(version, NOBODY)
        idle = self.play(version)
        flood.end()
        return flooded / idle

    def test_player_during_floods(self):
        for version in (4, 6):
            with self.subTest(version=version):
                ratios = []
                while not ratios or (min(ratios) > 1.2 and len(ratios) < TRIES):
                    ratios.append(self.compare(version))
                print(f"IPv{version}: CPU of the flooded server {', '.join(f'{r:.2f}' for r in ratios)} times idle", flush=True)
                self.assertLessEqual(min(ratios), 1.2)
                shown = outside.address(4, OFFENDER) if version == 4 else outside.site(OFFENDER).removesuffix("1") + "/64"
                self.assertIn(shown, [source[0] for source in hostwide.shield_statistics(self.g)["Sources"]])

    def test_players_behind_one_address(self):
        found = self.world.player(PORT, "--seconds", SECONDS, "--players", 30, number=PLAYER).result(120)
        self.assertEqual(found["lost_up"], 0)
        self.assertNotIn(outside.address(4, PLAYER), [source[0] for source in hostwide.shield_statistics(self.g)["Sources"]])


if __name__ == "__main__":
    unittest.main()
