# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the installed files promise: units with their sandboxes, the manager that cannot become root, users, modes, bus and polkit."""

import contextlib
import grp
import os
import pwd
import re
import stat
import unittest

import host
import wire
from host import run, show

RULES = "/usr/share/polkit-1/rules.d/49-left4me-manager.rules"
ROOT_OF_SANDBOX = "/usr/lib/left4me/root"
MANAGER = "left4me-manager"
MARK = "/run/left4me-became-root"

# Each template as in the polkit rule, and an instance such as left4med makes.
INSTANCES = {
    "left4me-build@.service": "left4me-build@1.service",
    "left4me-cpus@.service": r"left4me-cpus@0\x2d1\x2c4.service",
    "left4me-overlay@.service": "left4me-overlay@server-none.service",
    "left4me-script@.service": "left4me-script@1.service",
    "left4me-server@.service": "left4me-server@none.service",
    "left4me-steam@.service": "left4me-steam@1.service",
    "left4me-tree@.service": "left4me-tree@1.service",
    "left4me-workshop@.service": "left4me-workshop@1.service",
}
CPUS = INSTANCES["left4me-cpus@.service"]
UNITS = ["left4med.service", *INSTANCES.values()]
BUILDS = ("left4me-build@1.service", "left4me-script@1.service", "left4me-steam@1.service",
          "left4me-workshop@1.service")
LONG_RUNNING = ("left4med.service", "left4me-server@none.service")

# Lines of the live units, as systemd tells them. The overlay's are few: it must stay in the host's mount namespace.
EVERYWHERE = {
    "NoNewPrivileges": "yes",
    "LockPersonality": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
}
NO_CAPABILITY = {"CapabilityBoundingSet": "", "AmbientCapabilities": ""}
OWN_NAMESPACES = {
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "PrivateDevices": "yes",
    "PrivateIPC": "yes",
    "PrivateTmp": "yes",
}
EMPTY_ROOT = {
    "RootDirectory": ROOT_OF_SANDBOX,
    "PrivatePIDs": "yes",
    "PrivateUsers": "yes",
    "User": "left4me",
}
BUILD = {**NO_CAPABILITY, **OWN_NAMESPACES, **EMPTY_ROOT, "MemoryMax": str(4 << 30), "TasksMax": "512",
         "CPUQuotaPerSecUSec": "2s", "OOMScoreAdjust": "500", "Slice": "l4d2-build.slice", "MemoryDenyWriteExecute": "yes",
         "TimeoutStartUSec": "1h", "LimitFSIZE": str(16 << 30), "SocketBindDeny": "any", "KillMode": "control-group"}
