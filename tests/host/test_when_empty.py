# SPDX-License-Identifier: LGPL-2.1-or-later
"""What waits until nobody plays: stop and restart --when-empty, deadlines, updates; and that "empty" is never guessed."""

import follow
import host
from host import ctl


def intents(name):
    return host.status(name)["intents"]


def invocation(name):
    return host.show(host.server_unit(name), "InvocationID")


class WhenEmpty(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()

    def players(self, name, *players, options=()):
        """Starts the server with players on it."""
        self.server(name, *options)
        follow.start(name)
        for player in players:
            ctl("console", name, f"standin_join {player}")
        return invocation(name)

    def leave(self, name, player):
        ctl("console", name, f"standin_leave {player}")

    def wait_intent(self, watch, name, words):
        """Until the one intent of the server says that it waits for this."""
        return watch.wait_server(name, lambda p: p.get("intents") and words in p["intents"][0]["waits_for"], f"{name} waits: {words}")

    def wait_gone(self, watch, name):
        watch.wait_server(name, lambda p: p.get("intents") == [], f"{name} waits for nothing")

    def test_restart_when_the_last_one_has_gone(self):
        before = self.players("one", "ann", "bob")
        with follow.Watch() as watch, follow.Journal("LEFT4ME_INSTANCE=one") as journal:
            told = ctl("restart", "--when-empty", "one", user=host.ADMIN)
            self.assertIn("restarts when it is empty", told.out)
            self.wait_intent(watch, "one", "somebody plays")
            self.leave("one", "ann")
            self.assertIn("Intent", ctl("status", "one").out)
            self.assertIn(" +", ctl("list").out)
            self.assertEqual(invocation("one"), before)
            self.leave("one", "bob")
            journal.wait_text("restarts, as asked: nobody plays")
            self.wait_gone(watch, "one")
            watch.wait_state("one", "active")
        self.assertNotEqual(invocation("one"), before)
        self.assertEqual(intents("one"), [])

    def test_stop_of_an_empty_one_is_at_once(self):
        self.players("one")
        with follow.Watch() as watch:
            ctl("stop", "--when-empty", "one")
            watch.wait_state("one", "inactive")
            self.wait_gone(watch, "one")

    def test_a_deadline_is_announced_and_kept(self):
        before = self.players("one", "ann", options=("--line", "log on"))
        with follow.Watch() as watch, follow.Console("one") as console:
            ctl("restart", "--when-empty", "one", "--deadline", "+6s", "--announce", "3s,4s")
            self.assertEqual(self.wait_intent(watch, "one", "somebody plays")["intents"][0]["announcements"], [4, 3])
            console.next("This server restarts in 4 seconds.")
            console.next("This server restarts in 3 seconds.")
            self.wait_gone(watch, "one")
            watch.wait_state("one", "active")
        self.assertNotEqual(invocation("one"), before)

    def test_a_deadline_that_cannot_be_kept_is_not_forgotten(self):
        self.addCleanup(ctl, "overlay", "delete", "--yes", "late", check=False)
        ctl("overlay", "create", "late", "--kind", "files")
        before = self.players("one", "ann")
        ctl("configure", "one", "--overlay", "late")
        with follow.Watch() as watch:
            ctl("restart", "--when-empty", "one", "--deadline", "+1s")
            self.wait_intent(watch, "one", "its stack cannot be made")
            host.import_files("late", host.layer("late"))
            self.wait_gone(watch, "one")
            watch.wait_state("one", "active")
        self.assertNotEqual(invocation("one"), before)

    def test_cancelled(self):
        before = self.players("one", "ann")
        ctl("stop", "--when-empty", "one")
        ctl("cancel", "one")
        self.assertEqual(intents("one"), [])
        self.leave("one", "ann")
        with follow.Console("one") as console:
            ctl("console", "one", "standin_join bob")
            self.leave("one", "bob")
            console.next("Server is hibernating")
        self.assertEqual(invocation("one"), before)
        refused = ctl("cancel", "one", "--json", check=False)
        self.assertTrue(refused.json()[0]["error"].endswith(".NoSuchIntent"), str(refused))

    def test_refusals(self):
        self.server("one")
        self.assertEqual(ctl("stop", "--when-empty", "one", check=False).code, 3)
        follow.start("one")
        for words in (["--deadline", "+2h"], ["--announce", "1m"], ["--when-empty", "--announce", "1m"],
                      ["--when-empty", "--deadline", "yesterday"], ["--when-empty", "--deadline", "+2h", "--announce", "soon"],
                      ["--when-empty", "--deadline", "+90d"], ["--when-empty", "--deadline", "+2h", "--announce", "1m,60s"]):
            result = ctl("stop", "one", *words, check=False)
            self.assertIn(result.code, (1, 2), f"{words}: {result}")
            self.assertEqual(intents("one"), [])
        self.assertEqual(ctl("stop", "--when-empty", "one", user=host.GUEST, check=False).code, 5)
        self.assertEqual(intents("one"), [])

    def test_no_answer_is_not_empty(self):
        before = self.players("one")
        # Its console is deaf, and what it prints says that nobody is there.
        ctl("console", "one", "standin_garbage rcon", check=False)
        with follow.Watch() as watch:
            ctl("restart", "--when-empty", "one")
            self.wait_intent(watch, "one", "does not answer")
        self.assertEqual(invocation("one"), before)

    def test_a_player_who_looks_like_a_log_line(self):
        before = self.players("one", "ann", "bob", options=("--line", "log on"))
        ctl("console", "one", "standin_chat ann Server is hibernating")
        ctl("console", "one", 'standin_chat bob "ann<2><STEAM_1:0:4><>" disconnected (reason "x")')
        with follow.Watch() as watch:
            ctl("restart", "--when-empty", "one")
            self.wait_intent(watch, "one", "somebody plays")
            self.leave("one", "ann")
            self.leave("one", "bob")
            self.wait_gone(watch, "one")
        self.assertNotEqual(invocation("one"), before)

    def test_the_manager_dies_while_it_waits(self):
        before = self.players("one", "ann")
        ctl("restart", "--when-empty", "one", "--deadline", "+5h")
        asked = intents("one")[0]
        host.kill_manager()
        with follow.Watch() as watch:
            self.wait_intent(watch, "one", "somebody plays")
            again = intents("one")[0]
            for key in ("verb", "asked", "deadline", "announcements"):
                self.assertEqual(again[key], asked[key])
            self.leave("one", "ann")
            self.wait_gone(watch, "one")
            watch.wait_state("one", "active")
        self.assertNotEqual(invocation("one"), before)

    def test_an_update_waits_for_the_last_player(self):
        self.overlay("maps", host.layer("maps"))
        for name in ("one", "two"):
            self.server(name, "--overlay", "maps", "--update-when-empty")
            follow.start(name)
            ctl("console", name, "standin_join ann")
        before = {name: invocation(name) for name in ("one", "two")}
        with follow.Watch() as watch:
            host.import_files("maps", host.layer("maps", **{"left4dead2/new.txt": "new"}))
            for name in ("one", "two"):
                intent = self.wait_intent(watch, name, "somebody plays")["intents"][0]
                self.assertEqual((intent["verb"], intent["origin"]), ("restart", "update"))
            self.assertEqual(ctl("cancel", "one", check=False).code, 1)
            self.leave("one", "ann")
            watch.wait_server("one", lambda p: not p["update_pending"] and p["active_state"] == "active", "one has the update")
            self.assertEqual(invocation("two"), before["two"])
            self.wait_gone(watch, "one")
            self.assertEqual(host.mounted_layers("one")[0], ("maps", 2))
            # Without the policy nothing happens by itself.
            ctl("configure", "two", "--no-update-when-empty")
            self.wait_gone(watch, "two")
        self.assertEqual(invocation("two"), before["two"])
        self.assertEqual(host.mounted_layers("two")[0], ("maps", 1))
