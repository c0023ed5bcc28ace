# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands in a tree, as somebody who only reads it sees it, and what a version of an overlay may be made of."""

import fcntl
import hashlib
import os
import stat

import ground
import host

OWNER = 980


def entries(top):
    """(path below top, path, lstat) of everything in a tree."""
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, top), path, os.lstat(path)


class Sums:
    """Checksums of files; one with many names is read once."""

    def __init__(self):
        self.known = {}

    def of(self, path, info):
        key = info.st_dev, info.st_ino
        if info.st_nlink == 1 or key not in self.known:
            with open(path, "rb") as file:
                self.known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.known[key]


def look(top, without=()):
    """What a reader sees: {path: "directory", ("link", where to) or ("file", may it be executed, checksum)}."""
    found, sums = {}, Sums()
    for name, path, info in entries(top):
        if stat.S_ISDIR(info.st_mode):
            found[name] = "directory"
        elif stat.S_ISLNK(info.st_mode):
            found[name] = "link", os.readlink(path)
        elif stat.S_ISREG(info.st_mode):
            found[name] = "file", bool(info.st_mode & 0o111), sums.of(path, info)
        else:
            found[name] = "special", oct(info.st_mode), info.st_rdev
    return {name: what for name, what in found.items() if name.split("/")[0] not in without}


def record(top):
    """All that must never change of what stands there, the numbers of inodes too. (The count of links may.)"""
    seen = look(top)
    return {name: (seen[name], info.st_ino, info.st_mode, info.st_uid, info.st_gid, info.st_size,
                   info.st_mtime_ns if not stat.S_ISDIR(info.st_mode) else 0) for name, path, info in entries(top)}


def version(overlay, number, *below):
    return os.path.join(host.LIBRARY, "overlays", overlay, "versions", str(number), *below)


def version_numbers(overlay):
    return sorted(int(n) for n in ground.names(os.path.dirname(version(overlay, 0))) if n.isdigit())


def blocks(top):
    """Bytes on the disk, a file with many names once."""
    return sum({info.st_ino: info.st_blocks * 512 for _, _, info in entries(top)}.values())


def lease_refused(path):
    """Whether somebody could still write: the kernel gives a read lease only while nobody has the file open for that."""
    with open(path, "rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def flaws(top):
    """What a version must not have: other kinds, owners and modes, attributes, and files that somebody can write to."""
    found = []
    for name, path, info in [(".", top, os.lstat(top)), *entries(top)]:
        kind, mode = stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode)
        allowed = {stat.S_IFREG: (0o644, 0o755), stat.S_IFDIR: (0o755,), stat.S_IFLNK: (0o777,)}.get(kind, ())
        if mode not in allowed:
            found.append(f"{name}: mode {oct(info.st_mode)}")
        if (info.st_uid, info.st_gid) != (OWNER, OWNER):
            found.append(f"{name}: owned by {info.st_uid}:{info.st_gid}")
        if attributes := os.listxattr(path, follow_symlinks=False):
            found.append(f"{name}: has {attributes}")
        if kind == stat.S_IFREG and lease_refused(path):
            found.append(f"{name}: is open for writing")
    return found
