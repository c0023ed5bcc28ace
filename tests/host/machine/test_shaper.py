# SPDX-License-Identifier: LGPL-2.1-or-later
"""CAKE on real interfaces: what was asked for is what the kernel has, other programs' queues are theirs, and nothing is left behind."""

import json
import unittest

import ground
import host
import hostwide
import outside
import rtnl
from ground import V
from wire import BusError

RATE, INGRESS = 20_000_000, 10_000_000
QOS = ("org.left4me.Manager1", "/org/left4me/Manager1/qos", "org.left4me.Manager1.QoS")
ACTIVE = "active"


def tc(*words, check=True):
    return host.run("tc", *words, check=check)


def root(interface):
    """The queue at the root of an interface, as tc shows it; {} for none and for an interface that is not there."""
    queues = json.loads(tc("-j", "qdisc", "show", "dev", interface, check=False).out or "[]")
    return next((q for q in queues if q.get("root")), {})


def redirect(interface):
    """Where what comes in goes, by its text; "" for nowhere."""
    return tc("filter", "show", "dev", interface, "ingress", check=False).out


class Shaper(host.Case):
    TIMEOUT = 240

    @classmethod
    def setup_class(cls):
        cls.g = ground.Ground()
        cls.addClassCleanup(cls.g.close)
        cls.world = outside.Outside.for_test(cls)
        cls.interface = cls.world.interface
        cls.ifb = f"l4i-{cls.interface}"

    def tearDown(self):
        for interface in self.shapers():
            hostwide.unshape(self.g, interface)
        rtnl.delete(self.interface)
        rtnl.delete(self.interface, rtnl.INGRESS)
        super().tearDown()

    def shapers(self):
        return self.g.get(*QOS, "Shapers")

    def state(self):
        return self.shapers()[self.interface]["State"]

    def shape(self, **options):
        hostwide.shape(self.g, self.interface, RATE, **options)

    def refused(self, **options):
        with self.assertRaises(BusError) as caught:
            self.shape(**options)
        self.assertNotIn(self.interface, self.shapers())
        return caught.exception.name.rpartition(".")[2], str(caught.exception)

    def test_in_force(self):
        before = root(self.interface)
        self.shape(Overhead=V("i", 18), Mpu=V("u", 64), Rtt=V("t", 30000))
        found = root(self.interface)
        self.assertEqual((found["kind"], found["handle"]), ("cake", "1:"))
        for option, value in {"bandwidth": RATE // 8, "diffserv": "diffserv4", "rtt": 30000, "overhead": 18, "mpu": 64, "atm": "noatm",
                              "flowmode": "triple-isolate"}.items():
            self.assertEqual(found["options"][option], value, option)
        # the next word replaces the one before, and what it leaves out has its default
        self.shape(Preset=V("s", "besteffort"), AckFilter=V("s", "ack-filter"), Isolation=V("s", "dual-srchost"))
        found = root(self.interface)
        for option, value in {"diffserv": "besteffort", "rtt": 100000, "flowmode": "dual-srchost", "ack-filter": "enabled"}.items():
            self.assertEqual(found["options"][option], value, option)
        self.assertEqual(found["handle"], "1:")
        self.assertIn("besteffort ignores", self.shapers()[self.interface]["Warning"])
        self.assertIn("besteffort ignores", host.ctl("qos", "show").err)
        hostwide.unshape(self.g, self.interface)
        self.assertEqual(root(self.interface), before)

    def test_ingress(self):
        self.shape(Ingress=V("t", INGRESS))
        found = root(self.ifb)
        self.assertEqual(found["options"]["bandwidth"], INGRESS // 8)
        self.assertEqual((found["options"]["diffserv"], found["options"]["ingress"]), ("besteffort", True))
        self.assertIn(self.ifb, redirect(self.interface))
        # and the packets do go there
        self.knock(3)
        tins = next(q for q in self.figures() if q["ingress"])["tins"]
        self.assertGreaterEqual(tins[0]["packets"], 3)
        hostwide.unshape(self.g, self.interface)
        self.assertEqual((root(self.ifb), redirect(self.interface)), ({}, ""))
        self.assertNotIn("ingress", tc("qdisc", "show", "dev", self.interface).out)

    def knock(self, times):
        """Packets from outside, to a port where nobody listens."""
        with self.world.socket() as sock:
            for _ in range(times):
                sock.sendto(b"knock", (outside.HOST[4], 9))

    def figures(self):
        return host.ctl_json("qos", "show")["statistics"]["shapers"]

    def whole(self):
        return rtnl.is_ours(self.interface) and rtnl.is_ours(self.ifb) and rtnl.INGRESS in rtnl.queues(self.interface)

    def test_any_part_comes_back(self):
        self.shape(Ingress=V("t", INGRESS))
        for what, interface, parent in (("what goes out", self.interface, rtnl.ROOT), ("what comes in", self.interface, rtnl.INGRESS),
                                        ("its queue", self.ifb, rtnl.ROOT)):
            with self.subTest(what):
                def take_away(interface=interface, parent=parent):
                    self.assertTrue(rtnl.delete(interface, parent))
                hostwide.quickest(take_away, self.whole)

        def device_away():
            host.run("ip", "link", "delete", self.ifb)
        hostwide.quickest(device_away, self.whole)

        def interface_anew():
            host.run("ip", "link", "delete", self.interface)
            self.world.connect()
        hostwide.quickest(interface_anew, self.whole)
        tc("filter", "delete", "dev", self.interface, "ingress")
        self.g.until(lambda: self.ifb in redirect(self.interface), what="the redirect")
        self.g.until(lambda: self.state() == ACTIVE, what="the state")

    def test_other_program(self):
        tc("qdisc", "replace", "dev", self.interface, "root", "handle", "5:", "fq_codel")
        name, text = self.refused()
        self.assertEqual(name, "InUse")
        self.assertIn("fq_codel 5:", text)
        self.assertEqual(root(self.interface)["handle"], "5:")
        self.shape(Takeover=V("b", True))
        self.assertEqual(root(self.interface)["kind"], "cake")
        # told so, it stays ours
        tc("qdisc", "replace", "dev", self.interface, "root", "handle", "5:", "fq_codel")
        self.g.until(lambda: root(self.interface)["kind"] == "cake", what="the queue taken over again")

    def test_other_program_comes_later(self):
        self.shape()
        tc("qdisc", "replace", "dev", self.interface, "root", "handle", "8:", "cake", "bandwidth", "1mbit", "besteffort")
        self.g.until(lambda: self.state() != ACTIVE, what="the other's queue in the state")
        self.assertIn("besteffort ignores what left4me marks", self.state())
        self.assertIn("takeover", host.ctl("check", check=False).out)
        self.assertNotEqual(root(self.interface)["handle"], "1:")
        # it goes: ours comes back
        tc("qdisc", "delete", "dev", self.interface, "root")
        self.g.until(lambda: self.state() == ACTIVE, what="the own queue")
        self.assertEqual(root(self.interface)["handle"], "1:")

    def test_kernel_refuses(self):
        # our handle is taken, by a part of another's queue: that cannot be replaced by a root
        tc("qdisc", "replace", "dev", self.interface, "root", "handle", "5:", "prio")
        tc("qdisc", "add", "dev", self.interface, "parent", "5:1", "handle", "1:", "pfifo")
        name, text = self.refused(Takeover=V("b", True))
        self.assertEqual(name, "Failed")
        self.assertIn("the kernel refuses it", text)
        self.assertIn("(", text)
        self.assertEqual(root(self.interface)["kind"], "prio")

    def test_fight(self):
        self.shape()
        # each blow is struck when the one before was answered, or when no answer comes any more
        blows = 0
        while self.state() == ACTIVE and blows < 200:
            blows += rtnl.delete(self.interface)
        print(f"given up after {blows} blows", flush=True)
        self.assertIn("again and again", self.state())
        self.assertFalse(rtnl.is_ours(self.interface))
        # who asks is heard at once
        self.shape()
        self.assertEqual(self.state(), ACTIVE)

    def test_round_trips(self):
        self.shape()
        found = host.ctl_json("qos", "test", outside.address(4), "--seconds", "2", "--yes", user=host.GUEST)
        self.assertEqual((found["interface"], found["rate"]), (self.interface, RATE * 5 // 4))
        self.assertGreater(found["filled"], RATE // 2)
        results = {(r["line"], r["mark"]): r for r in found["results"]}
        self.assertEqual(set(results), {("idle", "ef"), ("idle", "none"), ("full", "ef"), ("full", "none")})
        for key, result in results.items():
            self.assertGreater(result["sent"], 50, key)
            self.assertLess(result["lost"], result["sent"] // 10, key)
        voice = hostwide.cake(self.interface)["Voice"]["sent_packets"]
        self.assertGreaterEqual(voice, results["full", "ef"]["sent"])


if __name__ == "__main__":
    unittest.main()
