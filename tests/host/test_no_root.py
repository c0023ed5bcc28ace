# SPDX-License-Identifier: LGPL-2.1-or-later
"""No process of left4me runs as root at any moment of a tour.

Two watchers. The kernel asks the first one before it executes any of left4me's programs (fanotify): none is missed, however
short it lives. The second one looks at all processes of left4me's cgroups as often as it can: what a program becomes later.
What systemd's own children are before they execute our program does not count; neither does a left4mectl that root runs.
"""

import ctypes
import glob
import os
import pwd
import select
import struct
import tempfile
import threading
import unittest

import follow
import ground
import host

FAN_CLASS_CONTENT, FAN_CLOEXEC = 0x4, 0x1
FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, FAN_ALLOW = 0x1, 0x40000, 1
AT_FDCWD = -100
EVENT = struct.Struct("=IBBHQii")
PROGRAMS = "/usr/libexec/left4me"
CGROUPS = ("system.slice/left4med.service", "system.slice/system-left4me*", "l4d2.slice")
CAP_NET_ADMIN = 1 << 12
LIBC = ctypes.CDLL(None, use_errno=True)


def uids(pid):
    """Real, effective, saved and file system uid."""
    for line in ground.read(f"/proc/{pid}/status").splitlines():
        if line.startswith("Uid:"):
            return {int(n) for n in line.split()[1:]}
    return set()


class ExecWatch(threading.Thread):
    """Lets every execution of our programs go on, after a look at who it is."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = []
        self.fd = LIBC.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, os.O_RDONLY | os.O_CLOEXEC)
        self.check(self.fd)
        self.end, self.stop_end = os.pipe()
        for program in glob.glob(f"{PROGRAMS}/*"):
            self.check(LIBC.fanotify_mark(self.fd, FAN_MARK_ADD, ctypes.c_uint64(FAN_OPEN_EXEC_PERM), AT_FDCWD, program.encode()))

    def check(self, result):
        if result < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def run(self):
        while self.end not in select.select([self.fd, self.end], [], [])[0]:
            data, at = os.read(self.fd, 65536), 0
            while at < len(data):
                length, _, _, _, _, fd, pid = EVENT.unpack_from(data, at)
                at += length
                try:
                    self.seen.append((os.path.basename(os.readlink(f"/proc/self/fd/{fd}")), uids(pid)))
                finally:
                    os.write(self.fd, struct.pack("=iI", fd, FAN_ALLOW))
                    os.close(fd)

    def stop(self):
        os.write(self.stop_end, b".")
        self.join()
        for fd in (self.fd, self.end, self.stop_end):
            os.close(fd)


class Sampler(threading.Thread):
    """Looks at the processes of our cgroups again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopping = False
        self.rounds, self.programs, self.roots = 0, set(), set()

    def run(self):
        while not self.stopping:
            self.rounds += 1
            for pattern in CGROUPS:
                for base in glob.glob(f"/sys/fs/cgroup/{pattern}"):
                    for folder, _, _ in os.walk(base):
                        self.look_at(folder)

    def look_at(self, folder):
        try:
            pids = ground.read(f"{folder}/cgroup.procs").split()
        except OSError:
            return
        for pid in pids:
            try:
                # in this order: what was systemd's a moment ago may be ours now, and no root any more
                program = os.readlink(f"/proc/{pid}/exe")
                who = uids(pid)
            except OSError:
                continue
            if program.startswith("/usr/lib/systemd/"):
                continue
            self.programs.add(os.path.basename(program))
            if 0 in who:
                self.roots.add((program, os.path.basename(folder)))

    def stop(self):
        self.stopping = True
        self.join()


