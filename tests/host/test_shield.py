# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shield before a running server: floods of every kind while somebody plays, what is counted, shown and told of, and who is left alone."""

import contextlib
import os
import sys
import time

import follow
import host
import outside
from host import ctl

sys.path.insert(0, os.path.dirname(host.CONTENT))
import network  # noqa: E402

PORT = 27100
LIMITED = ("info", "players", "rules", "challenge", "connect", "lobby", "other")
KINDS = "info,players,rules,challenge,getchallenge,connect,reserve,lobby,other,empty,runt,bare,short,long,fragments"
PLAYER, OFFENDER, NEIGHBOUR = 0, 7, 9  # of the addresses outside
RECORD = "MESSAGE_ID=2fc999da162d48c39fa2fc63a82c0258"
INVENTED = "198.18.128.0/17"


def figures():
    return host.ctl_json("shield", "show", "--sources", "100")


def total(found, what):
    return {kind["kind"]: kind[what] for kind in found["kinds"]}


def queries():
    """How many have come to the server; also those that its socket had no room for while others had the CPU."""
    with open("/proc/net/udp", encoding="ascii") as file:
        lost = sum(int(fields[-1]) for fields in map(str.split, file) if fields[1].endswith(f":{PORT:04X}"))
    return int(ctl("console", "one", "standin_queries").out.split()[2].partition("=")[2]) + lost


