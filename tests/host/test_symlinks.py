# SPDX-License-Identifier: LGPL-2.1-or-later
"""A manager that was taken over replaces what it owns by ways to files that only root may read, and starts units by its own
right. Nothing of those files comes to light, and every start says what is wrong."""

import itertools
import os
import shutil
import unittest

import ground
import host
from ground import JOBS, STATE

TOKEN = "S3cretThatOnlyRootHas"
SECRETS = "/root/left4me-secrets"
PROBE, SERVER, OTHER = "sl-probe", "sl-one", "sl-two"
FILES = ("stack", "argv", "server.cfg", "left4me.cfg")
HOME = f"{STATE}/instances/{SERVER}"
JOB = 900001


def as_manager(script, *arguments, check=True):
    return host.run("sh", "-euc", script, "sh", *arguments, user="left4me-manager", check=check)


def make_secrets():
    """What stands there would be taken, were it read: a right stack, a right command line, a job, an archive."""
    os.mkdir(SECRETS, 0o700)
    archive = host.archive({f"{TOKEN}.txt": TOKEN})
    for name, content in {"secret": TOKEN + "\n", "stack": f"{PROBE}/1\n", "argv": f"./srcds_run\0+echo\0{TOKEN}\0",
                          "server.cfg": f"echo {TOKEN}\n", "left4me.cfg": f"echo {TOKEN}\n", "upload": archive,
                          "job": f"[Job]\nOperation=import\nDirectory={TOKEN}\nSize=0\n"}.items():
        with open(f"{SECRETS}/{name}", "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(file.name, 0o600)


class CompromisedManager(unittest.TestCase):
    TAKES = 23

    @classmethod
    def setUpClass(cls):
        cls.g = g = ground.Ground()
        cls.addClassCleanup(g.close)
        g.clear()
        cls.addClassCleanup(g.clear)
        shutil.rmtree(SECRETS, ignore_errors=True)
        make_secrets()
        cls.addClassCleanup(shutil.rmtree, SECRETS)
        g.make_overlay(PROBE, "probe.tar.zst")
        cats = itertools.chain(*(("+probe_cat", path) for path in ("left4dead2/cfg/server.cfg", "left4dead2/cfg/left4me.cfg",
                                                                  "/run/left4me/argv", "/etc/shadow")))
        for name in (SERVER, OTHER):
            g.create(name, Game=PROBE, Arguments=list(cats))
        for name in (OTHER, SERVER):
            g.instance(name, "Start")
            g.instance(name, "Stop")
        # what the other one has printed is in the journal before a test looks at what comes after that
        host.run("journalctl", "--namespace=left4me", "--sync")
        cls.kept = f"{SECRETS}/kept"
        host.run("cp", "-a", HOME, cls.kept)
        cls.other = ground.read(f"{STATE}/instances/{OTHER}/left4me.cfg").split('"')[1]
        cls.shadow = next(line.split(":")[1] for line in ground.read("/etc/shadow").splitlines())

    def setUp(self):
        self.cursor = {n: self.journal(n, "--lines=0", "--show-cursor").strip().removeprefix("-- cursor: ")
                       for n in ("left4me", "")}
        self.restore()

    def tearDown(self):
        host.run("systemctl", "stop", f"left4me-server@{SERVER}.service", f"left4me-overlay@server-{SERVER}.service", check=False)
        host.run("systemctl", "reset-failed", "left4me-*", check=False)
        self.restore()

    def restore(self):
        if os.path.islink(HOME):
            os.unlink(HOME)
        shutil.rmtree(HOME, ignore_errors=True)
        host.run("cp", "-a", self.kept, HOME)

    def journal(self, namespace, *options):
        place = [f"--namespace={namespace}"] if namespace else []
        return host.run("journalctl", *place, "--quiet", *options, check=False).out

    def logged(self):
        """What units of ours logged in this test, in their own words and in systemd's; with the last line that was written."""
        for namespace in self.cursor:
            self.journal(namespace, "--sync")
        return "".join(self.journal(n, "--output=cat", f"--after-cursor={self.cursor[n]}") if self.cursor[n] else self.journal(n)
                       for n in self.cursor)

    def start(self, unit):
        return as_manager('exec systemctl --no-ask-password start "$1"', unit, check=False)

    def nothing_seen(self):
        """Of any secret: in the logs, in what is mounted, in command lines, in what helpers have copied or built."""
        words = [TOKEN, self.other] + ([self.shadow] if len(self.shadow) > 3 else [])
        log = self.logged()
        for word in words:
            self.assertNotIn(word, log)
        options = [o for word in words for o in ("-e", word)]
        for folder in ("uppers", "runtime", "builds", "overlays"):
            # exit status 1: looked everywhere, found nothing
            found = host.run("grep", "-rlaF", *options, f"{STATE}/{folder}", check=False)
            self.assertEqual((found.code, found.out), (1, ""), f"{folder}: {found}")
        for pid in (p for p in os.listdir("/proc") if p.isdigit()):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    line = file.read()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"srcds" in line:
                self.assertNotIn(TOKEN.encode(), line)
        return log

    def refused(self, unit, word):
        """The unit does not start, says a word about why, and leaves no mount."""
        self.assertNotEqual(self.start(unit).code, 0, f"{unit} started: {self.logged()}")
        log = self.nothing_seen()
        self.assertIn(word, log)
        self.assertEqual(ground.mounted_stacks(), {})

    def replace(self, file, how):
        as_manager(f'cd "$1"; rm -f "$2"; {how}', HOME, file)

    def test_that_it_may_start_units(self):
        """Without any trick the same start succeeds, and what the server reads comes to light."""
        done = self.start(f"left4me-server@{SERVER}.service")
        self.assertEqual(done.code, 0, str(done))
        with ground.Ground() as g:
            g.until(lambda: '"probe":"done"' in self.logged(), what="the probe has looked around")
        log = self.logged()
        self.assertIn("rcon_password", log)
        self.assertIn("hostname", log)

    def each_file(self, how, word=None):
        for file in FILES:
            with self.subTest(file=file):
                self.replace(file, how)
                self.refused(f"left4me-server@{SERVER}.service", word or file)
                self.restore()

    def test_link_to_a_secret(self):
        self.each_file(f'ln -s {SECRETS}/secret "$2"')

    def test_link_to_what_would_fit(self):
        self.each_file(f'ln -s {SECRETS}/"$2" "$2"')

    def test_link_to_shadow(self):
        self.each_file('ln -s /etc/shadow "$2"')

    def test_link_out_by_the_way_up(self):
        self.each_file(f'ln -s ../../../../../..{SECRETS}/"$2" "$2"')

    def test_link_through_proc(self):
        self.each_file(f'ln -s /proc/1/root{SECRETS}/"$2" "$2"')

    def test_link_to_another_server(self):
        self.each_file(f'ln -s ../{OTHER}/left4me.cfg "$2"')

    def test_hard_link_to_another_server(self):
        self.each_file(f'ln ../{OTHER}/left4me.cfg "$2"')

    def test_hard_link_to_a_secret(self):
        """The kernel refuses to make one (protected_hardlinks); the start then finds nothing."""
        self.each_file(f'ln /etc/shadow "$2" || true; ln {SECRETS}/"$2" "$2" || true')

    def test_fifo(self):
        self.each_file('mkfifo "$2"')

    def test_directory(self):
        self.each_file('mkdir "$2"; echo x >"$2/x"')

    def test_socket(self):
        self.each_file('exec python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$2"')

    def test_whole_directory(self):
        for target in (SECRETS, "/etc", f"../{OTHER}", "/proc/1/root" + SECRETS, ".."):
            with self.subTest(target=target):
                as_manager('cd "$1"; mv "$2" "$2.aside"; rm -r "$2.aside"; ln -s "$3" "$2"', f"{STATE}/instances", SERVER, target)
                self.refused(f"left4me-server@{SERVER}.service", f"{SERVER}/stack")
                self.restore()

    def test_paths_in_the_stack(self):
        for line in (f"../..{SECRETS}/1", "/root/1", f"{PROBE}/../1", f"{PROBE}/1/../../..", f"{PROBE}", f"{PROBE}/0",
                     f"{PROBE}/1:/root", f"{PROBE}/1,upperdir=/root", f"{PROBE}/99", "", "\x01"):
            with self.subTest(line=line):
                as_manager('printf "%s\\n" "$2" >"$1/stack"', HOME, line)
                self.refused(f"left4me-server@{SERVER}.service", "stack" if line != f"{PROBE}/99" else "99")
                self.restore()

    # -- jobs

    def job(self, script):
        as_manager('rm -rf "$1/$2"; mkdir -p "$1/$2"; cd "$1/$2"; : >stack; mkfifo upload; '
                   'printf "[Job]\\nOperation=import\\nDirectory=\\nSize=0\\n" >job; ' + script, JOBS, str(JOB))

    def job_refused(self, kind, script):
        with self.subTest(kind=kind, script=script):
            self.job(script)
            self.assertNotEqual(self.start(f"left4me-{kind}@{JOB}.service").code, 0, self.logged())
            self.nothing_seen()
            host.run("systemctl", "stop", f"left4me-overlay@build-{JOB}.service", check=False)
            self.assertEqual(ground.mounted_stacks(), {})

    def test_jobs(self):
        self.addCleanup(self.clean_jobs)
        targets = "{0}/{1}", "{0}/secret", "/etc/shadow", "/proc/1/root{0}/{1}"
        for file, target in itertools.product(("job", "stack", "upload"), targets):
            link = f"rm {file}; ln -s {target.format(SECRETS, file)} {file}"
            self.job_refused("build", link)
            if file == "job":
                self.job_refused("tree", link)
        for kind in ("build", "tree"):
            self.job_refused(kind, "rm job; mkdir job")
            self.job_refused(kind, "rm job; mkfifo job")
            self.job_refused(kind, f"cd ..; rm -r {JOB}; ln -s {SECRETS} {JOB}")
            self.job_refused(kind, f"cd ..; rm -r {JOB}; ln -s /etc {JOB}")

    def test_tree_operations_on_foreign_paths(self):
        self.addCleanup(self.clean_jobs)
        before = host.tree_sums(SECRETS)
        for operation in ("remove-overlay\\nOverlay=../../../..{0}", "reset\\nInstance=../../../..{0}",
                          "remove-instance\\nInstance=/root", "remove-versions\\nOverlay=..\\nVersions=1;",
                          "discard\\nBuilds=../../..{0};", "rename-instance\\nInstance=..\\nTo=x",
                          "commit\\nOverlay=../..{0}\\nBuild=1\\nVersion=1"):
            self.job_refused("tree", f'printf "[Job]\\nOperation={operation.format(SECRETS)}\\n" >job')
        self.assertEqual(host.tree_sums(SECRETS), before)

    def clean_jobs(self):
        shutil.rmtree(f"{JOBS}/{JOB}", ignore_errors=True)
        if os.path.islink(f"{JOBS}/{JOB}"):
            os.unlink(f"{JOBS}/{JOB}")
        host.run("systemctl", "reset-failed", "left4me-*", check=False)
        host.run("systemctl", "restart", "left4med.service")
        with ground.Ground() as g:
            self.assertEqual(ground.settle(g), [])


if __name__ == "__main__":
    unittest.main()
