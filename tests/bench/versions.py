# SPDX-License-Identifier: LGPL-2.1-or-later
"""What versions cost: the commit of a large tree in which one file changed, and one large overlay under many servers."""

import contextlib
import os
import pwd
import shutil
import statistics
import subprocess
import time

import ground
import host
import wire
from measure import GAME, GIB, KIB, MIB, STATE, give, median_ms, say, take_turns, timed, verdict

# numbers and names that no manager gives
BUILD, JOB = 999990, 999991
TREE, ROOM = "bench-tree", "bench-room"
HELPER = "/usr/libexec/left4me/left4me-tree"
FOLDERS, FILES_EACH = 400, 50
CHANGED = b"changed\n" * KIB


# -- a commit ----------------------------------------------------------------------------------------------------


def make_tree(top):
    for n in range(FOLDERS):
        folder = f"{top}/left4dead2/{n % 20}/{n}"
        os.makedirs(folder)
        for k in range(FILES_EACH):
            with open(f"{folder}/{k}.txt", "wb") as file:
                file.write(b"%d %d\n" % (n, k) * 100)


def user_ids():
    entry = pwd.getpwnam("left4me")
    return entry.pw_uid, entry.pw_gid


def ended(*command):
    """Of a command of left4me's user: seconds, seconds of CPU, bytes that it wrote into files, and bytes that it made the disk
    write, names and inodes too: wchar and write_bytes of /proc/PID/io, before it is reaped."""
    uid, gid = user_ids()
    begin = time.monotonic()
    process = subprocess.Popen(command, user=uid, group=gid, extra_groups=[gid], stdin=subprocess.DEVNULL, cwd="/")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    took = time.monotonic() - begin
    io = dict(line.split(": ") for line in ground.read(f"/proc/{process.pid}/io").splitlines())
    _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime, int(io["wchar"]), int(io["write_bytes"])


class Tree:
    """Version 1 of an overlay that the manager does not know of, and builds of it."""

    def __init__(self):
        self.versions, self.build, self.job = f"{STATE}/overlays/{TREE}/versions", f"{STATE}/builds/{BUILD}", f"/run/left4me/jobs/{JOB}"
        self.number = 1
        make_tree(f"{self.versions}/1")
        give(f"{STATE}/overlays/{TREE}", *user_ids())
        os.mkdir(self.job, 0o750)

    def remove(self):
        for path in (f"{STATE}/overlays/{TREE}", self.build, self.job):
            shutil.rmtree(path, ignore_errors=True)

    def prepare(self):
        """What a build leaves that changed one file."""
        shutil.rmtree(self.build, ignore_errors=True)
        folder = f"{self.build}/upper/left4dead2/7/7"
        os.makedirs(folder)
        with open(f"{folder}/7.txt", "wb") as file:
            file.write(CHANGED + b"%d\n" % self.number)
        give(self.build, *user_ids())
        self.number += 1
        with open(f"{self.job}/job", "w", encoding="ascii") as file:
            file.write(f"[Job]\nOperation=commit\nOverlay={TREE}\nBuild={BUILD}\nBase=1\nVersion={self.number}\n")
        os.chmod(file.name, 0o640)
        give(self.job, pwd.getpwnam("left4me-manager").pw_uid, user_ids()[1])
        os.sync()

    def drop(self, name):
        shutil.rmtree(f"{self.versions}/{name}")

    def commit(self):
        self.prepare()
        result = ended(HELPER, str(JOB))
        self.drop(self.number)
        return result

    def copy(self, script='exec cp -al "$1" "$2"'):
        result = ended("sh", "-c", script, "sh", f"{self.versions}/1", f"{self.versions}/copy")
        self.drop("copy")
        return result

    def copy_and_sync(self):
        os.sync()
        return self.copy('cp -al "$1" "$2" && sync -f "$2"')

    def show_room(self):
        """Of the last commit, on the disk: what its files and its directories add to version 1."""
        self.prepare()
        ended(HELPER, str(JOB))
        blocks = {"files": 0, "directories": 0}
        for folder, _, files in os.walk(f"{self.versions}/{self.number}"):
            blocks["directories"] += os.lstat(folder).st_blocks * 512
            for info in (os.lstat(os.path.join(folder, name)) for name in files):
                blocks["files"] += info.st_blocks * 512 // info.st_nlink if info.st_nlink == 1 else 0
        size = len(CHANGED)
        say(f"  on the disk: {blocks['files'] / KIB:.0f} KiB for the changed file of {size / KIB:.0f} KiB"
            f" (goal its size and a block: {verdict(blocks['files'], size + 4 * KIB)}), and"
            f" {blocks['directories'] / KIB:.0f} KiB for directories, as cp -al")
        self.drop(self.number)


