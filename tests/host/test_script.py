# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays of kind script on a real host: what a script finds in its sandbox."""

import follow
import host
import internet
import scripts
from host import ctl


class Scripts(host.Case):
    @classmethod
    def setup_class(cls):
        internet.Internet.for_test(cls)

    def make(self, name, source):
        self.addCleanup(ctl, "overlay", "delete", "--yes", name, check=False)
        return scripts.make(name, source)

    def build(self, name, state="succeeded"):
        job = scripts.build(name)
        self.assertEqual(job["state"], state, job["told"] + scripts.output(job))
        return job

    def test_environment(self):
        self.make("env", "env | sort >env; pwd >pwd; id -u >id; id -G >>id; cat /proc/self/status >status; umask >mask;"
                         "readlink /proc/self/fd/0 >input; ls -A /etc /var /mnt >shown")
        self.build("env")
        told = dict(line.split("=", 1) for line in scripts.read("env", "env").splitlines())
        for name in ("PWD", "SHLVL", "_"):
            told.pop(name)
        self.assertEqual(told, {"HOME": "/tmp", "LANG": "C.UTF-8", "OVERLAY": "/mnt/overlay", "OVERLAY_NAME": "env",
                                "PATH": "/usr/bin:/bin", "TMPDIR": "/tmp", "USER": "left4me"})
        self.assertEqual(scripts.read("env", "pwd"), "/mnt/overlay\n")
        self.assertEqual(scripts.read("env", "id"), "980\n980\n")
        self.assertEqual(scripts.read("env", "input"), "/dev/null\n")
        self.assertEqual(scripts.read("env", "mask"), "0022\n")
        self.assertRegex(scripts.read("env", "status"), r"CapBnd:\s+0+\n(.*\n)*NoNewPrivs:\s+1\n")
        self.assertEqual(scripts.read("env", "shown").split(), ["/etc:", "alternatives", "ld.so.cache", "localtime", "resolv.conf",
                                                                "ssl", "/mnt:", "overlay", "/var:", "tmp"])

    def test_one_on_top_of_the_other(self):
        self.make("mods", "echo 1 >one; echo 2 >two")
        self.build("mods")
        self.assertFalse(scripts.show("mods")["build_pending"])
        scripts.set_source("mods", "test -f one && rm one && echo 3 >three")
        self.assertTrue(scripts.show("mods")["build_pending"])
        self.build("mods")
        self.assertEqual(sorted(f["path"] for f in host.ctl_json("overlay", "files", "mods")), ["three", "two"])
        self.assertEqual(ctl("overlay", "source", "mods").out, "test -f one && rm one && echo 3 >three")

    def test_a_failure_changes_nothing_and_says_why(self):
        self.make("mods", "echo 1 >one")
        self.build("mods")
        scripts.set_source("mods", "echo 2 >one; echo a remark; echo this is why >&2; printf 'binary \\377 too\\n'; exit 7")
        job = self.build("mods", "failed")
        self.assertEqual(job["exit_status"], 7)
        for text in ("this is why", "the script ended with exit status 7"):
            self.assertIn(text, job["message"])
        self.assertEqual(scripts.show("mods")["current"], 1)
        self.assertEqual(scripts.read("mods", "one"), "1\n")

        # of what a script itself calls an error the rest is left out
        scripts.set_source("mods", "echo a remark; echo '<3>this is why' >&2; exit 1")
        self.assertEqual(self.build("mods", "failed")["message"], "this is why")

    def test_who_looks_on_does_not_bring_left4med_back(self):
        self.make("slow", "sleep infinity")
        self.addCleanup(host.run, "systemctl", "start", "left4med.service")
        with follow.Lines("sh", "-c", "exec left4mectl overlay build slow 2>&1") as told:
            told.wait(lambda line: "runs the script" in line, "the script")
            host.run("systemctl", "stop", "left4med.service")
            gone = told.wait(lambda line: "left4med has gone" in line, "word of the stop")
            self.assertEqual(host.run("systemctl", "is-active", "left4med.service", check=False).out.strip(), "inactive")
            host.run("systemctl", "start", "left4med.service")
            told.wait(lambda line: "interrupted by a restart of left4med" in line, "what became of it", gone)
