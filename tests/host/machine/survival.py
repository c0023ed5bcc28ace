#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""survival.py prepare | check | purge: what a host was asked for is there again after a boot that nobody announced, and gone when
the package is purged. `prepare` before the power is cut, `check` after it, `purge` at the very end."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True

import ground  # noqa: E402
import host  # noqa: E402
import hostwide  # noqa: E402
import outside  # noqa: E402
from ground import V  # noqa: E402

NAME, GAME, PORT, RATE = "survivor", "survivor-game", 27070, 20_000_000
EF = 46


def expect(what, found, wanted):
    print(f"{what}: {found}", flush=True)
    if found != wanted:
        raise AssertionError(f"{what}: {found}, not {wanted}")


def ask_for_everything(g, world):
    hostwide.ask(g, "cpus", "Set", "au", [0])
    hostwide.shape(g, world.interface, RATE, Overhead=V("i", 18))
    hostwide.marking(g, True)
    hostwide.shield(g, "on")


def prepare(g):
    g.make_overlay(GAME, "game.tar.zst")
    g.create(NAME, Game=GAME, Port=PORT, Autostart=True, Arguments=["+standin_ipv6", "+sv_hibernate_when_empty", "0"])
    with outside.Outside() as world:
        ask_for_everything(g, world)
    host.run("sync")


def check(g):
    for unit in hostwide.SYSTEM_UNITS:
        expect(f"CPUs of {unit}", hostwide.cpus_of(unit), "0")
    expect(f"CPUs of {hostwide.GAME}", hostwide.cpus_of(hostwide.GAME), "1-3")
    g.until(lambda: g.unit_property(host.server_unit(NAME), "SubState", "Unit") == "running", 60, "the server that starts by itself")
    with outside.Outside() as world:
        g.until(lambda: hostwide.cake(world.interface), what="the shaper of an interface that has just come")
        expect("tins", list(hostwide.cake(world.interface)), ["Bulk", "Best Effort", "Video", "Voice"])
        for version in (4, 6):
            with world.capture() as packets:
                world.player(PORT, "--seconds", 1, version=version).result()
                packet = packets.next(lambda p: p.proto == "udp" and p.sport == PORT)
            expect(f"DSCP on IPv{version}", packet.dscp, EF)
        expect("the shield", g.get("org.left4me.Manager1", "/org/left4me/Manager1/shield", "org.left4me.Manager1.Shield", "Mode"), "on")
        hostwide.ask(g, "cpus", "Clear")
        hostwide.unshape(g, world.interface)
        expect("CAKE after ClearShaper", hostwide.cake(world.interface), None)
    hostwide.shield(g, "off")
    expect("CPUs after Clear", hostwide.cpus_of("system.slice"), "0-3")
    g.clear()


def purge(g):
    with outside.Outside() as world:
        ask_for_everything(g, world)
        g.clear()
        g.close()
        host.run("dpkg", "--purge", "left4me", seconds=120)
        expect("rules left", hostwide.table(), "")
        expect("CAKE left", hostwide.cake(world.interface), None)
        expect("drop-ins left", hostwide.drop_ins(), [])
        expect("CPUs of system.slice", hostwide.cpus_of("system.slice"), "0-3")
        expect("CPUs of init.scope", hostwide.cpus_of("init.scope"), "0-3")


def main():
    with ground.Ground() as g:
        {"prepare": prepare, "check": check, "purge": purge}[sys.argv[1]](g)


if __name__ == "__main__":
    main()
