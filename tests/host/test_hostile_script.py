# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile build script tries, attempt by attempt: to reach this host and its neighbours, to get out of its tree, to see others, to
become more, to stay, to use too much, and to leave something behind that hurts later. test_hostile_builds.py has more of the last.

Each script runs attacker.py or reach.py with a list of orders; everything is asked of the host afterwards, and not only of the script.
"""

import ipaddress
import json
import os
import shutil
import socket

import host
import internet
import outside
import scripts
import trees
from host import ctl, run, show

HERE = os.path.dirname(os.path.abspath(__file__))
DROP_IN = "/run/systemd/system/left4me-script@.service.d"
WORD = "left4me-hostile-mark"
REFUSED = ("EACCES", "EAFNOSUPPORT", "EBUSY", "EINVAL", "EISDIR", "ELOOP", "ENODEV", "ENOENT", "ENOSYS", "ENOTDIR", "ENOTSUP", "ENXIO", "EPERM",
           "EROFS", "EXDEV")
CAP_SYS_RESOURCE = 1 << 24
EVERYBODY = "255.255.255.255"


def python(program, *words):
    """A line of bash that runs it on this."""
    with open(f"{HERE}/{program}.py", encoding="utf-8") as file:
        text = file.read()
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    return f"cat >/tmp/{program}.py <<'END_OF_PROGRAM'\n{text}\nEND_OF_PROGRAM\n/usr/bin/python3 -I -B /tmp/{program}.py {quoted}\n"


class Hostile(host.Case):
    TAKES = 3.5

    def make(self, name, source):
        self.addCleanup(ctl, "overlay", "delete", "--yes", name, check=False)
        return scripts.make(name, source)

    def build(self, name, state="succeeded"):
        job = scripts.build(name)
        self.assertEqual(job["state"], state, job["told"] + scripts.output(job))
        return job

    def told(self, job, program):
        """What it said of its attempts."""
        (line,) = (line for line in scripts.output(job).splitlines() if f"{program}: " in line)
        return json.loads(line.partition(f"{program}: ")[2])

    def orders(self, *orders):
        """A script that does these."""
        lines = "".join(json.dumps(order) + "\n" for order in [*orders, ["report"]])
        return f"cat >/tmp/orders <<'END_OF_ORDERS'\n{lines}END_OF_ORDERS\n" + python("attacker", "/tmp/orders")

    def attack(self, *orders, state="succeeded", name="hostile"):
        """One build that does these; what came of each."""
        self.make(name, self.orders(*orders))
        return self.told(self.build(name, state), "attacker")

    def refused(self, orders, results):
        for order, result in zip(orders, results, strict=True):
            with self.subTest(order):
                self.assertIn(result, REFUSED)


class Network(Hostile):
    """Packets that are really sent, looked for on the wire; the same program reaches all of it when it is not a build."""

    OWN = "10.77.0.1", "fd77::1"  # private ones of this host; the neighbours below are on the same line
    CONTROL = internet.WEB, internet.WEB6
    FORBIDDEN = {
        "loopback": ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"],
        "the host's public addresses": [internet.HOST[4], internet.HOST[6], "::ffff:" + internet.HOST[4]],
        "the host's private addresses": [*OWN, "::ffff:" + OWN[0]],
        "private": ["10.77.0.2", "172.16.77.2", "192.168.77.2", "100.64.77.2", "198.18.77.2", "fd77::2", "::ffff:10.77.0.2"],
        "link-local": ["169.254.77.2", "fe80::77"],
        "multicast": ["224.0.0.251", "239.255.77.2", "ff02::fb", "ff05::2"],
        "reserved": ["240.77.0.2", EVERYBODY],
        "by way of NAT64": ["64:ff9b::7f00:1", "64:ff9b::a4d:2", "64:ff9b::c0a8:4d02"],
    }

    @classmethod
    def setup_class(cls):
        cls.world = internet.Internet.for_test(cls)
        cls.interface = socket.if_nametoindex("inet0")
        there = json.loads(cls.world.run("ip", "-json", "link", "show", "net0").out)[0]["address"]
        # Whoever sends there needs no answer to his question who that is.
        orders = [f"address add {cls.OWN[0]}/24 dev inet0", f"address add {cls.OWN[1]}/64 dev inet0 nodad",
                  f"route replace broadcast {EVERYBODY} dev inet0 table local"]
        for address in sorted({a for group in cls.FORBIDDEN.values() for a in group}):
            parsed = ipaddress.ip_address(address)
            if address in (*cls.OWN, *internet.HOST.values(), EVERYBODY) or parsed.is_loopback or parsed.is_unspecified \
                    or getattr(parsed, "ipv4_mapped", None):
                continue
            if not parsed.is_multicast:
                orders += [f"route replace {address} dev inet0", f"neigh replace {address} lladdr {there} dev inet0 nud permanent"]
            elif parsed.version == 6:
                orders.append(f"route replace multicast {address} dev inet0 table local")
        run("ip", "-batch", "-", data="".join(f"{order}\n" for order in orders).encode())

    def setUp(self):
        names = [*self.FORBIDDEN, "the Internet"]
        self.targets, self.group = [], {}
        for name in names:
            for address in self.FORBIDDEN.get(name, self.CONTROL):
                many = ipaddress.ip_address(address).is_multicast
                for kind in ("udp",) if many or address == EVERYBODY else ("udp", "tcp"):
                    port, scoped = 7000 + len(self.targets), many or address.startswith("fe80")
                    self.targets.append([kind, address, port, self.interface if scoped else 0])
                    self.group[kind, port] = f"{name}: {kind} to {address}"

    def of(self, *groups):
        """Those of the targets that are in these groups."""
        return [t for t in self.targets if self.group[t[0], t[2]].split(":")[0] in groups]

    def send(self, reach, targets=None):
        """What arrives anywhere while reach(targets) runs, by its names here."""
        ours = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(outside.ETH_P_ALL))
        ours.bind(("lo", outside.ETH_P_ALL))
        with self.world.capture() as there, outside.Capture(ours) as here:
            reach(targets or self.targets)
            return {self.group[p.proto, p.dport] for p in there.drain() + here.drain() if (p.proto, p.dport) in self.group}

    def test_reaches_the_internet_and_nothing_else(self):
        everything = set(self.group.values())
        allowed = {name for name in everything if name.startswith("the Internet")}
        free = self.send(lambda targets: run("/usr/bin/python3", "-B", f"{HERE}/reach.py", json.dumps(targets)))
        self.assertEqual(everything - free, set(), "nobody reaches it, so that a script does not would prove nothing")
        seen = self.send(self.reach)
        for name in sorted(everything):
            with self.subTest(name):
                self.assertEqual(name in seen, name in allowed)

    def reach(self, targets):
        self.make("reach", python("reach", json.dumps(targets)))
        told = self.told(self.build("reach"), "reach")
        self.assertEqual(len(told), len(targets))

    def test_with_another_slice(self):
        """The firewall knows the builds by the cgroup of their slice: without it none begins, and with a new one it is told first."""
        self.make("reach", "true")
        run("systemctl", "stop", "l4d2-build.slice")
        self.addCleanup(run, "systemctl", "start", "l4d2-build.slice")
        message = self.assert_refused(ctl("overlay", "build", "reach", "--json", check=False), "NoFirewall")
        self.assertIn("systemctl start l4d2-build.slice", message)
        run("systemctl", "start", "l4d2-build.slice")
        seen = self.send(self.reach, self.of("the host's public addresses", "the Internet"))
        self.assertEqual({name.split(":")[0] for name in seen}, {"the Internet"})
        self.assertEqual(len(seen), 4)


class Elsewhere(Hostile):
    """Out of its tree, and into what is others'."""

    FOLDERS = ("/", "/boot", "/dev", "/etc", "/etc/ssl/certs", "/home", "/mnt", "/opt", "/proc/sys/kernel", "/root", "/run", "/run/left4me",
               "/run/left4me/job", "/srv", "/sys/fs/cgroup", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/var", "/var/lib",
               "/var/lib/left4me", "/var/lib/left4me/overlays/other/versions/1", "/proc/1/root/etc", "/proc/self/root/etc",
               "/mnt/overlay/..", "/mnt/overlay/../../etc", "link-to-etc", "link-up")
    FILES = ("/usr/bin/bash", "/etc/resolv.conf", "/etc/ld.so.cache", "/run/left4me/job/script", "/run/left4me/job/job", "/proc/sysrq-trigger",
             "/proc/sys/kernel/core_pattern", "/proc/1/mem", "/proc/1/environ", "/dev/kmsg", "/dev/mem")
    OTHERS = ("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/journal/socket", "/run/systemd/journal/stdout", "/run/systemd/notify",
              "/run/user", "/var/lib/left4me/manager/left4me.db", "/var/lib/left4me/overlays", "/var/lib/left4me/instances", "/var/lib/left4me/steam",
              "/var/lib/left4me/workshop_cache", "/etc/left4me", "/etc/passwd", "/etc/shadow", "/etc/machine-id", "/dev/log", "/dev/mqueue/x",
              "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/home/admin", "/sys/fs/bpf/x", "/tmp/.X11-unix", "/run/left4me/job/upload")
    OWN_FOLDERS = ("/tmp", "/dev/shm")  # it may write there, and nobody else sees it

    def test_writes_nothing_outside_its_tree(self):
        links = [["symlink", "/etc", "link-to-etc"], ["symlink", "../..", "link-up"]]
        orders = [["append", f"{folder}/{WORD}"] for folder in self.FOLDERS] + [["append", path] for path in self.FILES]
        own = [["append", f"{folder}/{WORD}"] for folder in self.OWN_FOLDERS]
        results = self.attack(*links, *own, *orders, ["unlink", "link-to-etc"], ["unlink", "link-up"])
        self.assertEqual(results[:4] + results[-2:], ["done"] * 6)
        self.refused(orders, results[4:-2])
        for folder in (*self.OWN_FOLDERS, *(folder for folder in self.FOLDERS if folder.startswith("/"))):
            with self.subTest(folder, on="the host"):
                self.assertFalse(os.path.lexists(f"{folder}/{WORD}"))

    def plant(self):
        """The word, wherever others have something: for everybody to read, and of the user that builds run as."""
        word = f"{WORD} outside\n"
        host.make_overlay("other", {"secret.txt": word})
        self.addCleanup(ctl, "overlay", "delete", "--yes", "other")
        self.make("stored", f"echo {WORD}")
        for folder in ("/dev/shm", "/etc", "/etc/left4me", "/home", "/mnt", "/opt", "/root", "/run", "/run/left4me", "/srv", "/tmp", "/var/tmp",
                       host.LIBRARY, f"{host.LIBRARY}/overlays", f"{host.LIBRARY}/steam", f"{host.LIBRARY}/builds", "/usr/local"):
            path = f"{folder}/{WORD}"
            with open(path, "w", encoding="utf-8") as file:
                file.write(word)
            self.addCleanup(os.unlink, path)
            os.chown(path, trees.OWNER, trees.OWNER)
        process = host.begin("setpriv", "--reuid=980", "--regid=980", "--clear-groups", "env", f"SECRET={WORD}", "sh", "-c",
                             "echo up; exec sleep infinity", WORD)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        process.stdout.readline()
        memory = run("ipcmk", "--shmem", "64", "--mode", "0666").out.split()[-1]
        self.addCleanup(run, "ipcrm", "--shmem-id", memory)

    def test_sees_nothing_of_others(self):
        self.plant()
        orders = [["is-there", path] for path in self.OTHERS]
        results = self.attack(["write", "mine.txt", f"{WORD} inside"], ["search", WORD[::-1]], ["read", "/proc/sysvipc/shm"], *orders)
        # Its own orders have the word, too: the search does find what there is to be found.
        self.assertEqual(sorted(results[1]["found"]), ["/mnt/overlay/mine.txt", "/run/left4me/job/script", "/tmp/orders"])
        self.assertRegex("\n".join(results[1]["special"]), r"^(/dev/(console|full|null|ptmx|random|tty|urandom|zero|pts/ptmx)\n?)+$")
        self.assertEqual(len(results[2].splitlines()), 1, results[2])
        self.refused(orders, results[3:])


