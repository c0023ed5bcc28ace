# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for the Internet, for builds that fetch: a network namespace with public addresses, a DNS server and a web server in it.

    world = internet.Internet.for_test(cls)                # up until the end of the class
    world.write("mods/a.zip", b"...")                      # what http://files.example/mods/a.zip answers
    world.requests()                                       # [(host, "GET", "/mods/a.zip"), ...] so far
    world.begin(program, ...)                              # (of outside.Outside) a server of one's own there, on address(version, n)
    world.names(api="203.0.113.7")                         # api.example leads there; "" for a name without an address
    internet.Internet.for_test(cls, hosts=["github.com"])  # names that are whole: they lead to the web server, which has a certificate for them
    world.redirect("mods/a.zip", "https://files.example/b")
    world.trust()                                          # from now on the host trusts https://files.example/mods/a.zip, too
    certificate, key = world.certificate("api")            # for an encrypted server of one's own

The host itself is 203.0.113.1 and 2001:db8:113::1 there: addresses of its own that look public. Builds ask the DNS server that
/etc/left4me/sandbox-resolv.conf names; that file is put back at the end. It works in containers and in virtual machines.
"""

import json
import os
import shutil
import tempfile

import host
import outside

RANGES = {4: "203.0.113.", 6: "2001:db8:113::"}
HOST = {version: f"{start}1" for version, start in RANGES.items()}
DNS, WEB = f"{RANGES[4]}2", f"{RANGES[4]}3"
WEB6 = f"{RANGES[6]}3"
DOMAIN = "example"
RESOLVERS = "/etc/left4me/sandbox-resolv.conf"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # what GnuTLS, curl and wget trust
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "internet_server.py")


def whole(name):
    return name if "." in name else f"{name}.{DOMAIN}"


class Internet(outside.Outside):
    def __init__(self, name="internet", interface="inet0", hosts=()):
        super().__init__(name, interface, RANGES)
        self.hosts = hosts
        self.bundle = f"{BUNDLE}.before-{name}"

    def up(self):
        self.folder = tempfile.mkdtemp(prefix="internet-", dir="/var/tmp")
        os.mkdir(f"{self.folder}/web")
        with open(RESOLVERS, encoding="utf-8") as file:
            self.resolvers = file.read()
        super().up()
        self.addresses = {"files": WEB, "files6": WEB6, **{name: WEB for name in self.hosts}}
        self.names()
        self.make_authority()
        self.server = outside.Program(self.command("/usr/bin/python3", "-B", SERVER, self.folder, *self.certificate("files", "files6", *self.hosts),
                                                   DNS, WEB, WEB6))
        with open(RESOLVERS, "w", encoding="utf-8") as file:
            file.write(f"nameserver {DNS}\noptions timeout:5 attempts:3\n")

    def down(self):
        if hasattr(self, "server"):
            self.server.kill()
        super().down()
        if os.path.exists(self.bundle):
            os.rename(self.bundle, BUNDLE)
        with open(RESOLVERS, "w", encoding="utf-8") as file:
            file.write(self.resolvers)
        shutil.rmtree(self.folder)

    def openssl(self, name, *words):
        files = f"{self.folder}/{name}.crt", f"{self.folder}/{name}.key"
        host.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 *words, "-out", files[0], "-keyout", files[1])
        return files

    def make_authority(self):
        """Who signs certificates there. Nobody trusts it before trust()."""
        self.authority = self.openssl("authority", "-subj", "/CN=left4me tests")

    def certificate(self, *names):
        """For these names below .example: the file with the certificate, and that with its key."""
        certificate, key = self.authority
        alternatives = ",".join(f"DNS:{whole(name)}" for name in names)
        return self.openssl(names[0], "-CA", certificate, "-CAkey", key, "-subj", f"/CN={names[0]}.{DOMAIN}",
                            "-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=CA:FALSE")

    def trust(self):
        """What update-ca-certificates would come to for an authority of the administrator's, without its seconds."""
        shutil.copy2(BUNDLE, self.bundle)
        shutil.copy2(BUNDLE, BUNDLE + ".new")
        with open(BUNDLE + ".new", "ab") as bundle, open(self.authority[0], "rb") as authority:
            shutil.copyfileobj(authority, bundle)
        os.rename(BUNDLE + ".new", BUNDLE)

    def names(self, **addresses):
        """Gives names below .example; the server reads them at each question."""
        self.addresses |= addresses
        with open(f"{self.folder}/names.new", "w", encoding="utf-8") as file:
            json.dump({whole(name): address for name, address in self.addresses.items()}, file)
        os.rename(f"{self.folder}/names.new", f"{self.folder}/names")

    def write(self, path, data):
        full = f"{self.folder}/web/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    def redirect(self, path, to):
        """Whoever asks for that path is sent elsewhere."""
        self.write(path + ".location", to)

    def requests(self):
        with open(f"{self.folder}/requests", encoding="utf-8") as file:
            return [tuple(json.loads(line)) for line in file]