PROPERTIES = {
    "left4med.service": {**OWN_NAMESPACES, "User": MANAGER, "MemoryDenyWriteExecute": "yes", "PrivateUsers": "no",
                         "CapabilityBoundingSet": "cap_net_admin", "AmbientCapabilities": "cap_net_admin"},
    "left4me-overlay@server-none.service": {
        "User": "left4me", "CapabilityBoundingSet": "cap_dac_override cap_sys_admin",
        "AmbientCapabilities": "cap_dac_override cap_sys_admin", "MemoryDenyWriteExecute": "yes"},
    "left4me-server@none.service": {**NO_CAPABILITY, **OWN_NAMESPACES, **EMPTY_ROOT,
                                    "MemoryMax": str(2 << 30), "TasksMax": "256", "KillMode": "control-group",
                                    "OOMScoreAdjust": "-200", "Slice": "l4d2-game.slice", "RestrictSUIDSGID": "yes",
                                    "SocketBindDeny": "28000-65535\n1-26999"},
    # an empty list of what is allowed; where nothing is restricted systemctl prints "~"
    "left4me-build@1.service": {**BUILD, "PrivateNetwork": "yes", "RestrictAddressFamilies": ""},
    "left4me-script@1.service": {**BUILD, "PrivateNetwork": "no", "RestrictAddressFamilies": "AF_INET AF_INET6"},
    "left4me-workshop@1.service": {**BUILD, "PrivateNetwork": "no", "RestrictAddressFamilies": "AF_INET AF_INET6"},
    "left4me-steam@1.service": {**BUILD, "PrivateNetwork": "no", "RestrictAddressFamilies": "AF_INET AF_INET6",
                                "MemoryDenyWriteExecute": "no", "TimeoutStartUSec": "6h"},
    CPUS: {**NO_CAPABILITY, **OWN_NAMESPACES, "User": "", "PrivateUsers": "yes", "PrivateNetwork": "yes", "MemoryDenyWriteExecute": "yes",
           "ReadWritePaths": "/run/left4me-cpus /etc/systemd/system.control/init.scope.d", "RestrictAddressFamilies": "AF_UNIX", "RestrictSUIDSGID": "yes"},
    "left4me-tree@1.service": {**NO_CAPABILITY, **OWN_NAMESPACES, "User": "left4me", "PrivateNetwork": "yes",
                               "ReadWritePaths": host.LIBRARY, "MemoryDenyWriteExecute": "yes"},
}
# What gives a unit a mount namespace of its own, if it is not as here.
NO_MOUNT_NAMESPACE = {
    "PrivateTmp": "no", "PrivateDevices": "no", "PrivateNetwork": "no", "PrivateIPC": "no", "PrivateMounts": "no",
    "PrivateUsers": "no", "PrivatePIDs": "no", "ProtectSystem": "no", "ProtectHome": "no", "ProtectHostname": "no",
    "ProtectKernelTunables": "no", "ProtectKernelModules": "no", "ProtectKernelLogs": "no", "ProtectControlGroups": "no",
    "ProtectProc": "default", "ProcSubset": "all", "RootDirectory": "", "RootImage": "", "LogNamespace": "",
    "ReadWritePaths": "", "ReadOnlyPaths": "", "InaccessiblePaths": "", "ExecPaths": "", "NoExecPaths": "", "BindPaths": "",
    "BindReadOnlyPaths": "", "TemporaryFileSystem": "", "MountFlags": "", "MountImages": "", "ExtensionImages": "",
}


def templates_of_the_rule():
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    # the one whose instances have a pattern of their own stands in that
    return sorted({*re.findall(r'"(left4me-[a-z]+@\.service)"', text),
                   *(name + ".service" for name in re.findall(r"/\^(left4me-[a-z]+@)", text))})


@contextlib.contextmanager
def bus_of(user):
    """A connection that the bus, systemd and polkit take for that user's."""
    os.seteuid(pwd.getpwnam(user).pw_uid)
    try:
        bus = wire.Bus()
    finally:
        os.seteuid(0)
    with bus:
        yield bus


def command(path, *words):
    return wire.V("a(sasb)", [(path, [path, *words], False)])


