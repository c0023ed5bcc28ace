# SPDX-License-Identifier: LGPL-2.1-or-later
"""What builds fetch from: Steam and its Workshop, both stand-ins, in the host's Internet."""

import json
import os
import sys
import urllib.request

import host
import internet
import outside

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path += [os.path.join(TESTS, "steam"), os.path.join(TESTS, "workshop")]

import steam  # noqa: E402
import workshop  # noqa: E402

CONF = "/etc/left4me/left4me.conf.d/faults.conf"
STEAM_HOME = f"{host.LIBRARY}/steam/home"
WORKSHOP = "203.0.113.7"


class Sources:
    def up(self):
        self.world = internet.Internet()
        self.world.up()
        self.world.write("steamcmd.tar.gz", steam.installer())
        program = os.path.join(TESTS, "workshop", "workshop.py")
        self.workshop = outside.Program(self.world.command(sys.executable, "-B", program, f"{WORKSHOP}:80", "--url", f"http://{WORKSHOP}"))
        os.makedirs(os.path.dirname(CONF), exist_ok=True)
        with open(CONF, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nWorkshopAPI=http://{WORKSHOP}\nWorkshopHosts={WORKSHOP}\n"
                       f"SteamcmdInstaller=http://{internet.WEB}/steamcmd.tar.gz\nSteamRetrySeconds=0\n")
        host.ctl("reload")

    def down(self):
        os.unlink(CONF)
        host.ctl("reload")
        self.workshop.kill()
        self.world.down()

    def workshop_has(self, **what):
        """As workshop.py's control() takes it."""
        request = urllib.request.Request(f"http://{WORKSHOP}/control", json.dumps(what).encode())
        urllib.request.urlopen(request, timeout=20).close()

    def steam_has(self, **knobs):
        """As tests/steam/steamcmd takes them."""
        os.makedirs(STEAM_HOME, exist_ok=True)
        steam.tell(STEAM_HOME, **knobs)
        host.run("chown", "-R", "left4me:left4me", STEAM_HOME)


def addon(name, size):
    """A file of the Workshop, as {"addon": {…}} makes it there."""
    return workshop.addon(name, size=size)