def bench_commit(_, short):
    tree = Tree()
    try:
        sides = {"commit": tree.commit, "cp": tree.copy, "cp_sync": tree.copy_and_sync}
        results = take_turns(3 if short else 15, **sides)
        took = {side: median_ms([r[0] for r in results[side]]) for side in sides}
        cpu, data, disk = ({side: statistics.median(r[n] for r in results[side]) for side in sides} for n in (1, 2, 3))
        ratio = took["commit"] / took["cp"]
        say(f"commit, 1 of {FOLDERS * FILES_EACH} files changed: {took['commit']:.0f} ms, cp -al {took['cp']:.0f} ms, ratio {ratio:.2f}"
            f" (goal 2: {verdict(ratio, 2)}); cp -al and sync -f, as safe as a commit: {took['cp_sync']:.0f} ms;"
            f" of CPU: commit {cpu['commit'] * 1000:.0f} ms, cp -al {cpu['cp'] * 1000:.0f} ms (the rest is the disk, also for others)")
        say(f"  data written (wchar of /proc/PID/io; the changed file is the build's, and moves): {data['commit'] / KIB:.1f} KiB (goal 1 MiB: {verdict(data['commit'], MIB)});"
            f" with the file system's own, directories and the count of links in {FOLDERS * FILES_EACH} inodes (write_bytes):"
            f" {disk['commit'] / KIB:.0f} KiB, cp -al {disk['cp'] / KIB:.0f} KiB")
        tree.show_room()
    finally:
        tree.remove()


# -- room on the disk --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def large_overlay(size):
    """An overlay whose only version has a file of that size, every block of it taken; as an import would have left it."""
    uid, gid = user_ids()
    path = f"{STATE}/overlays/{ROOM}/versions/1/left4dead2/addons"
    sql = (f"BEGIN; INSERT INTO overlays (name, kind, current, last_number) VALUES ('{ROOM}', 'files', 1, 1);"
           f"INSERT INTO versions (overlay, number, created, size, files, label) SELECT id, 1, 0, {size}, 1, '' FROM overlays WHERE name = '{ROOM}'; COMMIT;")
    host.run("systemctl", "stop", "left4med.service")
    os.makedirs(path)
    with open(f"{path}/large.vpk", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    give(f"{STATE}/overlays/{ROOM}", uid, gid)
    host.run("sqlite3", "-bail", f"{STATE}/manager/left4me.db", user="left4me-manager", data=sql.encode())
    host.run("systemctl", "start", "left4med.service")
    yield


def disk_use(path):
    return int(host.run("du", "--summarize", "--one-file-system", "--block-size=1", path).out.split()[0])


def used():
    """Bytes taken on the file system, by whomever."""
    info = os.statvfs(STATE)
    return (info.f_blocks - info.f_bfree) * info.f_frsize


def start_again(g, name):
    g.instance(name, "Stop")
    return timed(lambda: g.instance(name, "Start"))


def bench_room(g, short):
    size = 5 * GIB
    free = shutil.disk_usage(STATE).free
    if free < size + 2 * GIB:
        say(f"a {size / GIB:.0f} GiB overlay: not measured, there are only {free / GIB:.1f} GiB free")
        return
    with large_overlay(size):
        g.objects()
        for n in range(1, 11):
            before, before_df = disk_use(STATE), used()
            g.create(f"room-{n}", Game=GAME, Overlays=[ROOM])
            took = timed(lambda: g.instance(f"room-{n}", "Start"))
            if n in (1, 10):
                os.sync()
                cost, cost_df = disk_use(STATE) - before, used() - before_df
                say(f"server {n} on a {size / GIB:.0f} GiB overlay: {cost / KIB:.0f} KiB on the disk by du of {STATE}"
                    f" (goal 1 MiB: {verdict(cost, MIB)}), {cost_df / KIB:.0f} KiB by df, which counts what others write"
                    f" meanwhile; started for the first time in {took * 1000:.1f} ms")
        again = take_turns(3 if short else 10, first=lambda: start_again(g, "room-1"), tenth=lambda: start_again(g, "room-10"))
        first, tenth = median_ms(again["first"]), median_ms(again["tenth"])
        say(f"  {STATE} with all ten: {disk_use(STATE) / GIB:.2f} GiB, {disk_use(f'{STATE}/overlays/{ROOM}') / GIB:.2f} GiB of them that overlay;"
            f" a start with ten running: the first {first:.1f} ms, the tenth {tenth:.1f} ms, ratio {tenth / first:.2f}")
