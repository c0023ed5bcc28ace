# SPDX-License-Identifier: LGPL-2.1-or-later
"""What D-Bus tools show: the documented names, and every change of state as a signal."""

import glob
import json
import os
import random
import re
import signal
import unittest
import xml.etree.ElementTree as ElementTree

import follow
import ground
import host
import wire
from ground import INSTANCE, JOB, OVERLAY, V

SEED = int(os.environ.get("LEFT4ME_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
STEPS = int(os.environ.get("LEFT4ME_STEPS", "40"))
XML = "/usr/share/dbus-1/interfaces"
GAME, LAYER, SERVER = "is-game", "is-layer", "is-one"


def documented(interface):
    """{(kind, name): (signature in, signature out)} of the XML that the package installs."""
    (node,) = ElementTree.parse(f"{XML}/{interface}.xml").findall("interface")
    members = {}
    for method in node.findall("method"):
        sides = {"in": "", "out": ""}
        for argument in method.findall("arg"):
            sides[argument.get("direction", "in")] += argument.get("type")
        members["method", method.get("name")] = sides["in"] or "-", sides["out"] or "-"
    for prop in node.findall("property"):
        members["property", prop.get("name")] = prop.get("type"), None
    for told in node.findall("signal"):
        members["signal", told.get("name")] = "".join(a.get("type") for a in told.findall("arg")) or "-", "-"
    return members


class Based(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.g = g = ground.Ground()
        cls.addClassCleanup(g.close)
        g.clear()
        cls.addClassCleanup(g.clear)
        g.make_overlay(GAME, "game.tar.zst")
        g.make_overlay(LAYER, "maps.zip")
        g.create(SERVER, Game=GAME, Overlays=[LAYER])

    def paths(self):
        """One object of each kind: {interface: path}."""
        found = {wire.NAME: wire.ROOT}
        for path, (interface, _) in self.g.objects().items():
            found.setdefault(interface, path)
        self.assertEqual(set(found), {os.path.basename(path)[:-len(".xml")] for path in glob.glob(f"{XML}/{wire.NAME}*.xml")})
        return found


class Shown(Based):
    def test_busctl_introspect(self):
        for interface, path in self.paths().items():
            shown, inside = {}, None
            for line in host.run("busctl", "introspect", wire.NAME, path).out.splitlines()[1:]:
                name, kind, signature, result = line.split()[:4]
                if kind == "interface":
                    inside = name
                elif inside == interface:
                    shown[kind, name.removeprefix(".")] = signature, None if kind == "property" else result
            with self.subTest(interface=interface):
                self.assertEqual(set(shown.items()), set(documented(interface).items()))

    def test_gdbus_introspect(self):
        for interface, path in self.paths().items():
            text = host.run("gdbus", "introspect", "--system", "--dest", wire.NAME, "--object-path", path).out
            block = text[text.index(f"interface {interface} {{"):]
            block = block[:block.index("\n  };")]
            shown = {("method", n) for n in re.findall(r"^      (\w+)\(", block, re.MULTILINE)}
            shown |= {("property", n) for n in re.findall(r"^      readonly \S+ (\w+) =", block, re.MULTILINE)}
            with self.subTest(interface=interface):
                self.assertEqual(shown, set(documented(interface)))

    def test_every_object_is_found_by_walking(self):
        """From the root, as a tool with a tree of objects does it."""
        def walk(path):
            (text,) = self.g.call(wire.NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect")
            node = ElementTree.fromstring(text)
            if any(i.get("name").startswith(wire.NAME) for i in node.findall("interface")):
                yield path
            for child in node.findall("node"):
                yield from walk(f"{path.rstrip('/')}/{child.get('name')}")
        self.assertEqual(set(walk("/")), {wire.ROOT, *self.g.objects()})


class BusMonitor(follow.Lines):
    """`busctl monitor`: the signals of the manager, as (path, member, arguments)."""

    def __init__(self):
        super().__init__("busctl", "monitor", "--json=short", f"--match=type='signal',sender='{wire.NAME}'")

    def ready(self, poke):
        """It does not say when it has begun: pokes the manager to send a signal until one is seen."""
        while True:
            poke()
            try:
                self.wait(lambda line: True, "a first signal", seconds=0.2)
            except AssertionError:
                continue
            self.lines.clear()
            return

    def take(self, line):
        message = json.loads(line)
        return message.get("path"), message.get("member"), message.get("payload", {}).get("data")

    def values(self, path, name):
        """What PropertiesChanged said of a property, one after the other; equal neighbours once."""
        values = []
        for where, member, data in self.lines:
            if (where, member) == (path, "PropertiesChanged") and name in data[1] and values[-1:] != [data[1][name]["data"]]:
                values.append(data[1][name]["data"])
        return values

    def until(self, path, name, value):
        self.wait(lambda line: line[:2] == (path, "PropertiesChanged") and line[2][1].get(name, {}).get("data") == value,
                  f"{path} {name} {value}", self.seen)
        self.seen = len(self.lines)

    seen = 0


class Monitored(Based):
    def toggle(self):
        for value in (True, False):
            self.g.instance(SERVER, "SetAutostart", "b", value)

    def test_busctl_monitor(self):
        server, overlay = wire.instance_path(SERVER), wire.overlay_path(LAYER)
        with BusMonitor() as monitor:
            monitor.ready(self.toggle)
            self.g.instance(SERVER, "Start")
            monitor.until(server, "ActiveState", "active")
            os.kill(self.g.get(wire.NAME, server, INSTANCE, "MainPID"), signal.SIGKILL)
            monitor.until(server, "ActiveState", "active")
            self.g.instance(SERVER, "Stop")
            monitor.until(server, "ActiveState", "inactive")
            state, message = self.g.import_bytes(LAYER, host.archive({"left4dead2/x.txt": b"x" * 100000}))
            self.assertEqual(state, "succeeded", message)
            monitor.until(overlay, "State", "ready")
            # a last signal, behind which nothing can still come
            self.g.instance(SERVER, "SetAutostart", "b", True)
            monitor.until(server, "Autostart", True)
            self.g.instance(SERVER, "SetAutostart", "b", False)
            monitor.until(server, "Autostart", False)

        states = monitor.values(server, "ActiveState")
        # systemd itself passes through "failed" and "deactivating" on the way to a restart or to the end
        self.assertEqual([s for s in states if s not in ("deactivating", "failed")],
                         ["activating", "active", "activating", "active", "inactive"])
        self.assertIn("auto-restart", monitor.values(server, "SubState"))
        self.assertEqual(monitor.values(server, "Restarts")[0], 1)
        pids = monitor.values(server, "MainPID")
        self.assertEqual(pids[-1], 0)
        self.assertGreaterEqual(len(set(pids) - {0}), 2, "the first process and the one after the crash")
        self.assertEqual([bool(v) for v in monitor.values(server, "LayersInUse")], [True, False])
        self.assertIn("signal", [e[0] for e in monitor.values(server, "LastExit")])
        self.assertEqual(monitor.values(overlay, "State"), ["building", "ready"])
        self.assertEqual(monitor.values(overlay, "Current"), [2])
        (job,) = [d[0] for _, member, d in monitor.lines if member == "InterfacesAdded" and "/job/" in d[0]]
        self.assertEqual(monitor.values(job, "State"), ["running", "succeeded"])
        self.assertEqual(monitor.values(server, "UpdatePending")[-1:], [], "nothing runs that could be behind")
        self.assertEqual({m for _, m, _ in monitor.lines} - {"PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"}, set())


class Mirror:
    """What GetManagedObjects() said once, kept up to date by signals alone."""

    def __init__(self):
        self.bus = wire.Bus()
        self.bus.match(f"type='signal',sender='{wire.NAME}'")
        self.objects = self.fresh()

    def fresh(self):
        return self.bus.call(wire.NAME, wire.ROOT, wire.OBJECT_MANAGER, "GetManagedObjects")[0]

    def follow(self):
        """With the answer of a call, all signals that were sent before it are here."""
        now = self.fresh()
        while self.bus.signals:
            self.take(self.bus.signals.popleft())
        return now

    def take(self, message):
        values = message.values()
        if message.member == "InterfacesAdded":
            self.objects.setdefault(values[0], {}).update(values[1])
        elif message.member == "InterfacesRemoved":
            for interface in values[1]:
                self.objects[values[0]].pop(interface, None)
            if not self.objects[values[0]]:
                del self.objects[values[0]]
        elif message.member == "PropertiesChanged" and values[0].startswith(wire.NAME + "."):
            if values[2]:
                raise AssertionError(f"{message.path}: {values[2]} changed, and it is not said to what")
            self.objects[message.path][values[0]].update(values[1])


def flat(objects):
    """What there is of ours: {(path, property): value}."""
    return {(path, name): value for path, interfaces in objects.items() for interface, properties in interfaces.items()
            if interface.startswith(wire.NAME) for name, value in {"": "is there", **properties}.items()}


class RandomTour(Based):
    def setUp(self):
        self.random = random.Random(SEED)

    def some(self, interface):
        found = sorted(p["Name"] for p in self.g.of(interface) if p["Name"] not in (GAME, LAYER))
        return self.random.choice(found) if found else None

    def step(self, number):
        """Asks for something; whether it can be done does not matter here."""
        g, name, overlay = self.g, self.some(INSTANCE) or SERVER, self.some(OVERLAY) or LAYER
        verb = self.random.choice((*["Start"] * 3, "Stop", "Restart", "Reset", "Rename", "Clone", "Configure", "Delete", "crash",
                                   "CreateInstance", "CreateOverlay", *["Import"] * 2, "DeleteOverlay", "SetOverlays", "Cancel"))
        new = f"is-r{number}"
        if verb in ("Start", "Stop", "Restart", "Reset", "Delete"):
            return g.post_instance(name, verb)
        if verb == "Rename":
            return g.post_instance(name, verb, "s", new)
        if verb == "Clone":
            return g.post_instance(name, verb, "sa{sv}", new, {})
        if verb == "Configure":
            return g.post_instance(name, verb, "a{sv}", {"Autostart": V("b", self.random.random() < 0.5)})
        if verb == "SetOverlays":
            return g.post_instance(name, verb, "as", self.random.choice(([], [LAYER], [overlay])))
        if verb == "CreateInstance":
            return g.post(*wire.MANAGER, verb, "sa{sv}", new, {"Game": V("s", GAME)})
        if verb == "CreateOverlay":
            return g.post(*wire.MANAGER, verb, "ssa{sv}", new, "files", {})
        if verb == "Import":
            return g.post_import(overlay)
        if verb == "DeleteOverlay":
            return g.post(wire.NAME, wire.overlay_path(overlay), OVERLAY, "Delete")
        if verb == "Cancel":
            return g.post(wire.NAME, self.random.choice([p for p, o in g.objects().items() if o[0] == JOB]), JOB, "Cancel")
        host.run("systemctl", "kill", "--signal=KILL", host.server_unit(name), check=False)
        return None

    def take(self, serial):
        try:
            values = self.g.wait(serial)
        except wire.BusError as error:
            self.assertRegex(error.name, r"^org\.left4me\.Manager1\.Error\.")
            return
        if len(values) == 2:
            ground.Upload(values[1], host.archive({f"left4dead2/{serial}.txt": os.urandom(70000)}))

    def test_objects_come_and_go_whole(self):
        """The interfaces that InterfacesAdded and InterfacesRemoved tell of are those that GetManagedObjects has: a client that
        keeps objects until their last interface goes is left with none."""
        mirror, path = Mirror(), wire.overlay_path("is-short")
        self.addCleanup(mirror.bus.close)
        self.g.manager("CreateOverlay", "ssa{sv}", "is-short", "files", {})
        self.assertEqual(set(mirror.follow()[path]), set(mirror.objects[path]), "added")
        mirror.objects = mirror.fresh()
        self.g.do(self.g.call(wire.NAME, path, OVERLAY, "Delete")[0])
        self.assertNotIn(path, mirror.follow())
        self.assertNotIn(path, mirror.objects, "removed")

    def test_signals_are_enough(self):
        print(f"LEFT4ME_SEED={SEED}", flush=True)
        mirror = Mirror()
        self.addCleanup(mirror.bus.close)
        pending = []
        for number in range(STEPS):
            serial = self.step(number)
            if serial:
                pending.append(serial)
            # sometimes several calls are under way
            while len(pending) > self.random.randrange(4):
                self.take(pending.pop(0))
        for serial in pending:
            self.take(serial)
        self.assertEqual(ground.settle(self.g, 60), [], f"seed {SEED}")
        now = flat(mirror.follow())
        told = flat(mirror.objects)
        different = {key: (told.get(key, "nothing"), now.get(key, "nothing")) for key in {*told, *now}
                     if told.get(key) != now.get(key)}
        self.assertEqual(different, {}, f"what signals told, and what is; seed {SEED}")


if __name__ == "__main__":
    unittest.main()
