# SPDX-License-Identifier: LGPL-2.1-or-later
"""The consoles of servers: commands and answers, who may, and what happens when the server drops, stalls or bans."""

import json
import os
import unittest

import follow
import host
import wire
from host import ctl

INSTANCE = wire.NAME + ".Instance"


class Consoles(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()
        ctl("create", "one", "--game", "game", "--set", "hostname=Uno")

    def setUp(self):
        if host.status("one")["active_state"] != "active":
            follow.start("one")

    def console(self, *words, **options):
        return ctl("console", "one", *words, **options)

    def refused(self, error, *words, code=1):
        return self.assert_refused(ctl("console", "--json", "one", *words, check=False), error, code)

    def test_answers(self):
        for user in (None, host.ADMIN):
            self.assertRegex(self.console("status", user=user).out, r"(?m)^hostname: Uno$")
        document = ctl("console", "--json", "one", "status").json()
        self.assertTrue(document["complete"])
        self.assertIn("#end", document["answer"])

        self.addCleanup(ctl, "stop", "one")
        # an answer in several packets is the same with and without markers sent back
        many = self.console("maps", "*").out
        self.assertIn("c1m1_hotel", many)
        self.console("standin_rcon_mirror", "0")
        self.console("standin_rcon_gap_ms", "50")
        self.assertEqual(self.console("maps", "*").out, many)

        # a name as players have them
        self.console("standin_join Röb")
        self.assertNotIn("\x1b", self.console("status").out)

    def test_lines_over_a_change_of_the_map(self):
        result = self.console(data=b"echo first\nstandin_mark before\nmap c2m1_highway\nstatus\necho last\n")
        self.assertRegex(result.out, r"(?m)^map +: c2m1_highway")
        self.assertIn("last", result.out)

    def test_who_may(self):
        with follow.Journal("LEFT4ME_VERB=open-console") as journal:
            denied = self.console("status", user=host.GUEST, check=False)
            self.assertEqual(denied.code, 5, str(denied))
            self.console("status", user=host.ADMIN)
            uid = host.run("id", "-u", host.ADMIN).out.strip()
            record = journal.lines[journal.wait(lambda r: r["LEFT4ME_CALLER"] == uid, "who opened it")]
        self.assertEqual((record["LEFT4ME_SUBJECT"], record["LEFT4ME_RESULT"]), ("one", "done"))
        self.assertNotIn("rcon_password", json.dumps(record))

    def test_not_running(self):
        ctl("stop", "one")
        self.assertIn("left4mectl start one", self.refused("InstanceNotRunning", "status", code=3))

    def test_manager_killed(self):
        host.kill_manager()
        with follow.Watch() as watch:
            watch.wait_state("one", "active")
        self.assertIn("Uno", self.console("status").out)

    def test_a_stall_is_waited_for(self):
        self.console("standin_stall", "3000", check=False)
        self.assertIn("Uno", self.console("status").out)

    def test_a_wrong_password_is_tried_once(self):
        with follow.Console("one") as log:
            self.console("log", "on")
            self.assertIn("sent", self.console("rcon_password", "mine").err)
            self.assertIn("rcon_password", self.refused("ConsoleRefused", "status"))
            log.next("Bad Password")
            for _ in range(6):
                self.assertIn("not asked again", self.refused("ConsoleRefused", "status"))
            ctl("stop", "one")
        text = ctl("logs", "one", "-n", "10000").out
        self.assertEqual(text.count("Bad Password"), 1)
        follow.start("one")
        self.assertIn("Uno", self.console("status").out)

    def test_banned(self):
        self.console("addip", "0", "127.0.0.1")
        self.assertIn("removeip 127.0.0.1", self.refused("ConsoleRefused", "status"))
        follow.start("one", "restart")
        self.assertIn("Uno", self.console("status").out)

    def test_the_socket_is_ready(self):
        """As any client gets it: blocking, authenticated, and with nothing on it that is not an answer."""
        with wire.Bus() as bus:
            fd, = bus.call(wire.NAME, wire.instance_path("one"), INSTANCE, "OpenConsole")
            os.write(fd, bytes.fromhex("10000000 07000000 02000000") + b"echo x\0\0")
            answer = os.read(fd, 4096)
            os.close(fd)
        self.assertEqual(answer[4:12], bytes.fromhex("07000000 00000000"))
        self.assertIn(b"x", answer[12:])


if __name__ == "__main__":
    unittest.main()
