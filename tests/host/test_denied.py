# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever is nobody in particular changes nothing: by no method of the contract, no property, no forged signal."""

import glob
import os
import pwd
import subprocess
import xml.etree.ElementTree as ElementTree

import follow
import host
import wire
from host import ctl

INTERFACES = "/usr/share/dbus-1/interfaces/org.left4me.Manager1*.xml"
MANAGER, INSTANCE, OVERLAY, JOB, QOS, SHIELD, CPUS, SLICE = (
    host.BUS_NAME + s for s in ("", ".Instance", ".Overlay", ".Job", ".QoS", ".Shield", ".CPUs", ".Slice"))
DENIED = {"org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"}
# Whom nothing is granted: guest, and what a server or a build runs as.
SYSTEMD, SYSTEMD_MANAGER = "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
NOBODIES = [host.GUEST, "left4me"]

# What everybody may call. Everything else in the contract must be denied.
PUBLIC = {
    (MANAGER, m) for m in ("GetInstance", "GetOverlay", "GetJob", "ListInstances", "ListOverlays", "ListJobs", "Check", "GetStatistics")
} | {(interface, "GetStatistics") for interface in (INSTANCE, QOS, SHIELD, CPUS, SLICE)} | {(CPUS, "Suggest")}

# Arguments with which the call would do something, as GVariant text.
ARGUMENTS = {
    (MANAGER, "CreateInstance"): ["intruder", "{'Game': <'game'>}"],
    (MANAGER, "CreateOverlay"): ["intruder", "files", "{}"],
    (MANAGER, "GetInstance"): ["running"],
    (MANAGER, "GetOverlay"): ["game"],
    (MANAGER, "GetJob"): ["JOB"],
    (MANAGER, "SeedScriptOverlays"): ["{'intruder': 'echo intruder'}", "{}"],
    (INSTANCE, "Configure"): ["{'Cvars': <{'hostname': 'intruder'}>}"],
    (INSTANCE, "SetOverlays"): ["['maps']"],
    (INSTANCE, "SetAutostart"): ["true"],
    (INSTANCE, "Rename"): ["intruder"],
    (INSTANCE, "Clone"): ["intruder", "{}"],
    (INSTANCE, "StopWhenEmpty"): ["true", "0", "[]"],
    (INSTANCE, "Freeze"): ["intruder", "{}"],
    (INSTANCE, "OpenLog"): ["{'Lines': <uint32 10>}"],
    (INSTANCE, "ListFiles"): ["", "true"],
    (INSTANCE, "OpenFile"): ["srcds_run", ""],
    (OVERLAY, "Import"): ["{}"],
    (OVERLAY, "ListFiles"): ["", "0"],
    (OVERLAY, "PutFile"): ["left4dead2/intruder", "{}"],
    (OVERLAY, "RemoveFiles"): ["['left4dead2/layer.txt']"],
    (OVERLAY, "OpenFile"): ["left4dead2/layer.txt", "0"],
    (OVERLAY, "Diff"): ["1", "0"],
    (OVERLAY, "Rename"): ["intruder"],
    (OVERLAY, "Build"): ["{}"],
    (OVERLAY, "SetSource"): ["echo intruder"],
    (OVERLAY, "SetItems"): ["['2031028789']"],
    (OVERLAY, "Pin"): ["2031028789", "true"],
    (OVERLAY, "SetApp"): ["222860", "public"],
    (OVERLAY, "Rollback"): ["1"],
    (OVERLAY, "SetKeepVersions"): ["5"],
    (JOB, "OpenLog"): ["{}"],
    (QOS, "SetMarking"): ["false"],
    (QOS, "SetShaper"): ["lo", "{'Bandwidth': <uint64 1000000>}"],
    (QOS, "ClearShaper"): ["lo"],
    (SHIELD, "Configure"): ["{'Mode': <'off'>}"],
    (CPUS, "Set"): ["[uint32 0]"],
}


def contract():
    """Of every interface of ours: its name and its element."""
    for path in sorted(glob.glob(INTERFACES)):
        for interface in ElementTree.parse(path).getroot().iter("interface"):
            yield interface.get("name"), interface


