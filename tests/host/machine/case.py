# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests in the virtual machine share: a game, a network outside, a shaped link, and all of it gone at the end."""

import contextlib

import ground
import host
import hostwide
import outside

PORT = 27050
RATE = 20_000_000


class Case(host.Case):
    """One connection, one world outside and one game for all tests of a class; everything is as it was afterwards."""
    TIMEOUT = 240

    @classmethod
    def setup_class(cls):
        cls.g = ground.Ground()
        cls.addClassCleanup(cls.g.close)
        cls.g.make_overlay("game", "game.tar.zst")
        cls.world = outside.Outside.for_test(cls)

    def undo(self, call, *arguments):
        """At the end of the test, whatever has become of it by then."""
        def quietly():
            with contextlib.suppress(Exception):
                call(*arguments)
        self.addCleanup(quietly)

    @classmethod
    def start_server(cls, port, *words, name="one"):
        """A running server, also on IPv6, which lets players in."""
        cls.g.create(name, Game="game", Port=port, Arguments=["+standin_ipv6", "+sv_hibernate_when_empty", "0", *words])
        cls.g.instance(name, "Start")

    def playing_server(self, *words):
        """One until the end of the test; returns the process id of its unit."""
        self.addCleanup(self.remove_server, "one")
        self.start_server(PORT, *words)
        return self.g.unit_property(host.server_unit("one"), "MainPID")

    def shaped(self, bandwidth=RATE):
        self.undo(hostwide.unshape, self.g, self.world.interface)
        hostwide.shape(self.g, self.world.interface, bandwidth)

    def marking(self, on):
        self.undo(hostwide.marking, self.g, True)
        hostwide.marking(self.g, on)
