# SPDX-License-Identifier: LGPL-2.1-or-later
"""The servers that an operation is tried on: made, brought into the state that it needs, marked, and looked at."""

import os

import wire
from ground import INSTANCE, STATE

MARKER = "left4dead2/marker.txt"


class Subjects:
    game, maps = "", ""  # overlays: of whoever uses this

    def __init__(self, g):
        self.g = g

    def there(self, name):
        return wire.instance_path(name) in self.g.objects()

    def need(self, name, running=False):
        if not self.there(name):
            self.g.create(name, Game=self.game, Overlays=[self.maps], Cvars={"hostname": name})
        self.g.instance(name, "Start" if running else "Stop")

    def forget(self, name):
        if self.there(name):
            self.g.instance(name, "Stop")
            self.g.do(self.g.instance(name, "Delete")[0])

    def mark(self, name):
        """Something that the server wrote."""
        if not os.path.isdir(f"{STATE}/uppers/{name}/upper/left4dead2"):
            self.g.instance(name, "Start")
            self.g.instance(name, "Stop")
        path = f"{STATE}/uppers/{name}/upper/{MARKER}"
        with open(path, "w", encoding="ascii") as file:
            file.write("of value")
        os.chown(path, 980, 980)

    def marked(self, name):
        return os.path.exists(f"{STATE}/uppers/{name}/upper/{MARKER}")

    def settings(self, name):
        return self.g.instance(name, "GetSettings")[0]

    def active_state(self, name):
        return self.g.get(wire.NAME, wire.instance_path(name), INSTANCE, "ActiveState")
