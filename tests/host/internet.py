# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for the Internet, for builds that fetch: a network namespace with public addresses, a DNS server and a web server in it.

    world = internet.Internet.for_test(cls)                # up until the end of the class
    world.write("mods/a.zip", b"...")                      # what http://files.example/mods/a.zip answers
    world.requests()                                       # [(host, "GET", "/mods/a.zip"), ...] so far
    world.begin(program, ...)                              # (of outside.Outside) a server of one's own there, on address(version, n)
    world.names(api="203.0.113.7")                         # api.example leads there; "" for a name without an address

The host itself is 203.0.113.1 and 2001:db8:113::1 there: addresses of its own that look public. Builds ask the DNS server that
/etc/left4me/sandbox-resolv.conf names; that file is put back at the end. It works in containers and in virtual machines.
"""

import json
import os
import shutil
import tempfile

import outside

RANGES = {4: "203.0.113.", 6: "2001:db8:113::"}
HOST = {version: f"{start}1" for version, start in RANGES.items()}
DNS, WEB = f"{RANGES[4]}2", f"{RANGES[4]}3"
WEB6 = f"{RANGES[6]}3"
DOMAIN = "example"
RESOLVERS = "/etc/left4me/sandbox-resolv.conf"
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "internet_server.py")


class Internet(outside.Outside):
    def __init__(self, name="internet", interface="inet0"):
        super().__init__(name, interface, RANGES)

    def up(self):
        self.folder = tempfile.mkdtemp(prefix="internet-", dir="/var/tmp")
        os.mkdir(f"{self.folder}/web")
        with open(RESOLVERS, encoding="utf-8") as file:
            self.resolvers = file.read()
        super().up()
        self.addresses = {"files": WEB, "files6": WEB6}
        self.names()
        self.server = outside.Program(self.command("/usr/bin/python3", "-B", SERVER, self.folder, DNS, WEB, WEB6))
        with open(RESOLVERS, "w", encoding="utf-8") as file:
            file.write(f"nameserver {DNS}\noptions timeout:1 attempts:2\n")

    def down(self):
        if hasattr(self, "server"):
            self.server.kill()
        super().down()
        with open(RESOLVERS, "w", encoding="utf-8") as file:
            file.write(self.resolvers)
        shutil.rmtree(self.folder)

    def names(self, **addresses):
        """Gives names below .example; the server reads them at each question."""
        self.addresses |= addresses
        with open(f"{self.folder}/names.new", "w", encoding="utf-8") as file:
            json.dump({f"{name}.{DOMAIN}": address for name, address in self.addresses.items()}, file)
        os.rename(f"{self.folder}/names.new", f"{self.folder}/names")

    def write(self, path, data):
        full = f"{self.folder}/web/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    def requests(self):
        with open(f"{self.folder}/requests", encoding="utf-8") as file:
            return [tuple(json.loads(line)) for line in file]
