# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to be true after whatever has happened. ground.lies() compares the bus with systemd, mounts and directories;
this adds the database and what versions are made of."""

import os
import shutil
import sqlite3
import tempfile

import ground
import wire
from ground import INSTANCE, JOB, OVERLAY, STATE

DATABASE = f"{STATE}/manager/left4me.db"
LOST = ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.Disconnected")
SETTINGS = ("Port", "Game", "Overlays", "Arguments", "Lines", "Cvars", "Autostart")


def rows(db, query, *arguments):
    return db.execute(query, arguments).fetchall()


def marks():
    """Of the files of the database: other ones whenever something was written to one of them."""
    found = []
    for name in DATABASE, DATABASE + "-wal":
        try:
            info = os.stat(name)
            found.append((name, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns))
        except FileNotFoundError:
            pass
    return found


def copy_database(folder):
    """Both files of one moment: what is checkpointed between the two copies would be in neither."""
    before = None
    while before != (before := marks()):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        for name, *_ in before:
            try:
                shutil.copy(name, folder)
            except FileNotFoundError:
                pass


def stored():
    """What a restarted left4med would know, read from a copy: our own locks and files must not come into its way."""
    with tempfile.TemporaryDirectory() as folder:
        copy_database(folder)
        db = sqlite3.connect(os.path.join(folder, "left4me.db"))
        try:
            if rows(db, "PRAGMA integrity_check") != [("ok",)]:
                raise AssertionError("the database is damaged")
            return {"instances": {name: stored_settings(db, key) for key, name in rows(db, "SELECT id, name FROM instances")},
                    "overlays": {name: (current, keep, stored_versions(db, key))
                                 for key, name, current, keep in rows(db, "SELECT id, name, current, keep FROM overlays")},
                    "jobs": dict(rows(db, "SELECT id, state FROM jobs"))}
        finally:
            db.close()


def stored_versions(db, key):
    return rows(db, "SELECT number, created, size, files, label FROM versions WHERE overlay = ? ORDER BY number", key)


def stored_settings(db, key):
    (port, game, arguments, lines, autostart), = rows(
        db, "SELECT port, (SELECT name FROM overlays WHERE id = game), arguments, lines, autostart FROM instances"
            " WHERE id = ?", key)
    overlays = [name for name, in rows(db, "SELECT name FROM layers JOIN overlays ON overlay = overlays.id"
                                           " WHERE instance = ? ORDER BY position", key)]
    return {"Port": port, "Game": game, "Overlays": overlays, "Arguments": arguments.split("\n")[:-1],
            "Lines": lines.split("\n")[:-1], "Cvars": dict(rows(db, "SELECT name, value FROM cvars WHERE instance = ?", key)),
            "Autostart": bool(autostart)}


def told(g):
    """The same from the bus."""
    objects = g.objects()
    names = [p["Name"] for kind, p in objects.values() if kind == INSTANCE]
    settings = {name: g.instance(name, "GetSettings")[0] for name in names}
    return {"instances": {name: {key: s[key] for key in SETTINGS} for name, s in settings.items()},
            "overlays": {p["Name"]: (p["Current"], p["KeepVersions"], [tuple(v) for v in p["Versions"]])
                         for kind, p in objects.values() if kind == OVERLAY},
            "jobs": {int(path.rpartition("/")[2].removeprefix("_3")): p["State"] for path, (kind, p) in objects.items() if kind == JOB}}


def differences(g, with_jobs):
    """Between the bus and the database."""
    bus, disk = told(g), stored()
    found = []
    for what in ("instances", "overlays") + (("jobs",) if with_jobs else ()):
        for name in sorted(set(bus[what]) | set(disk[what])):
            if bus[what].get(name) != disk[what].get(name):
                found.append(f"{what} {name}: the bus says {bus[what].get(name)}, the database {disk[what].get(name)}")
    return found


def settle(g):
    """ground.settle() for a left4med that may be killed while it is asked; it has to come back by itself."""
    for _ in range(3):
        g.until(lambda: g.call(wire.BUS, "/org/freedesktop/DBus", wire.BUS, "NameHasOwner", "s", wire.NAME)[0],
                what="left4med is back")
        try:
            return ground.settle(g)
        except wire.BusError as error:
            if error.name not in LOST:
                raise
    raise AssertionError("left4med dies again and again")


def complaints(g, world, with_jobs=True):
    """All that is wrong once everything has come to rest; empty when all is well."""
    wrong = settle(g)
    if wrong:
        return wrong
    overlays = [p for kind, p in g.objects().values() if kind == OVERLAY]
    return differences(g, with_jobs) + world.complaints(overlays)
