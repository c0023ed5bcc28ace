# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests stand on: a connection that hears everything, overlays with content, and the truth to compare the bus with."""

import os
import re
import threading
import time

import host
import wire

STATE = host.LIBRARY
JOBS = "/run/left4me/jobs"
INSTANCE, OVERLAY, JOB = (f"{wire.NAME}.{word}" for word in ("Instance", "Overlay", "Job"))
V = wire.V
NOT_THERE = tuple(f"org.freedesktop.DBus.Error.{word}" for word in ("ServiceUnknown", "NameHasNoOwner", "Spawn."))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def names(path):
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


class Ground(wire.Bus):
    """A client of the manager and of systemd that is told of every change."""

    def __init__(self):
        super().__init__()
        self.subscribe()
        self.match("type='signal',sender='org.freedesktop.systemd1'")
        self.match(f"type='signal',sender='{wire.NAME}'")
        self.match(f"type='signal',member='NameOwnerChanged',arg0='{wire.NAME}'")

    def subscribe(self, timeout=60):
        """After a restart of the bus systemd takes a moment to come back to it."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.call(*wire.SYSTEMD, "Subscribe")
            except wire.BusError as error:
                # names begin anew then, and we are taken for an older client
                if error.name == "org.freedesktop.systemd1.AlreadySubscribed":
                    return
                if not error.name.startswith(NOT_THERE) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def until(self, predicate, timeout=60, what="it"):
        """Waits until predicate() is true, which is asked again at each signal (and each second, for what has none)."""
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what() if callable(what) else what}: not within {timeout} s")
            self.signals.clear()
            self.next_signal(1)
        return result

    def manager(self, member, *arguments, **options):
        return self.call(*wire.MANAGER, member, *arguments, **options)

    def instance(self, name, member, *arguments, **options):
        return self.call(wire.NAME, wire.instance_path(name), INSTANCE, member, *arguments, **options)

    def post_instance(self, name, member, *arguments):
        return self.post(wire.NAME, wire.instance_path(name), INSTANCE, member, *arguments)

    def objects(self):
        """GetManagedObjects() without the interfaces that every object has: {path: (interface, properties)}."""
        (found,) = self.call(wire.NAME, wire.ROOT, wire.OBJECT_MANAGER, "GetManagedObjects")
        return {path: next((i, p) for i, p in interfaces.items() if i.startswith(wire.NAME))
                for path, interfaces in found.items()}

    def of(self, interface):
        return [properties for kind, properties in self.objects().values() if kind == interface]

    def unit_property(self, unit, name, kind="Service"):
        (path,) = self.call(*wire.SYSTEMD, "LoadUnit", "s", unit)
        return self.get(wire.SYSTEMD[0], path, f"org.freedesktop.systemd1.{kind}", name)

    def manager_pid(self):
        return self.unit_property("left4med.service", "MainPID")

    def job_end(self, path, timeout=120):
        """Waits for the end of a job: its state and its message."""
        def ended():
            job = self.get_all(wire.NAME, path, JOB)
            return job["State"] not in ("queued", "running") and job
        job = self.until(ended, timeout, f"the end of {path}")
        return job["State"], job["Message"]

    def do(self, path):
        state, message = self.job_end(path)
        if state != "succeeded":
            raise AssertionError(f"{path}: {state}, {message}")
        return message

    def post_import(self, overlay, **options):
        return self.post(wire.NAME, wire.overlay_path(overlay), OVERLAY, "Import", "a{sv}", options)

    def import_bytes(self, overlay, data):
        path, pipe = self.wait(self.post_import(overlay))
        Upload(pipe, data).join()
        return self.job_end(path)

    def make_overlay(self, name, *archives):
        """An overlay with the content of these files of tests/srcds, made if it is not there."""
        if wire.overlay_path(name) in self.objects():
            return
        self.manager("CreateOverlay", "ssa{sv}", name, "files", {})
        for archive in archives:
            with open(os.path.join(host.CONTENT, archive), "rb") as file:
                state, message = self.import_bytes(name, file.read())
            if state != "succeeded":
                raise AssertionError(f"import of {archive}: {message}")

    def create(self, name, **settings):
        kinds = {"Port": "q", "Game": "s", "Overlays": "as", "Arguments": "as", "Cvars": "a{ss}", "Lines": "as",
                 "Autostart": "b"}
        return self.manager("CreateInstance", "sa{sv}", name, {k: V(kinds[k], v) for k, v in settings.items()})[0]

    def clear(self):
        """Removes every instance and overlay, whatever a broken test left."""
        for path, (kind, job) in self.objects().items():
            if kind == JOB and job["State"] in ("queued", "running"):
                try:
                    self.call(wire.NAME, path, JOB, "Cancel")
                except wire.BusError:
                    self.job_end(path)
        host.run("systemctl", "reset-failed", "left4me-*@*.service", check=False)
        host.wipe()


class Upload(threading.Thread):
    """Writes an archive into the pipe of an import, all at once or in pieces; a job that ended early is no error."""

    def __init__(self, fd, data, piece=0, pause=0.0):
        super().__init__(daemon=True)
        self.fd, self.data, self.piece, self.pause = fd, data, piece or len(data), pause
        self.start()

    def run(self):
        pause = threading.Event()
        try:
            with open(self.fd, "wb", buffering=0) as pipe:
                for at in range(0, len(self.data), self.piece):
                    pipe.write(self.data[at:at + self.piece])
                    _ = self.pause and pause.wait(self.pause)
        except BrokenPipeError:
            pass


# -- the truth ---------------------------------------------------------------------------------------------------


def mounted_stacks():
    """What mountinfo says is mounted below the state folder: {name of the runtime folder: [(overlay, version)]}."""
    stacks = {}
    for line in read("/proc/self/mountinfo").splitlines():
        target, options = line.split()[4], line.split()[-1]
        found = re.fullmatch(STATE + r"/runtime/([^/]+)/merged", target)
        if found:
            layers = re.findall(r"lowerdir\+=[^,]*?([^/,=]+)/versions/(\d+)", options)
            stacks[found[1]] = [(overlay, int(version)) for overlay, version in layers]
        elif target.startswith(STATE + "/runtime/"):
            stacks.setdefault(target.split("/")[5], [])
    return stacks


def loaded_units():
    """{unit: active state} of all units of ours that systemd has in memory."""
    lines = host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "left4me-*@*.service").out.splitlines()
    return {line.split()[0]: line.split()[2] for line in lines}


def unit_states(servers):
    """{name: properties} of the servers' units as systemctl shows them."""
    if not servers:
        return {}
    units = [f"left4me-server@{name}.service" for name in servers]
    text = host.run("systemctl", "show", "--property=ActiveState,SubState,MainPID,NRestarts", *units).out
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return dict(zip(servers, blocks))


