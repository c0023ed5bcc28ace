# SPDX-License-Identifier: LGPL-2.1-or-later
"""left4me-workshop against the stand-in, on the loopback of a network namespace of its own: $LEFT4ME_WORKSHOP is the program."""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import workshop
from workshop import UPDATED

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
MANIFEST = ".left4me-manifest"
WISHES = 3  # the exit status of a build that wants something of steamcmd first


def own_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (0 if os.geteuid() == 0 else CLONE_NEWUSER)) < 0:
        raise OSError(ctypes.get_errno(), "no network namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack("16sh", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))[:18])[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def revision(data, updated=UPDATED):
    return f"{updated}-{len(data)}"


class Case(unittest.TestCase):
    def setUp(self):
        self.workshop = workshop.Workshop().start()
        self.addCleanup(self.workshop.stop)
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("job", "cache", "tree", "tree/left4dead2", "tree/left4dead2/addons"):
            os.mkdir(os.path.join(self.directory, name))
        self.environment = {**os.environ, "OVERLAY": self.path("tree"), "WORKSHOP_CACHE": self.path("cache"), "GIO_USE_VFS": "local"}

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, path, data):
        with open(self.path(path), "wb") as file:
            file.write(data)

    def read(self, path):
        with open(self.path(path), "rb") as file:
            return file.read()

    def begin(self, *items, hosts=None, api=None, tree="tree"):
        """Starts a build; items are the lines of the file."""
        hosts = self.workshop.host if hosts is None else hosts
        self.write("job/job", f"[Job]\nOperation=workshop\nWorkshopAPI={api or self.workshop.url}\nWorkshopHosts={hosts}\n".encode())
        self.write("job/items", "".join(f"want {item}\n" if isinstance(item, int) else item + "\n" for item in items).encode())
        os.makedirs(self.path(tree), exist_ok=True)
        if os.path.exists(self.path(tree, MANIFEST)):
            os.unlink(self.path(tree, MANIFEST))
        return subprocess.Popen([os.environ["LEFT4ME_WORKSHOP"], self.path("job")], env={**self.environment, "OVERLAY": self.path(tree)},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def build(self, *items, **more):
        process = self.begin(*items, **more)
        out, err = process.communicate(timeout=100)
        self.assertIn(process.returncode, (0, 1, WISHES), err)
        self.out, self.err, self.code = out, err, process.returncode
        return process.returncode == 0

    def manifest(self):
        """id -> fields of its line, and the lines of its campaigns."""
        items, last = {}, None
        lines = self.read("tree/" + MANIFEST).decode().split("\n")
        self.assertEqual(lines[0], "workshop 1")
        for line in lines[1:-1]:
            fields = line.split("\t")
            if fields[0] == "item":
                last = items[fields[1]] = {"state": fields[2], "source": fields[3], "revision": fields[4], "upstream": fields[5],
                                           "size": int(fields[6]), "title": fields[7], "campaigns": []}
            else:
                last["campaigns"].append(fields)
        return items

    def succeed(self, *items, **more):
        self.assertTrue(self.build(*items, **more), self.err)
        return self.manifest()

    def refuse(self, text, *items, **more):
        self.assertFalse(self.build(*items, **more))
        self.assertIn(text, self.err)
        self.assertFalse(os.path.exists(self.path("tree", MANIFEST)))

    def cached(self):
        return sorted(os.listdir(self.path("cache")))

    def requests(self, kind, path):
        return [entry for entry in self.workshop.log if entry[0] == kind and entry[1].startswith(path)]


def main():
    own_network()
    unittest.main()
