# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test's side of inject.py: which call of which program it is at, and what is to happen there."""

import json
import os
import select
import subprocess
import sys
import time

LIBEXEC = "/usr/libexec/left4me"
MANAGER = "left4med"
HELPERS = ("left4me-overlay", "left4me-run", "left4me-build", "left4me-workshop", "left4me-steam", "left4me-tree")
SECONDS = 20


class Tracer:
    """Follows all helpers, and left4med where follow() says so."""

    def __init__(self):
        watched = {name: f"{LIBEXEC}/{name}" for name in (MANAGER, *HELPERS)}
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject.py")
        self.process = subprocess.Popen([sys.executable, program, json.dumps(watched)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, cwd="/")
        self.rest, self.events = b"", []
        self.wait("ready")

    def close(self):
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()

    def send(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def read(self, seconds=0.0):
        """Takes in what it says within so many seconds; False if it said nothing."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        if not data:
            raise AssertionError("inject.py ended")
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.events += [json.loads(line) for line in lines]
        return True

    def wait(self, key, seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            for at, event in enumerate(self.events):
                if key in event:
                    return self.events.pop(at)[key]
            if not self.read(max(deadline - time.monotonic(), 0)) and time.monotonic() >= deadline:
                raise AssertionError(f"inject.py did not say '{key}' in time; it said {self.events[-5:]}")

    def seen(self, key):
        while self.read():
            pass
        return [event for event in self.events if key in event]

    def follow(self, pid):
        self.send(do="follow", pid=pid, role=MANAGER)
        self.wait("following")

    def arm(self, plan=None):
        self.events.clear()
        self.send(do="arm", plan=plan)
        self.wait("armed")

    def report(self):
        """[(role, run, [(kind, name of the call)])] since arm()."""
        self.send(do="report")
        return self.wait("report")