class More(Hostile):
    """Rights, time and means that it was not given."""

    def test_gains_no_privilege(self):
        calls = [["raw", "setuid", 0], ["raw", "setgroups", 1, b"\0\0\0\0".decode()], ["raw", "settimeofday", 0, 0], ["raw", "swapon", "/tmp", 0],
                 ["raw", "reboot", 0xfee1dead, 672274793, 0], ["raw", "sethostname", "x", 1], ["raw", "init_module", 0, 0, ""],
                 ["raw", "perf_event_open", 0, 0, 0, 0, 0], ["raw", "ptrace", 16, 1, 0, 0], ["raw", "bpf", 0, 0, 0], ["raw", "io_uring_setup", 8, 0],
                 ["raw", "add_key", "user", "x", "y", 1, 0], ["raw", "userfaultfd", 0], ["raw", "pidfd_getfd", 0, 0, 0], ["raw", "fsopen", "tmpfs", 0],
                 ["user-namespace"], ["mount-namespace"], ["clone-namespaces"], ["enter-namespace", "/proc/1/ns/mnt"],
                 ["change-root", "/tmp"], ["bind", "/tmp", "/usr"], ["bind", "none", "/usr", 0x1020], ["node", "sda", "block", 8, 0],
                 ["node", "mem", "char", 1, 1], ["open-by-handle", "mine.txt"], ["flags", "mine.txt", "immutable"],
                 *(["socket", family] for family in ("AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"))]
        program = ["program", "/usr/bin/bash", "-c", "cp /usr/bin/id . && chmod 6755 id && ./id -u; ./id -G; /usr/bin/su -c id; /usr/bin/mount --version >/dev/null;"
                   "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; rm id; for n in -1000 0 499; do"
                   " echo $n >/proc/self/oom_score_adj && echo oom $n; done; ulimit -c 1; ulimit -f unlimited;"
                   " nice -n -20 nice"]
        results = self.attack(["write", "mine.txt", "mine"], *calls, program)
        self.refused(calls, results[1:-1])
        told = results[-1][1]
        self.assertTrue(told.startswith("980\n980\n"), told)
        self.assertNotIn("uid=0", told)
        for line in ("Uid:\t980\t980\t980\t980", "Gid:\t980\t980\t980\t980", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000",
                     "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "core file size: cannot modify limit",
                     "file size: cannot modify limit", "cannot set niceness"):
            with self.subTest(line):
                self.assertIn(line, told)
        self.assertNotIn("oom -1000", told)
        if self.is_root_of_resources():
            self.assertNotIn("oom ", told)

    @staticmethod
    def is_root_of_resources():
        """Whether systemd's word on who is killed first is the last: without this right, as in some containers, it is not."""
        with open("/proc/1/status", encoding="utf-8") as file:
            (line,) = (line for line in file if line.startswith("CapEff:"))
        return bool(int(line.split()[1], 16) & CAP_SYS_RESOURCE)

    def processes(self, mark):
        return run("pgrep", "-f", mark, check=False).out

    def test_outlives_nothing(self):
        """Neither the end of the script nor that of its time."""
        os.makedirs(DROP_IN)
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(shutil.rmtree, DROP_IN)
        self.make("hostile", self.orders(["linger", WORD], ["go-on-writing", "busy.txt"]) + "exit 0\n")
        self.build("hostile")
        self.assertEqual(self.processes(WORD) + self.processes("attacker.py"), "")
        self.assertEqual(trees.flaws(trees.version("hostile", 1)), [])
        record = trees.record(trees.version("hostile", 1))

        with open(DROP_IN + "/test.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nTimeoutStartSec=3\n")
        run("systemctl", "daemon-reload")
        scripts.set_source("hostile", self.orders(["linger", WORD]) + "trap '' TERM INT HUP; sleep infinity & while :; do wait; done\n")
        job = self.build("hostile", "failed")
        self.assertIn("took too long", job["message"])
        self.assertEqual(self.processes(WORD), "")
        self.assertEqual(scripts.show("hostile")["current"], 1)
        self.assertEqual(trees.record(trees.version("hostile", 1)), record)

    def test_limits(self):
        """A file that is too large is none. Memory, tasks and CPU have limits where the kernel has the controllers for them, which a container
        may not: here it is only looked at that they are asked for, machine/test_memory.py has them act. The disk: test_refusals.FullDisk."""
        sparse = ["sparse", "large.bin", (16 << 30) + 1]
        self.assertEqual(self.attack(sparse, ["unlink", "large.bin"])[0], "EFBIG")
        for name, value in (("MemoryMax", 4 << 30), ("TasksMax", 512), ("CPUQuotaPerSecUSec", "2s"), ("LimitFSIZE", 16 << 30), ("LimitCORE", 0),
                            ("LimitNOFILE", 4096), ("TimeoutStartUSec", "1h"), ("OOMScoreAdjust", 500), ("Slice", "l4d2-build.slice")):
            with self.subTest(name):
                self.assertEqual(show("left4me-script@1.service", name), str(value))


