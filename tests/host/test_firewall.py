# SPDX-License-Identifier: LGPL-2.1-or-later
"""The firewall: what servers send is marked and nothing else is, RCON is shut unless opened, and the rules come back.

Looked at from the other end of a link (outside.py), and by the host's own nft.
"""

import errno
import os
import select
import socket
import time

import follow
import host
import hostwide
import outside
from host import ctl, ctl_json, run

EF = 46
LEFT4MED = "/usr/libexec/left4me/left4med"
CONFIG = "/etc/left4me/left4me.conf.d/host-chain.conf"
HOST_RULES = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
        meta l4proto ipv6-icmp accept
        udp dport %d counter comment "lost"
    }
}
"""
# One datagram from any port, as a user who may: what a server or a build would send, if it could.
RAW = """
import socket, struct, sys
version, source, address, target = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP)
s.sendto(struct.pack(">HHHH", source, target, 12, 0) + b"test", (address, 0))
"""


def tables():
    return run("nft", "list", "ruleset").out


def until(predicate, what, seconds=host.SECONDS):
    """For what the kernel tells nobody of; how long it took."""
    begin = time.monotonic()
    while not predicate():
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - begin


def checks():
    return {c["check"]: c for c in ctl_json("check", check=False)}


class Firewall(host.Case):
    @classmethod
    def setup_class(cls):
        cls.world = outside.Outside.for_test(cls)
        host.make_game()
        ctl("create", "fw", "--game", "game", "--", "+standin_ipv6")
        follow.start("fw")
        cls.port = host.status("fw")["port"]
        cls.number = 40000

    def qos(self):
        return ctl_json("qos", "show")

    def marked(self):
        return next(s["packets"] for s in self.qos()["statistics"]["servers"] if s["server"] == "fw")

    def of_server(self, packets, version):
        packets.drain()
        return packets.next(lambda p: p.proto == "udp" and p.sport == self.port and p.version == version)

    def raw(self, version=4, user="left4me", where="l4d2-game.slice", port=None):
        """The DSCP of a datagram that this user sends from a slice."""
        Firewall.number += 1
        number = self.number
        with self.world.capture() as packets:
            run("systemd-run", "--quiet", "--wait", "--collect", f"--slice={where}", f"--property=User={user}",
                "--property=AmbientCapabilities=CAP_NET_RAW", "python3", "-c", RAW, str(version), str(port or self.port),
                outside.address(version), str(number))
            return packets.next(lambda p: p.dport == number).dscp

    def test_marks(self):
        with self.world.capture() as packets:
            for version in (4, 6):
                with self.subTest(version=version):
                    player = self.world.player(self.port, version=version)
                    self.assertEqual(self.of_server(packets, version).dscp, EF)
                    player.end()
        self.assertGreater(self.marked(), 0)
        for version in (4, 6):
            with self.subTest(version=version):
                self.assertEqual(self.raw(version), EF)
                self.assertEqual(self.raw(version, where="l4d2-build.slice"), 0)
                self.assertEqual(self.raw(version, where="system.slice"), 0)
                self.assertEqual(self.raw(version, user=host.GUEST), 0)
                self.assertEqual(self.raw(version, port=self.port + 1), 0)

    def test_nft_reads_what_it_lists(self):
        """Administrators save the ruleset of their host: no name in it may be one of nft's own words, no key without a type."""
        self.assertIn("shield-seen6", tables())
        run("nft", "--check", "--file", "-", data=tables().encode())

    def test_off_and_on(self):
        self.addCleanup(ctl, "qos", "on")
        player = self.world.player(self.port)
        with self.world.capture() as packets:
            for word, dscp in (("off", 0), ("on", EF)):
                ctl("qos", word, user=host.ADMIN)
                self.assertEqual(self.of_server(packets, 4).dscp, dscp, word)
                self.assertEqual(self.qos()["marking"], word == "on")
            denied = ctl("--no-ask-password", "--json", "qos", "off", user=host.GUEST, check=False)
            self.assertEqual(denied.code, 5, str(denied))
            self.assertEqual(self.of_server(packets, 4).dscp, EF)
        player.end()

    def connects(self, version):
        """Whether RCON answers to the outside; a packet that is dropped is counted."""
        before = self.qos()["statistics"]["rcon_dropped"]
        with self.world.socket(outside.IPV4 if version == 4 else outside.IPV6, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            self.assertEqual(sock.connect_ex((outside.HOST[version], self.port)), errno.EINPROGRESS)
            until(lambda: select.select([], [sock], [], 0)[1] or self.qos()["statistics"]["rcon_dropped"] > before,
                  "an answer or a drop")
            return bool(select.select([], [sock], [], 0)[1]) and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

    def test_rcon(self):
        self.addCleanup(ctl, "configure", "fw", "--close-rcon")
        self.assertFalse(self.connects(4))
        # from this host to its own address, and to loopback
        for address in (outside.HOST[4], "127.0.0.1"):
            socket.create_connection((address, self.port), timeout=host.SECONDS).close()
        ctl("configure", "fw", "--open-rcon")
        self.assertEqual([(p["server"], p["rcon"]) for p in self.qos()["open_ports"]], [("fw", True)])
        with self.world.capture() as packets:
            self.assertTrue(self.connects(4))
            self.assertEqual(packets.next(lambda p: p.proto == "tcp" and p.sport == self.port).dscp, 0)
        ctl("configure", "fw", "--close-rcon")
        self.assertFalse(self.connects(4))

    def test_ports_follow_the_servers(self):
        self.server("fw-two")
        self.assertEqual([p["server"] for p in self.qos()["open_ports"]], ["fw"])
        follow.start("fw-two")
        port = host.status("fw-two")["port"]
        self.assertEqual([(p["server"], p["port"]) for p in self.qos()["open_ports"]], [("fw", self.port), ("fw-two", port)])
        self.assertIn(str(port), run("nft", "list", "set", "inet", "left4me", "ports").out)
        ctl("stop", "fw-two")
        until(lambda: [p["server"] for p in self.qos()["open_ports"]] == ["fw"], "the port is shut")
        self.assertNotIn(str(port), run("nft", "list", "set", "inet", "left4me", "ports").out)

    def test_back_within_a_second(self):
        player = self.world.player(self.port)
        for command in (("flush", "ruleset"), ("delete", "table", "inet", "left4me"), ("flush", "chain", "inet", "left4me", "marks")):
            with self.subTest(command), self.world.capture() as packets:
                def take_away(command=command, packets=packets):
                    run("nft", *command)
                    packets.drain()

                took = hostwide.quickest(take_away, lambda packets=packets: packets.next(lambda p: p.sport == self.port and p.dscp == EF))
                print(f"nft {' '.join(command)}: marked again after {took * 1000:.0f} ms", flush=True)
        player.end()

    def test_death_of_left4med(self):
        self.world.player(self.port).end()
        before, player = self.marked(), self.world.player(self.port)
        with self.world.capture() as packets:
            run("systemctl", "kill", "--signal=KILL", "left4med.service")
            self.assertEqual(self.of_server(packets, 4).dscp, EF)
            until(lambda: ctl("list", check=False).code == 0, "left4med is back")
            self.assertEqual(self.of_server(packets, 4).dscp, EF)
        player.end()
        self.assertGreater(self.marked(), before)

    def use_host_chain(self, text):
        os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
        with open(CONFIG, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nHostChain={text}\n")
        return ctl("reload", "--json", check=False)

    def leave_host_chain(self):
        run("nft", "delete", "table", "inet", "filter", check=False)
        if os.path.exists(CONFIG):
            os.unlink(CONFIG)
        ctl("reload")

    def lost(self):
        """Packets that no rule above has let in."""
        return "packets 0 " not in next(line for line in tables().splitlines() if '"lost"' in line)

    def test_host_chain(self):
        self.addCleanup(self.leave_host_chain)
        self.assertEqual(checks()["host chain"]["verdict"], "ok")
        run("nft", "-f", "-", data=(HOST_RULES % self.port).encode())
        warned = checks()["host chain"]
        self.assertEqual(warned["verdict"], "warning")
        self.assertIn("HostChain=inet filter input", warned["remedy"])
        with self.world.socket() as sock:
            sock.sendto(b"\xff\xff\xff\xffq0x00000000\0", (outside.HOST[4], self.port))
            until(self.lost, "a packet is dropped")

        self.assertEqual(self.use_host_chain("inet filter input").code, 0)
        self.assertEqual((checks()["host chain"]["verdict"], checks()["firewall"]["verdict"]), ("ok", "ok"))
        for version in (4, 6):
            self.world.player(self.port, version=version).end()
        comment = f'"left4med: fw udp {self.port}"'
        self.assertEqual(tables().count(comment), 1)
        run("systemctl", "restart", "left4med.service")
        self.assertEqual(tables().count(comment), 1)
        run("nft", "flush", "chain", "inet", "filter", "input")
        until(lambda: tables().count(comment) == 1, "the rule is back")
        run("nft", "delete", "table", "inet", "filter")
        until(lambda: "there is no chain inet filter input" in self.qos()["firewall"], "the chain is missed")
        self.assertEqual(checks()["host chain"]["verdict"], "warning")

        for wrong in ("filter input", "inet filter", "bridge filter input", "inet filter input x", "a,b,c,d,e"):
            with self.subTest(wrong):
                message = self.assert_refused(self.use_host_chain(wrong), "InvalidArgument")
                self.assertIn("HostChain", message)

    def test_removal(self):
        self.addCleanup(self.leave_host_chain)
        self.addCleanup(run, "systemctl", "start", "left4med.service")
        run("nft", "-f", "-", data=(HOST_RULES % self.port).encode())
        self.use_host_chain("inet filter input")
        self.assertIn("left4med: fw", tables())
        run("systemctl", "stop", "left4med.service")
        self.assertIn("table inet left4me", tables())
        run(LEFT4MED, "--remove-network")
        self.assertNotIn("left4me", tables())
        run(LEFT4MED, "--remove-network")
        run("systemctl", "start", "left4med.service")
        self.assertIn("left4med: fw", tables())
        self.assertEqual([p["server"] for p in self.qos()["open_ports"]], ["fw"])
