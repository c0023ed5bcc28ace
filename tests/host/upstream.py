# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steam for host tests: the stand-in for steamcmd in the Internet that builds see, and what it is told to do.

    self.steam = upstream.Steam.for_class(cls, world)     # in setup_class; world is an internet.Internet
    self.steam.empty(); self.steam.tell(build=19000001)   # a fresh cache; what steamcmd does from now on
"""

import os
import shutil
import subprocess
import sys

import host
import internet

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "steam"))

import steam  # noqa: E402

CACHE = f"{host.LIBRARY}/steam"
HOME = f"{CACHE}/home"
CONFIG = "/etc/left4me/left4me.conf.d/test-steam.conf"
INSTALLER = f"http://{internet.WEB}/steamcmd.tar.gz"


class Steam:
    @classmethod
    def for_class(cls, case, world):
        """There until the end of the class."""
        this = cls()
        world.write("steamcmd.tar.gz", steam.installer())
        os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
        with open(CONFIG, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nSteamcmdInstaller={INSTALLER}\nSteamRetrySeconds=0\n")
        case.addClassCleanup(this.tidy)
        host.ctl("reload")
        return this

    def tidy(self):
        os.unlink(CONFIG)
        host.ctl("reload")

    def empty(self):
        for name in os.listdir(CACHE):
            path = os.path.join(CACHE, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def tell(self, **knobs):
        """What the stand-in does from now on; it installs the stand-in for the game."""
        content = f"{HOME}/content"
        if not os.path.isdir(content):
            os.makedirs(content)
            subprocess.run(["tar", "-C", content, "-xf", os.path.join(host.CONTENT, "game.tar.zst")], check=True)
        steam.tell(HOME, content="/mnt/steam/home/content", **knobs)
        host.run("chown", "-R", "left4me:left4me", HOME)

    def go(self):
        """Lets go on what was told to wait."""
        with open(f"{HOME}/go", "w", encoding="ascii"):
            pass

    def runs(self):
        """The command lines that it got so far."""
        return steam.runs(HOME)