class Planted(Hostile):
    """Left behind for the commit, the mount and whoever reads."""

    def test_nothing_that_hurts_is_committed(self):
        for text, order in (("sock: ", ["node", "a/sock", "socket"]), ("out: the symbolic link", ["symlink", "/etc/shadow", "a/out"])):
            with self.subTest(order):
                self.make("planted", self.orders(["mkdir", "a"], order))
                job = self.build("planted", "failed")
                self.assertIn(text, job["message"])
                self.assertEqual(scripts.show("planted")["current"], 0)
        self.assertEqual(os.listdir(f"{host.LIBRARY}/builds"), [])

    def test_what_is_committed_is_plain(self):
        forged = [["attribute", path, f"user.overlay.{name}", value] for path in ("a", "a/set-id") for name, value in
                  (("opaque", "y"), ("redirect", "/etc"), ("metacopy", ""), ("whiteout", ""), ("overlay.opaque", "y"))]
        links = [["link", source, "a/link"] for source in ("/run/left4me/job/script", "/usr/bin/su", "/tmp/orders", "/proc/1/exe")]
        results = self.attack(["descriptors"], ["write", "a/set-id", "#!/bin/sh"], ["mode", "a/set-id", "6777"], ["mode", "a", "3777"], *forged, *links,
                              ["attribute", "a/set-id", "security.capability", "x"], ["attribute", "a/set-id", "user.mine", "x"],
                              ["acl", "a", "default"], ["keep-open", "held.txt", "held"], ["keep-mapped", "held.txt"], ["keep-nameless", "late.txt", "late"])
        self.refused(links, results[14:18])
        # what it was given: nothing to read, twice the log, and not one more
        self.assertRegex("\n".join(results[0]), r"^/dev/null\n(socket:\[\d+\])\n\1\n/tmp/orders$")
        version = trees.version("hostile", scripts.show("hostile")["current"])
        self.assertEqual(trees.flaws(version), [])
        self.assertEqual(sorted(name for name, _, _ in trees.entries(version)), ["a", "a/set-id", "held.txt", "late.txt"])

        # and on top of it things go on
        scripts.set_source("hostile", "cat a/set-id held.txt late.txt >all && rm -r a")
        self.build("hostile")
        self.assertEqual(scripts.read("hostile", "all"), "#!/bin/shMAPdlate")
