# SPDX-License-Identifier: LGPL-2.1-or-later
"""Script overlays in tests: made, built, looked into."""

import host
from host import ctl


def make(name, source):
    """A script overlay with this source, not built yet."""
    if name not in [o["name"] for o in host.ctl_json("overlay", "list")]:
        ctl("overlay", "create", name, "--kind", "script")
    set_source(name, source)
    return name


def set_source(name, source):
    ctl("overlay", "edit", name, "--from", "-", data=source.encode())


def build(name, seconds=host.SECONDS):
    """Builds it, well or not; the job as it ended, with what left4mectl said as "told"."""
    result = ctl("overlay", "build", name, check=False, seconds=seconds)
    return {**next(j for j in host.ctl_json("job", "list") if j["subject"] == name), "told": str(result)}


def show(name):
    return host.ctl_json("overlay", "show", name)


def read(name, path):
    return ctl("overlay", "cat", name, path).out


def output(job):
    """What the job's programs said."""
    return ctl("job", "logs", str(job["job"])).out