class Shield(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()
        cls.world = outside.Outside.for_test(cls)
        cls.addClassCleanup(ctl, "shield", "on")
        ctl("create", "one", "--game", "game", "--port", str(PORT), "--", "+standin_ipv6", "+sv_hibernate_when_empty", "0")
        with follow.Console("one") as console:
            ctl("start", "one")
            console.next("VAC secure mode is activated.")

    def setUp(self):
        # the limits begin anew with each change of the mode
        ctl("shield", "off")
        ctl("shield", "on")

    def flood(self, *words, **options):
        """Which ends with the test at the latest."""
        flood = self.world.flood(*words, **options)
        self.addCleanup(flood.kill)
        return flood

    def ask(self, number=NEIGHBOUR):
        """A query from outside, which must be answered; asked again each second, as whoever wants to know does."""
        for _ in range(20):
            # by a socket of its own: an answer that comes late is not taken for the next one
            with self.world.inside_of_it():
                query = network.Query(PORT, outside.address(4, number), outside.HOST[4])
            with query, contextlib.suppress(TimeoutError):
                query.socket.settimeout(1)
                self.assertEqual(network.info(query)["port"], PORT)
                return
        self.fail("not answered")

    def wait_sources(self, shown):
        """Until it is above its limit with everything."""
        deadline = time.monotonic() + 30
        while {s["kind"] for s in figures()["sources"] if s["address"] == shown} != {*LIMITED, "empty", "malformed"}:
            self.assertLess(time.monotonic(), deadline, f"{shown} is not above all limits")

    def check_flood(self, version):
        before = figures()
        shown = outside.address(4, OFFENDER) if version == 4 else outside.site(OFFENDER).removesuffix("1") + "/64"
        player = self.world.player(PORT, version=version, number=PLAYER)
        with follow.Journal(RECORD) as journal:
            flood = self.flood(KINDS, PORT, "--rate", 6000, version=version, number=OFFENDER)
            index = journal.wait(lambda r: r["LEFT4ME_SOURCE"] == shown and r["LEFT4ME_KIND"] == "info", "the record of the flood")
            self.ask()
            self.wait_sources(shown)
            sent = flood.end()["sent"]
        record = journal.lines[index]
        self.assertEqual((record["LEFT4ME_INSTANCE"], record["LEFT4ME_PORT"], record["LEFT4ME_LIMIT"], record["LEFT4ME_RESULT"]),
                         ("one", str(PORT), "source", "dropped"))

        met = player.end()
        self.assertEqual((met["lost_up"], met["lost_down"]), (0, 0), f"of {met['sent']} up and {met['received']} down")
        after = figures()
        over = {kind: n - total(before, "over_source")[kind] for kind, n in total(after, "over_source").items()}
        self.assertTrue(all(n > 0 for n in over.values()), over)
        self.assertGreater(after["empty"], before["empty"])
        self.assertGreater(after["malformed"], before["malformed"])
        self.assertEqual({s["server"] for s in after["sources"] if s["address"] == shown}, {"one"})
        self.assertLess(sum(over.values()), sent)
        self.assertNotIn(outside.address(version, PLAYER), [s["address"] for s in after["sources"]])
        self.assertIn(shown, ctl("shield").out)

    def test_player_during_floods(self):
        for version in (4, 6):
            with self.subTest(version=version):
                self.check_flood(version)

    def test_what_the_server_gets(self):
        """A burst and a rate of each query; in mode count and off all of it."""
        kinds, count = "info,players,rules", 900
        for mode, dropped, counted in (("on", True, True), ("count", False, True), ("off", False, False)):
            with self.subTest(mode):
                ctl("shield", mode)
                had, before = queries(), figures()
                found = self.flood(kinds, PORT, "--rate", 1500, "--count", count, number=OFFENDER).result()
                got, after = queries() - had, figures()
                if dropped:
                    self.assertGreaterEqual(got, 3 * 120)
                    self.assertLessEqual(got, 3 * 120 + (20 + 10 + 10) * (found["seconds"] + 1))
                    self.assertEqual(got, sum(total(after, "passed").values()) - sum(total(before, "passed").values()))
                else:
                    self.assertEqual(got, count)
                over = sum(total(after, "over_source").values()) - sum(total(before, "over_source").values())
                self.assertEqual(over > 0, counted)
                self.assertEqual(outside.address(4, OFFENDER) in [s["address"] for s in after["sources"]], counted)

    def test_thirty_behind_one_address(self):
        """Each asks everything in two packets and joins, all at once; and then they play."""
        before = figures()
        kinds = "info,players,rules,getchallenge,info,players,rules,connect"
        self.flood(kinds, PORT, "--count", 30 * 8, number=NEIGHBOUR).result()
        ctl("shield", "count")
        ctl("shield", "on")
        met = self.world.player(PORT, "--players", 30, "--seconds", 1, number=PLAYER).result()
        self.assertEqual(met["lost_up"], 0)
        after = figures()
        for what in ("over_source", "over_port"):
            self.assertEqual(total(after, what), total(before, what))
        self.assertEqual(after["sources"], [])

    def test_invented_sources(self):
        """Whoever is known is answered during a flood from ever new addresses, of which none is written down."""
        host.run("ip", "route", "add", INVENTED, "dev", self.world.interface)
        self.ask()
        before = figures()
        player = self.world.player(PORT, number=PLAYER)
        with follow.Journal(RECORD) as journal:
            flood = self.flood("info", PORT, "--spoof", INVENTED, "--rate", 3000)
            journal.wait(lambda r: r["LEFT4ME_LIMIT"] == "port" and r["LEFT4ME_KIND"] == "info", "the record of the flood")
            self.ask()
            found = flood.end()
        self.assertEqual(player.end()["lost_up"], 0)
        after = figures()
        passed = total(after, "passed")["info"] - total(before, "passed")["info"]
        self.assertLessEqual(passed, 600 + 40 * (found["seconds"] + 1))
        self.assertGreater(total(after, "over_port")["info"], total(before, "over_port")["info"])
        self.assertEqual(after["sources"], [])

    def test_rules_taken_away(self):
        ctl("shield", "set", "info", "--source", "15/50")
        self.addCleanup(ctl, "shield", "set", "--defaults")
        for taken in (["flush", "ruleset"], ["delete", "table", "inet", "left4me"]):
            with self.subTest(" ".join(taken)):
                ctl("shield", "count")
                ctl("shield", "on")
                host.run("nft", *taken)
                deadline = time.monotonic() + 30
                while host.run("nft", "list", "chain", "inet", "left4me", "shield-info", check=False).code != 0:
                    self.assertLess(time.monotonic(), deadline, "the rules are not there again")
                self.check_limited(50)

    def check_limited(self, burst):
        had = queries()
        found = self.flood("info", PORT, "--rate", 1500, "--count", 400, number=OFFENDER).result()
        got = queries() - had
        self.assertGreaterEqual(got, burst)
        self.assertLessEqual(got, burst + 15 * (found["seconds"] + 1))

    def test_restarts(self):
        ctl("shield", "set", "info", "--source", "15/60")
        self.addCleanup(ctl, "shield", "set", "--defaults")
        self.check_limited(60)
        counted = total(figures(), "over_source")["info"]
        host.kill_manager()
        with follow.Watch() as watch:
            watch.wait_state("one", "active")
        found = figures()
        self.assertEqual((found["mode"], found["state"]), ("on", "active"))
        self.assertEqual(found["kinds"][0] | {"source_rate": 15, "source_burst": 60}, found["kinds"][0])
        self.assertEqual(total(found, "over_source")["info"], counted)
        ctl("shield", "count")
        ctl("shield", "on")
        self.check_limited(60)

    def test_refusals(self):
        before = figures()
        self.assertIn("twice", self.assert_refused(ctl("shield", "set", "info", "--source=150", "--json", check=False), "InvalidArgument"))
        self.assertIn("no kind of packets", self.assert_refused(ctl("shield", "set", "nonsense", "--source=1", "--json", check=False),
                                                                "InvalidArgument", 2))
        error, message = host.call_error(f"{host.ROOT_PATH}/shield", f"{host.BUS_NAME}.Shield.Configure", "{'Nonsense': <uint32 1>}")
        self.assertEqual(error, f"{host.ERROR}InvalidArgument")
        self.assertIn("There is no setting", message)
        self.assertEqual(ctl("shield", "off", user=host.GUEST, check=False).code, 5)
        self.assertEqual(total(figures(), "source_rate"), total(before, "source_rate"))
        self.assertEqual(figures()["mode"], "on")
        self.assertRegex(ctl("check", check=False).out, r"(?m)^ok +shield ")


if __name__ == "__main__":
    import unittest
    unittest.main()