class Denied(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()
        host.make_overlay("maps", host.layer("maps"))
        ctl("create", "running", "--game", "game")
        ctl("create", "stopped", "--game", "game")
        follow.start("running")

    def setUp(self):
        self.watch = self.enterContext(follow.Watch())
        self.job = self.begin_import()
        self.paths = {
            MANAGER: [host.ROOT_PATH],
            INSTANCE: [host.path_of("instance", n) for n in ("running", "stopped")],
            OVERLAY: [host.path_of("overlay", n) for n in ("game", "maps", "slow")],
            QOS: [host.ROOT_PATH + "/qos"],
            SHIELD: [host.ROOT_PATH + "/shield"],
            JOB: [host.path_of("job", n) for n in (self.job, host.ctl_json("job", "list")[-1]["job"])],
            CPUS: [host.ROOT_PATH + "/cpus"],
            SLICE: [host.path_of("slice", n) for n in ("game", "build", "system", "user")],
        }

    def begin_import(self):
        """An upload that is under way as long as the test; the number of its job."""
        ctl("overlay", "create", "slow", "--kind", "files")
        self.addCleanup(ctl, "overlay", "delete", "--yes", "slow")
        reader, writer = os.pipe()
        upload = subprocess.Popen(["left4mectl", "overlay", "import", "slow", "-"], stdin=reader, stdout=-1, stderr=-1)
        os.close(reader)
        self.addCleanup(upload.communicate)
        self.addCleanup(os.close, writer)
        index = self.watch.wait(lambda e: e["type"] == "job" and e.get("properties", {}).get("message") == "unpacks the archive",
                                "the upload")
        return self.watch.lines[index]["name"]

    def call(self, user, interface, method, path, *options):
        arguments = [str(self.job) if a == "JOB" else a for a in ARGUMENTS.get((interface, method), [])]
        command = ["gdbus", "call", "--system", *options, "--dest", host.BUS_NAME, "--object-path", path,
                   "--method", f"{interface}.{method}", "--", *arguments]
        result = host.run(*command, user=user, check=False)
        return result, host.error_name(result.err)

    def test_every_method_of_the_contract(self):
        before = host.managed_objects()
        walked = denied = 0
        for interface, element in contract():
            for method in element.iter("method"):
                key = interface, method.get("name")
                wanted = [a for a in method.iter("arg") if a.get("direction") == "in"]
                self.assertEqual(len(ARGUMENTS.get(key, [])), len(wanted), f"arguments for {key}")
                walked += 1
                denied += key not in PUBLIC
                for path in self.paths[interface]:
                    for user in NOBODIES:
                        self.check_method(user, key, path)
        print(f"{walked} methods walked, {denied} of them denied", flush=True)
        self.assertGreater(denied, 15)
        self.assertEqual(host.managed_objects(), before)

    def check_method(self, user, key, path):
        with self.subTest(method=".".join(key), path=path, user=user):
            for options in ([], ["--interactive"]):
                result, error = self.call(user, *key, path, *options)
                if key in PUBLIC:
                    self.assertEqual(error, "", result.err)
                else:
                    self.assertIn(error, DENIED, str(result))
                    self.assertIn("left4me-admin", result.err)

    def test_no_property_can_be_set(self):
        before = host.managed_objects()
        for interface, element in contract():
            for prop in element.iter("property"):
                self.assertEqual(prop.get("access"), "read")
                with self.subTest(prop.get("name")):
                    error, _ = host.call_error(self.paths[interface][0], "org.freedesktop.DBus.Properties.Set", interface,
                                               prop.get("name"), "<'intruder'>", user=host.GUEST)
                    self.assertIn(error, DENIED | {"org.freedesktop.DBus.Error.PropertyReadOnly"})
        self.assertEqual(host.managed_objects(), before)


class Emitter(wire.Bus):
    @classmethod
    def of(cls, user):
        """A connection that the bus takes for that user's."""
        entry = pwd.getpwnam(user)
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
        try:
            return cls()
        finally:
            os.seteuid(0)
            os.setegid(0)

    def emit(self, destination, path, interface, member, signature, *values):
        """A signal to one connection alone."""
        self.serial += 1
        body = bytes(wire.Writer().write_all(signature, values).data)
        fields = [(1, wire.V("o", path)), (2, wire.V("s", interface)), (3, wire.V("s", member)), (6, wire.V("s", destination)),
                  (8, wire.V("g", signature))]
        head = wire.Writer().write_all("yyyyuua(yv)", (ord("l"), wire.SIGNAL, 0, 1, len(body), self.serial, fields))
        head.pad(8)
        self.socket.sendall(bytes(head.data) + body)


class Forged(host.Case):
    """Anybody may send a signal to anybody: the manager must believe systemd alone."""

    @classmethod
    def setup_class(cls):
        host.make_game()

    def emit(self, path, interface, signal, signature, *values):
        self.bus.emit(self.manager, path, interface, signal, signature, *values)

    def forge(self, name, state, job=1):
        """What systemd would say if the units of a server were in that state and their job done."""
        for unit in (host.server_unit(name), host.mount_unit(name)):
            path = "/org/freedesktop/systemd1/unit/" + wire.encode(unit)
            for interface, changed in (("Unit", {"ActiveState": wire.V("s", state), "SubState": wire.V("s", "dead")}),
                                       ("Service", {"MainPID": wire.V("u", 1), "NRestarts": wire.V("u", 99)})):
                self.emit(path, wire.PROPERTIES, "PropertiesChanged", "sa{sv}as", f"org.freedesktop.systemd1.{interface}", changed, [])
            self.emit(SYSTEMD, SYSTEMD_MANAGER, "JobRemoved", "uoss", job, f"{SYSTEMD}/job/{job}", unit, "done")
            self.emit(SYSTEMD, SYSTEMD_MANAGER, "UnitRemoved", "so", unit, path)

    def usurp(self, *owners):
        """What the bus would say if systemd had gone, or were somebody else."""
        for owner in owners:
            self.emit("/org/freedesktop/DBus", wire.BUS, "NameOwnerChanged", "sss", "org.freedesktop.systemd1", ":1.0", owner)

    def setUp(self):
        self.manager = host.unique_name()
        self.bus = self.enterContext(Emitter.of(host.GUEST))

    def test_signals_about_a_running_server_change_nothing(self):
        self.server("one")
        follow.start("one")
        with follow.Watch(host.GUEST) as watch:
            watch.wait(lambda e: (e["type"], e["name"]) == ("instance", "one"), "the server")
            before, seen = host.managed_objects(), len(watch.lines)
            for owner in (None, "", self.bus.name):
                if owner is not None:
                    self.usurp(owner)
                for state in ("inactive", "failed", "activating"):
                    self.forge("one", state)
            self.bus.call(*wire.MANAGER, "ListInstances")
            self.assertEqual(host.managed_objects(), before)
            ctl("configure", "one", "--autostart")
            index = watch.wait(lambda e: e.get("properties", {}).get("autostart"), "the change that is real", seen)
            self.assertEqual([e["name"] for e in watch.lines[seen:index] if e["type"] == "instance"], [])
        self.assertEqual(host.show(host.server_unit("one"), "ActiveState"), "active")

    def test_signals_do_not_end_a_stop_early(self):
        self.server("one", "--", "+standin_ignore_sigint")
        follow.start("one")
        with follow.Watch() as watch:
            stop = host.begin("left4mectl", "stop", "one")
            watch.wait_state("one", "deactivating")
            self.usurp(self.bus.name)
            for line in host.run("systemctl", "list-jobs", "--no-legend").out.splitlines():
                self.forge("one", "inactive", int(line.split()[0]))
            self.bus.call(*wire.MANAGER, "ListInstances")
            self.assertEqual(host.status("one")["active_state"], "deactivating")
            self.assertIsNone(stop.poll())
            host.run("systemctl", "kill", "--signal=KILL", host.server_unit("one"))
            self.assertEqual(host.finish(stop).code, 0)
        self.assertEqual(host.mounts(host.merged("one")), [])