class Units(unittest.TestCase):
    TAKES = 3

    def test_the_rule_names_what_the_package_installs(self):
        self.assertEqual(templates_of_the_rule(), sorted(INSTANCES))
        installed = run("sh", "-c", "cd /usr/lib/systemd/system && ls -d left4me-*@.service").out.split()
        self.assertEqual(installed, sorted(INSTANCES))

    def test_fragments_and_hardening_are_live(self):
        for unit in UNITS:
            with self.subTest(unit):
                file = re.sub("@.*", "@.service", unit)
                self.assertEqual(show(unit, "FragmentPath"), f"/usr/lib/systemd/system/{file}")
                names = ["10-hardening.conf", *(["20-network.conf"] if unit in BUILDS else []),
                         *(["30-cache.conf"] if "workshop" in unit or "steam" in unit else [])]
                self.assertEqual(show(unit, "DropInPaths"),
                                 " ".join(f"/usr/lib/systemd/system/{file}.d/{name}" for name in names))
                self.assertEqual(show(unit, "NeedDaemonReload"), "no")
                self.assertEqual(show(unit, "LoadState"), "loaded")

    def test_properties(self):
        for unit in UNITS:
            for name, value in {**EVERYWHERE, **PROPERTIES[unit]}.items():
                with self.subTest(unit, property=name):
                    self.assertEqual(show(unit, name), value)

    def test_no_unit_reads_a_path_that_others_may_replace(self):
        for unit in UNITS:
            with self.subTest(unit):
                self.assertEqual(show(unit, "EnvironmentFiles"), "")
                for line in (show(unit, "BindPaths") + " " + show(unit, "BindReadOnlyPaths")).split():
                    source = line.split(":")[0]
                    self.assertRegex(source, r"^(/usr$|-?/etc/|/var/lib/left4me/(steam|workshop_cache)$|"
                                             r"/var/lib/left4me/runtime/(server|build)-[a-z0-9]+/(merged|argv|job)$)")

    def test_the_mount_helper_stays_in_the_mount_namespace_of_the_host(self):
        for name, value in NO_MOUNT_NAMESPACE.items():
            with self.subTest(property=name):
                self.assertEqual(show("left4me-overlay@server-none.service", name), value)

    def test_verify(self):
        files = [f"/usr/lib/systemd/system/{re.sub('@.*', '@.service', unit)}" for unit in UNITS]
        slices = [f"/usr/lib/systemd/system/{name}.slice" for name in ("l4d2", "l4d2-game", "l4d2-build")]
        result = run("systemd-analyze", "verify", *files, *slices)
        self.assertEqual(result.out + result.err, "")

    def test_exposure(self):
        for unit in UNITS:
            last = run("systemd-analyze", "security", "--no-pager", unit).out.strip().splitlines()[-1]
            print(last, flush=True)
            exposure = float(re.search(r": ([0-9.]+) ", last).group(1))
            with self.subTest(unit):
                self.assertLessEqual(exposure, 2.0 if unit in LONG_RUNNING else 4.0)

    def test_the_root_of_the_sandbox_is_empty_and_roots(self):
        for folder, folders, files in os.walk(ROOT_OF_SANDBOX):
            self.assertEqual(files, [], folder)
            for path in (folder, *(os.path.join(folder, name) for name in folders)):
                info = os.lstat(path)
                self.assertEqual((info.st_uid, info.st_gid), (0, 0), path)
                if not stat.S_ISLNK(info.st_mode):
                    self.assertEqual(stat.S_IMODE(info.st_mode), 0o755, path)

    def test_slices(self):
        run("systemctl", "start", "l4d2-game.slice", "l4d2-build.slice")
        self.assertEqual(show("l4d2.slice", "CPUWeight"), "1000")
        self.assertEqual(show("l4d2.slice", "IOWeight"), "1000")
        self.assertGreater(int(show("l4d2-game.slice", "CPUWeight")), int(show("l4d2-build.slice", "CPUWeight")))


