# SPDX-License-Identifier: LGPL-2.1-or-later
"""The game's own protocols out of its sandbox: queries and the remote console, with players on the server."""

import os
import sys

import follow
import host
from host import ctl

sys.path.insert(0, os.path.dirname(host.CONTENT))
import network  # noqa: E402

PORT = 27100


def address():
    """One of this host's that is not 127/8."""
    return host.run("hostname", "-I").out.split()[0]


class Game(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()

    def query(self, own, server):
        query = network.Query(PORT, own, server)
        self.addCleanup(query.socket.close)
        return query

    def test_queries_and_console(self):
        self.server("one", "--port", str(PORT), "--set", "hostname=Sons & Co.", "--", "+log", "on", "+standin_speed", "2000",
                    "+standin_players", "4", "stay")
        with follow.Console("one") as console:
            ctl("start", "one")
            for _ in range(4):
                console.next('connected, address "198.51.100.')
            console.next("joined team")
        ctl("console", "one", "standin_speed 0.01")

        own = address()
        found = network.info(self.query(own, own))
        self.assertEqual((found["name"], found["map"], found["players"], found["max"], found["port"]),
                         ("Sons & Co.", "c1m1_hotel", 4, 4, PORT))
        status = ctl("console", "one", "status").out
        self.assertIn("players : 4 humans, ", status)
        for name, _, _ in network.players(self.query(own, own)):
            self.assertIn(f'"{name}"', status)
        self.assertEqual(network.rules(self.query(own, own))["mp_gamemode"], "coop")

        before = ctl("console", "one", "standin_queries").out
        self.query("127.0.0.1", "127.0.0.1").socket.send(network.Query.INFO)
        after = ctl("console", "one", "standin_queries").out
        self.assertEqual(after.split()[3], before.split()[3], "answered on 127.0.0.1")
        self.assertIn("loopback=1", after)
