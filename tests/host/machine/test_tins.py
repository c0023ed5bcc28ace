# SPDX-License-Identifier: LGPL-2.1-or-later
"""Marks and CAKE together: a running server's packets are in the Voice tin, and in best effort when marking is off."""

import unittest

from case import PORT, Case
import hostwide

EF = 46
PACKETS = 40


class Tins(Case):
    def counts(self):
        tins = hostwide.cake(self.world.interface)
        return {name: tin["sent_packets"] for name, tin in tins.items()}

    def play(self, version):
        """Packets that have gone out to a player, by tin; their DSCP on the wire."""
        with self.world.capture() as packets:
            before = self.counts()
            player = self.world.player(PORT, "--seconds", 2, version=version)
            seen = packets.next(lambda p: p.proto == "udp" and p.sport == PORT and p.version == version)
            found = player.result()
            after = self.counts()
        self.assertEqual((found["lost_up"], found["lost_down"]), (0, 0))
        self.assertGreaterEqual(found["received"], PACKETS)
        return {tin: after[tin] - before[tin] for tin in after}, seen.dscp, found["received"]

    def test_voice_and_best_effort(self):
        self.playing_server()
        self.shaped()
        for version in (4, 6):
            with self.subTest("marked", version=version):
                self.marking(True)
                tins, dscp, received = self.play(version)
                self.assertEqual(dscp, EF)
                self.assertGreaterEqual(tins["Voice"], received)
                self.assertLess(tins["Best Effort"], PACKETS // 2, tins)
            with self.subTest("not marked", version=version):
                self.marking(False)
                tins, dscp, received = self.play(version)
                self.assertEqual(dscp, 0)
                self.assertGreaterEqual(tins["Best Effort"], received)
                # neighbour discovery is CS6 or CS7, and goes to Voice by itself
                self.assertLess(tins["Voice"], PACKETS // 2, tins)


if __name__ == "__main__":
    unittest.main()