class ManagerIsNoRoot(unittest.TestCase):
    """What systemd answers to the user that left4med runs as."""

    TAKES = 1

    def setUp(self):
        self.bus = self.enterContext(bus_of(MANAGER))
        self.addCleanup(self.assertFalse, os.path.exists(MARK), "the manager ran something as root")

    def ask(self, method, signature, *values):
        return self.bus.call(*wire.SYSTEMD, method, signature, *values)

    def refused(self, method, signature, *values):
        """The name of the error."""
        with self.assertRaises(wire.BusError, msg=f"{method}{values}") as caught:
            self.ask(method, signature, *values)
        return caught.exception.name

    def denied(self, method, signature, *values):
        with self.subTest(f"{method}{values}"):
            self.assertIn(self.refused(method, signature, *values), (
                "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"))

    def test_no_transient_unit_of_any_name(self):
        properties = [("ExecStart", command("/usr/bin/touch", MARK)), ("Type", wire.V("s", "oneshot"))]
        for template in templates_of_the_rule():
            for name in (INSTANCES[template], template.replace("@", "@7" if "cpus" in template else "@transient")):
                for more in ([], [(name.replace("@", "@aux"), properties)], [("left4me-aux.service", properties)]):
                    with self.subTest(name, aux=bool(more)):
                        error = self.refused("StartTransientUnit", "ssa(sv)a(sa(sv))", name, "replace", properties, more)
                        self.assertEqual(error, "org.freedesktop.systemd1.UnitExists")
        for name in ("left4me-none.service", "run-left4me.service", "left4me-cpus@transient.service", "left4me-none@1.service",
                     "left4me-server@a.scope", "left4me-server@.service", "left4me-cpus@.service"):
            self.denied("StartTransientUnit", "ssa(sv)a(sa(sv))", name, "replace", properties, [])

    def test_no_property(self):
        for unit in UNITS + ["l4d2-game.slice"]:
            self.denied("SetUnitProperties", "sba(sv)", unit, True, [("MemoryMax", wire.V("t", 1 << 20))])

    def test_no_other_unit(self):
        for unit in ("left4med.service", "dbus.service", "debug-shell.service", "l4d2-game.slice", "rescue.target",
                     "systemd-journald@left4me.service", "x-left4me-server@a.service"):
            for method in ("StartUnit", "StopUnit", "RestartUnit"):
                self.denied(method, "ss", unit, "replace")

    def test_no_other_instance(self):
        for instance in ("A", "-a", "_a", ".", "..", "a.b", "a\\x2db", "a:b", "a@b", "a" * 74, "a\\x2fb"):
            self.denied("StopUnit", "ss", f"left4me-server@{instance}.service", "replace")

    def test_no_list_of_cpus_but_in_its_form(self):
        for instance in ("a", "all", "clear2", "0clear", "00000", r"\x2d1", r"0\x2d", r"0\x2f1", r"0\x20", "0-1", "0_1", "0:1", r"0\x2c\x2c1",
                         r"0\x2d1\x2d2", "1.5", r"0\x0a", r"0\x2C1"):
            self.denied("StartUnit", "ss", f"left4me-cpus@{instance}.service", "replace")
        for method in ("StopUnit", "RestartUnit"):
            self.denied(method, "ss", CPUS, "replace")
        # systemd looks first whether the unit is loaded
        self.assertIn(self.refused("KillUnit", "ssi", CPUS, "main", 15), (
            "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.systemd1.NoSuchUnit"))

    def test_no_other_verb(self):
        unit = "left4me-server@none.service"
        self.ask("RefUnit", "s", unit)
        for method in ("RestartUnit", "TryRestartUnit", "ReloadUnit", "ReloadOrRestartUnit"):
            self.denied(method, "ss", unit, "replace")
        for method in ("FreezeUnit", "ThawUnit"):
            self.denied(method, "s", unit)
        self.denied("CleanUnit", "sas", unit, ["all"])
        # systemd looks first whether the unit takes processes at all
        self.assertIn(self.refused("AttachProcessesToUnit", "ssau", unit, "", [os.getpid()]), (
            "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InvalidArgs"))
        self.denied("BindMountUnit", "sssbb", unit, "/etc", "/mnt", False, True)
        self.denied("EnqueueUnitJob", "sss", unit, "restart", "replace")

    def test_nothing_else_of_systemd(self):
        for method in ("Reload", "Reexecute", "ResetFailed"):
            self.denied(method, "")
        self.denied("EnableUnitFiles", "asbb", ["left4med.service"], False, True)
        self.denied("MaskUnitFiles", "asbb", ["left4me-server@.service"], False, True)
        self.denied("LinkUnitFiles", "asbb", ["/tmp/left4me-server@.service"], False, True)
        self.denied("SetEnvironment", "as", ["PATH=/tmp"])
        self.denied("KillUnit", "ssi", "dbus.service", "main", 15)

    def test_what_it_may(self):
        """Else the refusals above would prove nothing."""
        for unit in INSTANCES.values():
            with self.subTest(unit):
                if unit != CPUS:
                    self.ask("StopUnit", "ss", unit, "replace")
                self.ask("RefUnit", "s", unit)
                self.ask("ResetFailedUnit", "s", unit)
                self.ask("UnrefUnit", "s", unit)
        unit = "left4me-overlay@server-none.service"
        self.ask("StartUnit", "ss", unit, "replace")
        run("systemctl", "stop", unit)
        run("systemctl", "reset-failed", unit)

    def test_nobody_else_gets_what_it_gets(self):
        for user in ("left4me", "nobody"):
            with self.subTest(user), bus_of(user) as bus, self.assertRaises(wire.BusError):
                bus.call(*wire.SYSTEMD, "StopUnit", "ss", "left4me-server@none.service", "replace")