class NoRoot(unittest.TestCase):
    def setUp(self):
        host.make_users()
        self.g = ground.Ground()
        self.addCleanup(self.g.close)
        self.g.clear()
        self.addCleanup(self.g.clear)

    def ctl(self, *words, **options):
        return host.ctl(*words, user=host.ADMIN, **options)

    def tour(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            host.run("systemctl", "restart", "left4med.service")
            for name, archive in (("nr-game", "game.tar.zst"), ("nr-maps", "maps.7z")):
                self.ctl("overlay", "create", name, "--kind", "files")
                with open(os.path.join(host.CONTENT, archive), "rb") as file:
                    self.ctl("overlay", "import", name, "-", data=file.read())
            with open(f"{folder}/broken.zip", "wb") as file:
                file.write(b"PK\3\4 no archive")
            self.assertNotEqual(self.ctl("overlay", "import", "nr-maps", f"{folder}/broken.zip", check=False).code, 0)
        self.ctl("create", "nr-one", "--game", "nr-game", "--overlay", "nr-maps")
        self.ctl("start", "nr-one")
        self.ctl("status", "nr-one")
        self.ctl("logs", "nr-one")
        self.crash("nr-one")
        self.ctl("restart", "nr-one")
        self.ctl("stop", "nr-one")
        self.ctl("reset", "--yes", "nr-one")
        self.ctl("clone", "nr-one", "nr-two")
        self.ctl("rename", "nr-one", "nr-three")
        self.ctl("start", "nr-two", "nr-three")
        self.ctl("check", check=False)
        self.ctl("stop", "nr-two", "nr-three")
        self.ctl("delete", "--yes", "nr-two", "nr-three")
        self.ctl("overlay", "delete", "--yes", "nr-maps")

    def crash(self, name):
        with follow.Watch() as watch:
            watch.wait_state(name, "active")
            host.run("systemctl", "kill", "--signal=KILL", host.server_unit(name))
            watch.wait_server(name, lambda p: p["restarts"] == 1 and p["active_state"] == "active", "restarted by systemd")

    def test_tour(self):
        watch, sampler = ExecWatch(), Sampler()
        watch.start()
        sampler.start()
        try:
            self.tour()
        finally:
            sampler.stop()
            watch.stop()
        manager = pwd.getpwnam("left4me-manager").pw_uid
        expected = {"left4med": {manager}, **{f"left4me-{word}": {980} for word in ("overlay", "run", "build", "tree")}}
        self.assertEqual({p for p, _ in watch.seen}, set(expected), "which programs were executed")
        for program, who in watch.seen:
            self.assertEqual(who, expected[program], program)
        print(f"{len(watch.seen)} executions, {sampler.rounds} rounds of looking at", *sorted(sampler.programs), flush=True)
        self.assertEqual(sampler.roots, set())
        self.assertLessEqual({"left4med", "left4me-run", "srcds_linux"}, sampler.programs)
        self.assertGreater(sampler.rounds, 100)

    def test_that_root_would_be_seen(self):
        watch = ExecWatch()
        watch.start()
        try:
            host.run(f"{PROGRAMS}/left4me-tree", "1", check=False)
        finally:
            watch.stop()
        self.assertEqual(watch.seen, [("left4me-tree", {0})])

    def test_nobody_can_become_root(self):
        """None of the running programs has a capability that it could become root by, or may gain one."""
        self.ctl("overlay", "create", "nr-game", "--kind", "files")
        with open(os.path.join(host.CONTENT, "game.tar.zst"), "rb") as file:
            self.ctl("overlay", "import", "nr-game", "-", data=file.read())
        self.ctl("create", "nr-four", "--game", "nr-game")
        follow.start("nr-four")
        found = 0
        for pid in (p for p in os.listdir("/proc") if p.isdigit()):
            try:
                program, status = os.readlink(f"/proc/{pid}/exe"), ground.read(f"/proc/{pid}/status")
            except OSError:
                continue
            if not program.startswith(PROGRAMS) and not program.endswith("/srcds_linux"):
                continue
            found += 1
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.assertEqual(fields["NoNewPrivs"], "1", program)
            allowed = CAP_NET_ADMIN if program.endswith("/left4med") else 0
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(fields[kind], 16), allowed, f"{program} {kind}")
        self.assertGreaterEqual(found, 3)
        self.ctl("stop", "nr-four")


if __name__ == "__main__":
    unittest.main()