def lies_about_instances(instances):
    lies, mounts = [], mounted_stacks()
    states = unit_states([i["Name"] for i in instances])
    for i in instances:
        name, unit = i["Name"], states[i["Name"]]
        told = {"ActiveState": i["ActiveState"], "SubState": i["SubState"], "MainPID": str(i["MainPID"])}
        if unit["ActiveState"] != "inactive":
            told["NRestarts"] = str(i["Restarts"])
        lies += [f"{name}: {k} is {v}, systemctl says {unit[k]}" for k, v in told.items() if v != unit[k]]
        mounted = mounts.pop(f"server-{name}", [])
        if i["LayersInUse"] != mounted:
            lies.append(f"{name}: LayersInUse is {i['LayersInUse']}, mountinfo says {mounted}")
        if unit["ActiveState"] in ("inactive", "failed") and mounted:
            lies.append(f"{name}: is {unit['ActiveState']} and still mounted")
    return lies + [f"runtime/{name} is mounted and nobody's" for name in mounts]


def lies_about_overlays(overlays, instances):
    lies = []
    for o in overlays:
        name, versions = o["Name"], [v[0] for v in o["Versions"]]
        disk = sorted(int(n) if n.isdigit() else -1 for n in names(f"{STATE}/overlays/{name}/versions") if not
                      n.endswith(".info"))
        users = sorted(i["Name"] for i in instances if name == i["Game"] or name in i["Overlays"])
        if versions != disk:
            lies.append(f"overlay {name}: Versions are {versions}, on disk {disk}")
        if o["Current"] not in (versions or [0]):
            lies.append(f"overlay {name}: Current is {o['Current']} of {versions}")
        if o["State"] != ("ready" if versions else "empty"):
            lies.append(f"overlay {name}: State is {o['State']}")
        if o["UsedBy"] != users:
            lies.append(f"overlay {name}: UsedBy is {o['UsedBy']}, should be {users}")
    return lies


def orphans(instances, overlays, jobs):
    known = {i["Name"] for i in instances}
    left = [f"builds/{n}" for n in names(f"{STATE}/builds")]
    left += [f"instances/{n}" for n in names(f"{STATE}/instances") if n not in known]
    left += [f"uppers/{n}" for n in names(f"{STATE}/uppers") if n not in known]
    left += [f"overlays/{n}" for n in names(f"{STATE}/overlays") if n not in {o["Name"] for o in overlays}]
    left += [f"runtime/{n}" for n in names(f"{STATE}/runtime") if n.removeprefix("server-") not in known]
    left += [f"{JOBS}/{n}" for n in names(JOBS) if n.isdigit()]
    left += [f"{unit} is {active}" for unit, active in loaded_units().items()
             if re.match(r"left4me-(build|script|steam|workshop|tree)@|left4me-overlay@build-", unit) and active != "inactive"]
    left += [f"{unit} is {active}" for unit, active in loaded_units().items()
             if (found := re.match(r"left4me-(?:server@|overlay@server-)(.*)\.service", unit)) and found[1] not in known
             and active != "inactive"]
    left += [f"job {j['Kind']} {j['Subject']} is {j['State']}: {j['Message']}" for j in jobs
             if j["State"] in ("queued", "running")]
    return [f"left over: {what}" for what in left]


def lies(ground):
    """In what the bus differs from systemd, mountinfo and the disk, and what lies around. Empty when nothing is under way."""
    objects = ground.objects().values()
    instances, overlays, jobs = ([p for kind, p in objects if kind == k] for k in (INSTANCE, OVERLAY, JOB))
    return (lies_about_instances(instances) + lies_about_overlays(overlays, instances) +
            orphans(instances, overlays, jobs))


def settle(ground, timeout=60):
    """Waits until the bus tells the truth and everything is tidy; returns what is wrong after that time."""
    wrong = ["nothing was looked at"]

    def truthful():
        nonlocal wrong
        wrong = lies(ground)
        return not wrong
    try:
        ground.until(truthful, timeout)
    except AssertionError:
        pass
    return wrong
