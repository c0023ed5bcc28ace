# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the world is, short enough for one block of a disk."""

import hashlib
import json
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), *way) for way in (("..",), ("..", "faults"))]

import oracle  # noqa: E402
from ground import STATE  # noqa: E402
from operation import tree_of  # noqa: E402


def short(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def snapshot(g):
    """Settings of servers and content of versions, by their sums."""
    told = oracle.told(g)
    return {"servers": {name: short(settings) for name, settings in told["instances"].items()},
            "overlays": {name: [current, {str(v): short(tree_of(f"{STATE}/overlays/{name}/versions/{v}")) for v, *_ in versions}]
                         for name, (current, _, versions) in told["overlays"].items()}}
