# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for what happens: lines of programs that follow the bus or the journal."""

import json
import select
import subprocess
import time

import host

SECONDS = 90  # far above what anything takes on a busy machine


class Lines:
    """The lines of a program that runs until the end of the `with`."""

    def __init__(self, *command, user=None):
        self.command = host.as_user(user, command)
        self.lines = []
        self.rest = b""

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def _read(self, deadline, what):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise AssertionError(f"{what}: not seen in time; the last lines of {self.command[0]}: {self.lines[-15:]}")
        data = self.process.stdout.read1(65536)
        if not data:
            raise AssertionError(f"{what}: {self.command} ended; its last lines: {self.lines[-15:]}")
        *new, self.rest = (self.rest + data).split(b"\n")
        for line in new:
            self.lines.append(self.take(line.decode("utf-8", "backslashreplace")))

    def take(self, line):
        return line

    def wait(self, predicate, what, start=0, seconds=SECONDS):
        """The index of the first line from `start` on that satisfies the predicate."""
        deadline = time.monotonic() + seconds
        index = start
        while True:
            while index < len(self.lines):
                if predicate(self.lines[index]):
                    return index
                index += 1
            self._read(deadline, what)


class Watch(Lines):
    """`left4mectl watch --json`: its events, and every object's properties as they are after the last of them."""

    def __init__(self, user=None):
        super().__init__("left4mectl", "watch", "--json", user=user)
        self.objects = {}

    def take(self, line):
        event = json.loads(line)
        if "type" not in event:
            raise AssertionError(f"left4mectl watch: {line}")
        key = event["type"], event["name"]
        if event["event"] == "removed":
            self.objects.pop(key, None)
        else:
            self.objects.setdefault(key, {}).update(event.get("properties", {}))
        return event

    def wait_object(self, kind, name, predicate, what, seconds=SECONDS):
        """Until an object's properties, as they were told of, satisfy the predicate. Changes of two objects come in no order."""
        deadline = time.monotonic() + seconds
        key = kind, name
        while key not in self.objects or not predicate(self.objects[key]):
            try:
                self._read(deadline, what)
            except AssertionError as e:
                raise AssertionError(f"{e}; {name}: {self.objects.get(key)}") from None
        return self.objects[key]

    def wait_server(self, name, predicate, what, seconds=SECONDS):
        return self.wait_object("instance", name, predicate, what, seconds)

    def wait_overlay(self, name, predicate, what, seconds=SECONDS):
        return self.wait_object("overlay", name, predicate, what, seconds)

    def wait_state(self, name, *states, seconds=SECONDS):
        return self.wait_server(name, lambda p: p["active_state"] in states, f"{name} {'/'.join(states)}", seconds)

    def sequence(self, name, prop):
        """The values that a property of a server had, one after the other."""
        return [e["properties"][prop] for e in self.lines
                if (e["type"], e["name"]) == ("instance", name) and prop in e.get("properties", {})]


class Journal(Lines):
    """What is logged from now on, as records; of one namespace, by what journalctl is told to match."""

    def __init__(self, *matches, namespace=None):
        place = [f"--namespace={namespace}"] if namespace else []
        # what journald has not read yet was said before: the last words of a server of the same name, say
        host.run("journalctl", *place, "--sync", check=False)
        last = host.run("journalctl", *place, "--quiet", "--lines=1", "--output=json", check=False).out
        after = ["--after-cursor=" + json.loads(last)["__CURSOR"]] if last else ["--no-tail"]
        super().__init__("journalctl", *place, "--follow", "--output=json", *after, *matches)

    def take(self, line):
        return json.loads(line)

    def wait_text(self, text, start=0, seconds=SECONDS):
        return self.wait(lambda r: text in str(r.get("MESSAGE")), f"'{text}' in the journal", start, seconds)


class Console(Journal):
    """What a server prints."""

    def __init__(self, name):
        super().__init__(f"_SYSTEMD_UNIT={host.server_unit(name)}", namespace="left4me")
        self.seen = 0

    def next(self, text, seconds=SECONDS):
        """Goes on to the next line with that text, and returns it."""
        index = self.wait_text(text, self.seen, seconds)
        self.seen = index + 1
        return str(self.lines[index]["MESSAGE"])

    def wait_up(self):
        """After it state.txt tells of this start."""
        self.next("Server is hibernating")


def start(name, verb="start"):
    """Starts a server and waits until the game is up; its state.txt."""
    with Console(name) as console:
        host.ctl(verb, name)
        console.wait_up()
    return host.state_file(name)
