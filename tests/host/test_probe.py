# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a process in a game server's, a build's and the manager's place can see and do: tried from inside."""

import grp
import json
import os
import pwd
import re
import shutil
import subprocess

import follow
import host
from host import ctl, run, show

SECRET = "left4me-secret-of-the-host"
BUILD = "999999"
BUILD_UNIT = f"left4me-build@{BUILD}.service"
BUILD_DROP_IN = f"/run/systemd/system/{BUILD_UNIT}.d"

# Where the sandbox differs from what the probe takes for right, and why that is right as well: patterns for the details (or, where
# there are none, the results) that it may tell.
KNOWN = {
    "see:/mnt": "server|overlay",       # the way to its own tree
    "see:/run/left4me": "argv|job",     # its own arguments
    "see:/var/lib/left4me": "[.]steam",  # its home, with the Steam cache
    "open-for-writing:server.cfg": "EACCES|EROFS",
    "open-for-writing:left4me.cfg": "EACCES|EROFS",
    "pid-namespace": r"pid 1 is [?], this is \d",  # so well hidden is the init that it cannot be asked for its name
    "write:/proc/1/mem": "allowed",     # the init of its own namespace, which has no right that it has not itself
}
CAP_NET_ADMIN = 12  # all that left4med has: for nftables and queueing disciplines
WRITABLE = {"/tmp", "/var/tmp", "/dev/shm"}


def report_of(unit, *start):
    """Starts what the probe runs in by a command; {name of a probe: its line}, when it has done all."""
    report = {}
    with follow.Journal(f"_SYSTEMD_UNIT={unit}", namespace="left4me") as journal:
        run(*start)
        journal.wait_text('"probe":"done"')
        for record in journal.lines:
            # journalctl leaves out what is very long: the table of mounts
            if str(record["MESSAGE"]).startswith("{"):
                line = json.loads(record["MESSAGE"])
                report[line["probe"]] = line
    return report


def start_probe(name):
    return report_of(host.server_unit(name), "left4mectl", "start", name)


def surprises(report, known):
    """The lines of a report that differ from what the probe expects, and are not known."""
    return [line for name, line in report.items()
            if not line["ok"] and name != "done" and
            not re.fullmatch(known.get(name, "never"), line["detail"] or line["result"])]


def writable(report):
    return {name.split(":", 1)[1] for name, line in report.items()
            if name.startswith("writable:") and line["result"] == "allowed"}


