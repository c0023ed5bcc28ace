# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an administrator or the host does at the wrong moment: left4med is stopped at one of its calls in the middle of an
operation, the thing happens, and it goes on."""

import os
import random

import ground
import host
from campaign import SEED, TIMES, Campaign
from operation import BYSTANDER, SUBJECT
from tracer import MANAGER

WORDS = ("start", "stop", "restart", "import", "rename", "delete", "configure")


def kill_game():
    """The game of the server that is worked on, if it runs."""
    cgroup = "/sys/fs/cgroup" + host.show(host.server_unit(SUBJECT), "ControlGroup") + "/cgroup.kill"
    if os.path.exists(cgroup) and SUBJECT in cgroup:
        with open(cgroup, "w", encoding="ascii") as file:
            file.write("1")


def systemctl(*words):
    return lambda: host.run("systemctl", *words)


def journal():
    for place in ([], ["--namespace=left4me"]):
        host.run("journalctl", *place, "--rotate")
        host.run("journalctl", *place, "--vacuum-size=1", check=False)


EVENTS = {"reload": systemctl("daemon-reload"), "reexec": systemctl("daemon-reexec"), "bus": systemctl("restart", "dbus.service"),
          "journal": journal, "journald": systemctl("kill", "--signal=KILL", "systemd-journald.service"),
          "polkit": systemctl("kill", "--signal=KILL", "polkit.service"), "game": kill_game}


class Events(Campaign):
    def happen(self, word, event, point, rng):
        operation = self.operation(word)
        operation.prepare()
        result, why = self.hold(operation, point, lambda over: EVENTS[event]())
        if event == "bus" and self.hit:
            old, type(self).g = self.g, ground.Ground()
            operation.g = self.g
            old.close()
        # a server that is killed while it starts has failed to start; one that is killed later runs again
        happened = self.check(operation, "lost" if event in ("game", "bus") else result, why)
        self.again(word, happened, rng)

    def run_event(self, event):
        rng = random.Random(f"{SEED} event {event}")
        count = len(WORDS) if TIMES == "all" else min(2 * int(TIMES), len(WORDS))
        for word in rng.sample(WORDS, count):
            point = rng.choice([p for p in self.points(word) if p.role == MANAGER and p.kind == "other"])
            with self.subTest(operation=word, event=event, point=str(point), seed=SEED):
                try:
                    self.happen(word, event, point, rng)
                except BaseException:
                    self.recover()
                    raise


def add_test(event):
    setattr(Events, f"test_{event}", lambda self: self.run_event(event))


for name in EVENTS:
    add_test(name)
del name


class PolkitAway(Campaign):
    """Without it nobody but root passes; what is under way goes on, and nobody waits for ever."""

    def test_masked(self):
        host.make_users()
        operation = self.operation("configure")
        operation.prepare()
        host.run("systemctl", "mask", "--runtime", "--now", "polkit.service")
        self.addCleanup(host.run, "systemctl", "unmask", "--runtime", "polkit.service")
        refused = host.ctl("configure", BYSTANDER, "--set", "hostname=other", "--json", user=host.ADMIN, check=False)
        self.assertNotEqual(refused.code, 0, "somebody passed without polkit")
        self.assertNotIn("NoReply", refused.out)
        self.assertEqual(self.result(operation, operation.post()), ("done", ""), "root is refused")
        self.check(operation, "done", "")
        host.run("systemctl", "unmask", "--runtime", "polkit.service")
        self.undisturbed(self.operation("start"))
