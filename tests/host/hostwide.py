# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the manager is asked for the whole host, by its bus, and what the kernel says is in force: never taken from each other."""

import glob
import json
import os
import re
import time

import host
import wire
from ground import V

CGROUPS = "/sys/fs/cgroup"
SYSTEM_UNITS = ("system.slice", "user.slice", "init.scope", "l4d2-build.slice")
GAME = "l4d2-game.slice"


def ask(g, thing, member, *arguments):
    """A method of …/cpus, …/qos or …/shield."""
    name = {"cpus": "CPUs", "qos": "QoS", "shield": "Shield"}[thing]
    return g.call(wire.NAME, f"{wire.ROOT}/{thing}", f"{wire.NAME}.{name}", member, *arguments)


def marking(g, on):
    ask(g, "qos", "SetMarking", "b", on)


def shape(g, interface, bandwidth, **more):
    ask(g, "qos", "SetShaper", "sa{sv}", interface, {"Bandwidth": V("t", bandwidth), **more})


def unshape(g, interface):
    ask(g, "qos", "ClearShaper", "s", interface)


def shield(g, mode):
    ask(g, "shield", "Configure", "a{sv}", {"Mode": V("s", mode)})


def shield_statistics(g):
    return ask(g, "shield", "GetStatistics")[0]


# -- the kernel's word -------------------------------------------------------------------------------------------


def cpus_of(unit):
    """Where what runs in a unit may run: what the kernel says of its control group, or of the next one above that divides CPUs; of
    a slice that is not there, what it tells a process in it."""
    folder = f"{CGROUPS}/{'l4d2.slice/' if unit.startswith('l4d2-') else ''}{unit}"
    if os.path.exists(folder):
        while not os.path.exists(f"{folder}/cpuset.cpus.effective"):
            folder = os.path.dirname(folder)
        with open(f"{folder}/cpuset.cpus.effective", encoding="ascii") as file:
            return file.read().strip()
    out = host.run("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--slice={unit}", "--", "grep", "Cpus_allowed_list",
                   "/proc/self/status").out
    return out.split()[1]


def drop_ins():
    """What is left of CPU sets: drop-ins that still name a CPU. (`set-property` keeps a file for a property that was set back, and
    removing it would have systemd ask for a reload.)"""
    paths = [path for folder in ("/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient")
             for path in glob.glob(f"{folder}/*/*AllowedCPUs*")]
    return [path for path in paths if re.search(r"^AllowedCPUs=\S", open(path, encoding="utf-8").read(), re.M)]


def cake(interface):
    """{tin: its figures} of the CAKE at the root of an interface; None if there is none."""
    queues = json.loads(host.run("tc", "-s", "-j", "qdisc", "show", "dev", interface, check=False).out or "[]")
    found = [q for q in queues if q["kind"] == "cake" and q.get("root")]
    if not found:
        return None
    names = {1: ("Best Effort",), 3: ("Bulk", "Best Effort", "Voice"), 4: ("Bulk", "Best Effort", "Video", "Voice")}
    return dict(zip(names[len(found[0]["tins"])], found[0]["tins"]))


def table():
    """The rules of the manager's own table as nft shows them, "" if it is not there."""
    return host.run("nft", "list", "table", "inet", "left4me", check=False).out


def marks(port):
    """Whether a running server's port is in the table, with rules that mark."""
    text = table()
    return bool(re.search(rf"\b{port}\b", text)) and "dscp set" in text


def quickest(event, back, tries=3, limit=1.0):
    """Seconds from an event until back() is true. An emulated machine loses time to others now and then: of a few tries one within
    `limit` is enough, but each has to come to its end."""
    took = []
    for _ in range(tries):
        event()
        began = time.monotonic()
        while not back():
            if time.monotonic() - began > 30:
                raise AssertionError(f"not back within 30 s of {event.__name__}")
        took.append(time.monotonic() - began)
        if took[-1] <= limit:
            return took[-1]
    raise AssertionError(f"{event.__name__}: back only after {', '.join(f'{t:.2f}' for t in took)} s")


def processors_used(pid):
    """CPU seconds that a process has used so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