def plant(case, path, text=SECRET + "\n", mode=0o644):
    """A file of the host's that everybody may read, were it not for the sandbox."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o755)
        case.addCleanup(shutil.rmtree, folder)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    case.addCleanup(lambda: os.path.lexists(path) and os.unlink(path))
    return path


def give_to_manager(path):
    """As left4med would have made it."""
    uid, gid = pwd.getpwnam("left4me-manager").pw_uid, grp.getgrnam("left4me").gr_gid
    for folder, _, files in os.walk(path):
        os.chown(folder, uid, gid)
        os.chmod(folder, 0o2750)
        for name in files:
            os.chown(os.path.join(folder, name), uid, gid)
            os.chmod(os.path.join(folder, name), 0o640)


class Server(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game("probe", "probe.tar.zst")

    def probe(self, name, *words):
        self.server(name, "--", *words, game="probe")
        return start_probe(name)

    def test_nothing_but_what_a_server_needs(self):
        report = self.probe("probe-1")
        self.assertEqual(surprises(report, KNOWN), [])
        self.assertEqual(writable(report), {report["tree"]["detail"], *WRITABLE})
        self.assertEqual(report["tree"]["detail"], "/mnt/server")
        self.assertEqual(report["Uid"]["detail"].split(), ["980"] * 4)
        self.assertEqual(report["Groups"]["detail"].split(), ["980"])
        self.assertGreater(len(report), 100)

    def test_two_servers_see_nothing_of_each_other(self):
        self.probe("probe-1")
        report = self.probe("probe-2", "+probe_cat", "/sys/fs/cgroup/cgroup.procs")
        for name in ("dev-shm-others", "sysv-shm-others", "mqueue-others"):
            self.assertEqual(report[name]["result"], "hidden", name)
        self.assertEqual(report["processes"]["result"], "own")
        # its own two, by its own numbers: the cgroups of others are not there
        self.assertEqual(report["cat:/sys/fs/cgroup/cgroup.procs"]["detail"].split()[0], "1")
        self.assertEqual(surprises(report, KNOWN), [])

    def test_no_file_of_the_host(self):
        paths = ["/etc/passwd", "/etc/shadow", "/etc/machine-id", "/etc/left4me/left4me.conf", "/etc/dbus-1/system.conf",
                 f"{host.LIBRARY}/instances/probe-1/server.cfg", f"{host.LIBRARY}/overlays/probe/versions/1/srcds_run",
                 "/run/left4me/jobs", "/run/systemd/journal/socket", "/run/systemd/notify", "/run/dbus/system_bus_socket",
                 "/var/log/journal", "/usr/lib/left4me/root/etc/passwd"]
        paths += [plant(self, path) for path in ("/left4me-planted/file", "/srv/left4me-planted", "/opt/left4me-planted",
                                                 "/usr/local/left4me-planted", "/boot/left4me-planted",
                                                 "/var/cache/left4me-planted", "/media/left4me-planted",
                                                 "/dev/shm/left4me-planted", "/tmp/left4me-planted")]
        paths += [f"/proc/1/root{path}" for path in paths if "planted" in path]
        report = self.probe("probe-1", *(word for path in paths for word in ("+probe_cat", path)))
        for path in paths:
            with self.subTest(path):
                self.assertEqual(report[f"cat:{path}"]["result"], "denied")
        self.assertNotIn(SECRET, json.dumps(report))

    def test_links_in_the_tree_lead_nowhere(self):
        links = {"absolute": plant(self, "/left4me-planted/file"), "upward": "../../../../../left4me-planted/file",
                 "shadow": "/etc/shadow", "process": "/proc/1/root/etc/shadow"}
        self.probe("probe-1", *(word for name in links for word in ("+probe_cat", f"left4dead2/{name}")))
        ctl("stop", "probe-1")
        for name, target in links.items():
            os.symlink(target, host.upper("probe-1", "left4dead2", name))
        report = start_probe("probe-1")
        for name in links:
            self.assertEqual(report[f"cat:left4dead2/{name}"]["result"], "denied", name)

    def test_what_the_manager_writes_cannot_be_written_or_moved(self):
        paths = [f"/mnt/server/left4dead2/cfg/{name}" for name in ("server.cfg", "left4me.cfg")] + ["/run/left4me/argv"]
        report = self.probe("probe-1", *(word for path in paths for word in ("+probe_write", path)))
        for path in paths:
            self.assertEqual(report[f"write:{path}"]["result"], "denied", path)


class BrokenManager(host.Case):
    """The manager is in hostile hands: it replaces its own files by links to what only root may read."""

    @classmethod
    def setup_class(cls):
        host.make_game("probe", "probe.tar.zst")
        ctl("create", "probe-1", "--game", "probe", "--", "+probe_cat", "left4dead2/cfg/server.cfg", "+probe_cat",
            "left4dead2/cfg/left4me.cfg", "+probe_cat", "/run/left4me/argv")
        cls.addClassCleanup(host.Case.remove_server, cls, "probe-1")
        # left4med makes these files anew at each start of its own; here systemd is asked directly
        ctl("start", "probe-1")
        ctl("stop", "probe-1")

    def setUp(self):
        run("systemctl", "stop", "left4med.service")
        self.addCleanup(run, "systemctl", "start", "left4med.service")
        self.addCleanup(run, "systemctl", "reset-failed", host.server_unit("probe-1"), host.mount_unit("probe-1"), check=False)
        self.addCleanup(run, "systemctl", "stop", host.mount_unit("probe-1"))
        self.folder = os.path.join(host.LIBRARY, "instances", "probe-1")
        copy = self.folder + ".saved"
        run("cp", "-a", self.folder, copy)
        self.addCleanup(os.rename, copy, self.folder)
        self.addCleanup(lambda: os.unlink(self.folder) if os.path.islink(self.folder) else shutil.rmtree(self.folder))

    def begin(self):
        return run("systemctl", "start", host.server_unit("probe-1"), check=False).code

    def log(self):
        words = ["journalctl", "--quiet", "--no-pager", "--output=cat"]
        return run(*words, "--namespace=left4me").out + run(*words).out

    def replace(self, name, target):
        path = os.path.join(self.folder, name)
        os.unlink(path)
        os.symlink(target, path)
        os.lchown(path, pwd.getpwnam("left4me-manager").pw_uid, -1)

    def test_it_starts_at_all(self):
        self.assertEqual(self.begin(), 0)

    def test_no_link_is_followed(self):
        for name, text in (("argv", f"./srcds_run\0-norestart\0{SECRET}\0"), ("stack", "probe/1\n"),
                           ("server.cfg", f'hostname "{SECRET}"\n'), ("left4me.cfg", f'rcon_password "{SECRET}"\n')):
            with self.subTest(name):
                target = plant(self, f"/root/left4me-{name}", text, 0o600)
                saved = os.path.join(self.folder, name) + ".was"
                os.rename(os.path.join(self.folder, name), saved)
                open(os.path.join(self.folder, name), "w", encoding="utf-8").close()
                self.replace(name, target)
                self.assertNotEqual(self.begin(), 0)
                self.assertEqual(host.mounts(host.LIBRARY + "/runtime"), [])
                os.rename(saved, os.path.join(self.folder, name))
        self.assertNotIn(SECRET, self.log())

    def test_no_folder_that_is_a_link(self):
        away = "/root/left4me-folder"
        run("cp", "-a", self.folder, away)
        self.addCleanup(shutil.rmtree, away)
        plant(self, away + "/left4me.cfg", f'rcon_password "{SECRET}"\n', 0o600)
        shutil.rmtree(self.folder)
        os.symlink(away, self.folder)
        self.assertNotEqual(self.begin(), 0)
        self.assertNotIn(SECRET, self.log())


class Build(host.Case):
    """The probe in the place of left4me-build, on a stack with the probe as its lowest layer."""

    @classmethod
    def setup_class(cls):
        host.make_game("probe", "probe.tar.zst")

    def setUp(self):
        job = f"/run/left4me/jobs/{BUILD}"
        os.mkdir(job)
        self.addCleanup(shutil.rmtree, job)
        for name, text in (("job", "[Job]\nOperation=import\n"), ("stack", "probe/1\n")):
            with open(os.path.join(job, name), "w", encoding="utf-8") as file:
                file.write(text)
        give_to_manager(job)
        os.makedirs(BUILD_DROP_IN)
        with open(BUILD_DROP_IN + "/test.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStart=\nExecStart=/mnt/overlay/srcds_linux -game left4dead2\n")
        run("systemctl", "daemon-reload")
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(shutil.rmtree, BUILD_DROP_IN)
        for path in (f"{host.LIBRARY}/builds/{BUILD}", f"{host.LIBRARY}/runtime/build-{BUILD}"):
            self.addCleanup(shutil.rmtree, path)
        self.addCleanup(run, "systemctl", "reset-failed", BUILD_UNIT, check=False)
        self.addCleanup(run, "systemctl", "stop", f"left4me-overlay@build-{BUILD}.service")

    def test_nothing_but_what_a_build_needs(self):
        report = report_of(BUILD_UNIT, "systemctl", "start", "--no-block", BUILD_UNIT)
        known = {name: "EPERM|EACCES|EAFNOSUPPORT" for name in report if name.startswith(("socket:", "bind:"))}
        known |= {name: "EPERM|EACCES" for name in ("map-writable-code", "make-code-executable")}
        known |= {name: "ENOENT" for name in ("read:server.cfg", "read:left4me.cfg")}
        known["pid-namespace"] = "pid 1 is srcds_linux, this is 1"
        self.assertEqual(surprises(report, KNOWN | known), [])
        self.assertEqual(writable(report), {"/mnt/overlay", *WRITABLE})
        for name, line in report.items():
            if name.startswith("socket:") or name == "map-writable-code":
                self.assertEqual(line["result"], "denied", name)
        self.assertEqual(report["see:/var/lib/left4me"]["result"], "hidden")


class Manager(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()

    def in_its_place(self, *command):
        """Runs a command with the manager's file system, user and groups."""
        pid = show("left4med.service", "MainPID")
        return run("nsenter", "--target", pid, "--mount", "setpriv", "--reuid=left4me-manager", "--regid=left4me-manager",
                   "--init-groups", "--bounding-set=-all", "--no-new-privs", "--", *command, check=False)

    def test_where_it_may_write(self):
        found = self.in_its_place("find", "/", "-path", "/proc", "-prune", "-o", "-type", "d", "-writable", "-print").out.split()
        # `find` goes on below what is writable; the topmost ones say it all
        top = {path for path in found if not any(path.startswith(other + "/") for other in found)}
        self.assertEqual(top, {f"{host.LIBRARY}/manager", f"{host.LIBRARY}/instances", "/run/left4me/jobs", "/tmp", "/var/tmp"})

    def test_no_stack_can_be_opened_and_all_are_seen(self):
        """Also those that were mounted before it was started; and it holds up no unmount."""
        self.server("before")
        follow.start("before")
        run("systemctl", "restart", "left4med.service")
        self.server("after")
        follow.start("after")
        for name in ("before", "after"):
            self.assertIn(host.merged(name), self.mount_points())
            for path in (host.merged(name), host.LIBRARY + "/runtime"):
                self.assertNotEqual(self.in_its_place("ls", path).code, 0, path)
        for name in ("before", "after"):
            ctl("stop", name)
            self.assertEqual(host.mounts(host.merged(name)), [])
        self.assertEqual([p for p in self.mount_points() if "/runtime/" in p], [])

    def mount_points(self):
        pid = show("left4med.service", "MainPID")
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
            return [line.split()[4] for line in file]

    def test_what_it_holds(self):
        pid = show("left4med.service", "MainPID")
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 1 << CAP_NET_ADMIN, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertNotIn("0", status["Uid"].split() + status["Gid"].split() + status["Groups"].split())
        result = subprocess.run(["readlink", "-f", f"/proc/{pid}/exe"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(result.stdout.strip(), "/usr/libexec/left4me/left4med")
