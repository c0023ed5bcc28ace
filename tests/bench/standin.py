# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in server that ticks 60 times a second whether somebody plays or not, for the benchmarks."""

import contextlib
import re

import host

TICKRATE = 60
LAYER = "bench-tickrate"


@contextlib.contextmanager
def ticking(g, game, name, port, *words):
    """On the host of Ground g; gone at the end, with the overlays that it needs."""
    g.make_overlay(game, "game.tar.zst")
    g.manager("CreateOverlay", "ssa{sv}", LAYER, "files", {})
    g.import_bytes(LAYER, host.archive({"left4dead2/addons/tickrate_enabler.vdf": "1"}))
    try:
        g.create(name, Game=game, Overlays=[LAYER], Port=port,
                 Arguments=["-tickrate", str(TICKRATE), "+sv_hibernate_when_empty", "0", *words])
        g.instance(name, "Start")
        g.until(lambda: jitter(name)["ticks"], what="the map")
        yield
    finally:
        g.clear()


def jitter(name):
    """How late ticks were since it was asked last, in usec: {ticks, missed, mean, p50, p95, p99, max}."""
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", host.ctl("console", name, "standin_jitter").out)}