class Installed(unittest.TestCase):
    TAKES = 1

    def test_users(self):
        user = pwd.getpwnam("left4me")
        self.assertEqual((user.pw_uid, user.pw_gid, user.pw_dir, user.pw_shell), (980, 980, host.LIBRARY, "/usr/sbin/nologin"))
        self.assertEqual(grp.getgrnam("left4me").gr_gid, 980)
        manager = pwd.getpwnam(MANAGER)
        self.assertEqual(manager.pw_shell, "/usr/sbin/nologin")
        names = {grp.getgrgid(gid).gr_name for gid in os.getgrouplist(MANAGER, manager.pw_gid)}
        self.assertEqual(names, {MANAGER, "left4me", "systemd-journal"})
        self.assertEqual(os.getgrouplist("left4me", 980), [980])
        grp.getgrnam("left4me-admin")
        for name in ("left4me", MANAGER):
            with open("/etc/shadow", encoding="utf-8") as file:
                self.assertRegex(file.read(), rf"(?m)^{name}:!\*?:")

    def test_directories(self):
        expected = {
            "/var/lib/left4me": ("root", "root", 0o755),
            "/var/lib/left4me/manager": (MANAGER, MANAGER, 0o700),
            "/var/lib/left4me/instances": (MANAGER, "left4me", 0o2750),
            "/var/lib/left4me/overlays": ("left4me", "left4me", 0o750),
            "/var/lib/left4me/uppers": ("left4me", "left4me", 0o750),
            "/var/lib/left4me/builds": ("left4me", "left4me", 0o750),
            "/var/lib/left4me/runtime": ("left4me", "left4me", 0o700),
            "/var/lib/left4me/steam": ("left4me", "left4me", 0o755),
            "/run/left4me": ("root", "root", 0o755),
            "/run/left4me/jobs": (MANAGER, "left4me", 0o2750),
            "/run/left4me-cpus": ("root", "root", 0o700),
            "/etc/systemd/system.control/init.scope.d": ("root", "root", 0o755),
        }
        for path, (user, group, mode) in expected.items():
            with self.subTest(path):
                info = os.lstat(path)
                self.assertTrue(stat.S_ISDIR(info.st_mode))
                self.assertEqual((pwd.getpwuid(info.st_uid).pw_name, grp.getgrgid(info.st_gid).gr_name,
                                  oct(stat.S_IMODE(info.st_mode))), (user, group, oct(mode)))

    def test_tmpfiles_changes_nothing_and_follows_nobody(self):
        """Run again, as at each boot, with hostile names in every directory that is not root's."""
        planted = []
        for path in ("manager", "instances", "overlays", "uppers", "builds", "runtime", "steam"):
            link = f"{host.LIBRARY}/{path}/planted"
            os.symlink("/etc/shadow", link)
            self.addCleanup(os.unlink, link)
            planted.append(link)
        before = [os.stat("/etc/shadow").st_mode, *(os.lstat(link).st_uid for link in planted)]
        result = run("systemd-tmpfiles", "--create", "left4me.conf")
        self.assertEqual(result.out + result.err, "")
        self.assertEqual([os.stat("/etc/shadow").st_mode, *(os.lstat(link).st_uid for link in planted)], before)

    def test_only_the_manager_may_own_the_name(self):
        def request(user, name):
            with bus_of(user) as bus:
                return bus.call(wire.BUS, "/org/freedesktop/DBus", wire.BUS, "RequestName", "su", name, 4)[0]

        for user in ("root", "nobody", "left4me"):
            for name in (wire.NAME, wire.NAME + ".Other"):
                with self.subTest(user, name=name), self.assertRaises(wire.BusError) as caught:
                    request(user, name)
                self.assertEqual(caught.exception.name, "org.freedesktop.DBus.Error.AccessDenied")
        # 4: do not queue; 1: it is yours, 3: somebody has it
        self.assertIn(request(MANAGER, wire.NAME), (1, 3))

    def test_polkit_actions(self):
        actions = [a for a in run("pkaction").out.split() if a.startswith(wire.NAME)]
        self.assertEqual([a[len(wire.NAME) + 1:] for a in actions],
                         ["control-instance", "manage-host", "manage-instances", "manage-overlays", "read-logs",
                          "use-console"])
        for action in actions:
            with self.subTest(action):
                text = run("pkaction", "--verbose", "--action-id", action).out
                self.assertIn("org.freedesktop.policykit.owner -> unix-user:left4me-manager", text)
                default = "auth_admin" if action.endswith("manage-host") else "auth_admin_keep"
                self.assertEqual(re.findall(r"implicit \w+: +(\w+)", text), [default] * 3)

    def test_polkit_rules(self):
        """The table of who may do what; 0 is yes, 2 would be yes after a password."""
        host.make_users()
        if run("id", "left4me-web", check=False).code != 0:
            run("useradd", "--system", "left4me-web")
            self.addCleanup(run, "userdel", "left4me-web")
        table = {
            "root": (0, 0), host.ADMIN: (0, 0), "left4me-web": (0, 2), host.GUEST: (2, 2), "left4me": (2, 2),
            # not even with a password: it has no business with itself
            MANAGER: (1, 1),
        }
        for user, (daily, on_the_host) in table.items():
            with self.subprocess_of(user) as pid:
                for action, code in (("control-instance", daily), ("manage-instances", daily), ("manage-overlays", daily),
                                     ("read-logs", daily), ("use-console", daily), ("manage-host", on_the_host)):
                    with self.subTest(user, action=action):
                        result = run("pkcheck", "--action-id", f"{wire.NAME}.{action}", "--process", str(pid), check=False)
                        self.assertEqual(result.code, code, str(result))

    @contextlib.contextmanager
    def subprocess_of(self, user):
        process = host.begin("sh", "-c", "echo up; exec sleep infinity", user=user if user != "root" else None)
        try:
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()
            process.communicate()

    def test_a_flood_stays_in_the_journal_of_the_servers(self):
        self.assertEqual(show("systemd-journald@left4me.service", "Restart"), "always")
        self.assertIn("SystemMaxUse=1G", run("systemd-analyze", "cat-config", "systemd/journald@left4me.conf").out)
        unit = "left4me-test-flood.service"
        run("systemd-run", "--quiet", "--wait", f"--unit={unit}", "--property=LogNamespace=left4me",
            "sh", "-c", "yes flood | head -n 300000")
        run("journalctl", "--namespace=left4me", "--sync")

        def lines(*words):
            return len(run("journalctl", "--quiet", "--output=cat", f"_SYSTEMD_UNIT={unit}", *words).out.splitlines())

        self.assertEqual(lines(), 0)
        self.assertGreater(lines("--namespace=left4me"), 0)
        self.assertLess(lines("--namespace=left4me"), 100000)

    def test_catalog(self):
        text = run("journalctl", "--no-pager", "--list-catalog").out
        self.assertGreaterEqual(len(re.findall(r"(?m)^[0-9a-f]{32} left4me: ", text)), 7)

    def test_configuration_comes_with_defaults_only(self):
        with open("/etc/left4me/left4me.conf", encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line and not line.startswith("#")]
        self.assertEqual(lines, ["[Manager]"])


if __name__ == "__main__":
    unittest.main()
