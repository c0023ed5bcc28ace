# SPDX-License-Identifier: LGPL-2.1-or-later
"""What left4me-workshop makes of items and collections: what it takes, where from, what it refuses, and what it writes down."""

import os
import shutil

import workshop
from helper_case import MANIFEST, WISHES, Case, main, revision
from workshop import UPDATED, addon, vpk


class Items(Case):
    def test_item_and_what_is_in_it(self):
        data = addon("dark", maps=2, title="Dark Night")
        self.workshop.add_item(77, data, "A <b>dark</b>\tnight\x1b[31m")
        item = self.succeed(77)["77"]
        self.assertEqual((item["state"], item["source"], item["revision"], item["size"]), ("current", "cache", revision(data), len(data)))
        self.assertEqual(item["title"], "A <b>dark</b> night[31m")
        self.assertEqual(item["campaigns"], [
            ["campaign", "dark", "Dark Night"], ["mode", "coop"], ["map", "dark01", "dark chapter 1"], ["map", "dark02", "dark chapter 2"],
            ["mode", "versus"], ["map", "dark01", "dark chapter 1"]])
        self.assertEqual(self.cached(), [f"77-{revision(data)}.vpk"])
        self.assertEqual(self.read(f"cache/77-{revision(data)}.vpk"), data)

    def test_cache_is_used_and_not_written(self):
        data = addon("one")
        self.workshop.add_item(1, data)
        self.succeed(1)
        name = self.path("cache", self.cached()[0])
        os.utime(name, (1000, 1000))
        before = os.stat(name)
        self.succeed(1)
        after = os.stat(name)
        self.assertEqual((before.st_ino, before.st_size), (after.st_ino, after.st_size))
        self.assertGreater(after.st_mtime, 1000)
        self.assertEqual(len(self.requests("GET", "/ugc/")), 1)

    def test_maps_without_a_mission(self):
        self.workshop.add_item(5, vpk({"maps/Some_Map.bsp": b"", "maps/sub/no.bsp": b"", "maps/a b.bsp": b""}))
        self.assertEqual(self.succeed(5)["5"]["campaigns"], [["campaign", "", "Item 5"], ["mode", ""], ["map", "some_map", "some_map"]])

    def test_title_from_the_addon(self):
        self.workshop.add_item(5, addon("x", title="Inside"), title=" ")
        self.workshop.items["5"]["answer"]["title"] = ""
        self.assertEqual(self.succeed(5)["5"]["title"], "Inside")

    def test_numbers_in_quotes_or_not(self):
        data = addon("n")
        self.workshop.add_item(9, data, file_size=len(data), time_updated=str(UPDATED), consumer_app_id="550", banned="0")
        self.assertEqual(self.succeed(9)["9"]["revision"], revision(data))

    def test_many_items_in_batches(self):
        for number in range(1, 121):
            self.workshop.add_item(number, vpk({"a.txt": str(number).encode()}))
        items = self.succeed(*range(1, 121))
        self.assertEqual(list(items), [str(n) for n in range(1, 121)])
        counts = [int(entry[2]["itemcount"]) for entry in self.requests("POST", "/ISteamRemoteStorage/GetPublishedFileDetails")]
        self.assertEqual(counts, [100, 20])

    def test_unknown_size(self):
        data = addon("u")
        self.workshop.add_item(3, data, file_size=None)
        self.assertEqual(self.succeed(3)["3"]["revision"], f"{UPDATED}-0")


class Collections(Case):
    def test_nested_and_in_a_circle(self):
        for number in (1, 2, 3, 4):
            self.workshop.add_item(number, addon(f"c{number}"))
        self.workshop.add_collection(10, [1, (11, 2), 4])
        self.workshop.add_collection(11, [2, (10, 2), 3, 2])
        items = self.succeed(10)
        self.assertEqual(list(items), ["10", "1", "11", "2", "3", "4"])
        self.assertEqual(items["10"]["state"], "collection")
        self.assertEqual(items["10"]["title"], "Collection")

    def test_missing_child_is_left_out(self):
        self.workshop.add_item(1, addon("one"))
        self.workshop.add_collection(10, [1, 2])
        items = self.succeed(10)
        self.assertEqual((items["1"]["state"], items["2"]["state"]), ("current", "not-found"))
        self.assertIn("item 2 () of a collection is left out", self.err)

    def test_too_deep(self):
        for n in range(100, 120):
            self.workshop.add_collection(n, [(n + 1, 2)])
        self.refuse("nested too deeply", 100)


class Refused(Case):
    def test_each_by_name(self):
        gone = {2: {"result": 9}, 3: {"result": 15}, 4: {"banned": 1}, 5: {"consumer_app_id": 440}, 6: {"result": 8},
                8: {"file_url": "https://elsewhere.example/x"}, 9: {"file_url": "file:///etc/passwd"}, 11: {"result": 2}}
        texts = {2: "not in the Workshop", 3: "private", 4: "banned", 5: "another game (app 440)", 6: "result 8",
                 8: "elsewhere.example, which WorkshopHosts= does not allow", 9: "none that can be fetched", 11: "result 2"}
        for number, answer in gone.items():
            self.workshop.add_item(number, addon("x"), f"Title {number}", **answer)
            with self.subTest(number):
                self.refuse(texts[number], number)
                self.assertIn(f"item {number}", self.err)
        self.refuse("and 3 more", *gone)

    def test_stays_when_the_version_before_has_it(self):
        data = addon("old")
        self.write("tree/left4dead2/addons/2.vpk", data)
        item = self.succeed("want 2", f"have 2 5-{len(data)}")["2"]
        self.assertEqual((item["state"], item["source"], item["revision"], item["upstream"]), ("kept", "base", f"5-{len(data)}", ""))
        self.assertEqual(item["campaigns"][0], ["campaign", "old", "Old"])

    def test_no_vpk(self):
        for number, data in enumerate((b"<html>hello</html>", b"\x34\x12\xaa\x55\x01\0\0\0\xff\xff\xff\x7f", addon("x")[:40], b""), 1):
            self.workshop.add_item(number, data, file_size=len(data) or None)
            with self.subTest(data[:20]):
                self.refuse("no VPK, or a broken one", number)
                self.assertEqual(self.cached(), [])

    def test_wrong_size(self):
        data = addon("x")
        for number, size in enumerate((len(data) - 1, len(data) + 1), 1):
            self.workshop.add_item(number, data, file_size=size)
            with self.subTest(size):
                self.refuse("larger than" if size < len(data) else f"has {len(data)} bytes", number)
                self.assertEqual(self.cached(), [])


class BySteamcmd(Case):
    """Items that Steam gives only to its own client: left4me-steam fetches them, between two calls of this program."""

    def setUp(self):
        super().setUp()
        self.data = addon("hidden")
        self.workshop.add_item(1, addon("plain"))
        self.workshop.add_item(6, self.data, file_url="", file_size=0)
        self.workshop.add_item(7, self.data, file_url="http://images.steamusercontent.com/ugc/7/")

    def wishes(self, *items):
        self.assertFalse(self.build(*items))
        self.assertEqual(self.code, WISHES, self.err)
        self.assertFalse(os.path.exists(self.path("tree", MANIFEST)))
        return self.read("tree/.left4me-steam/wanted").decode()

    def bring(self, name, data):
        self.write("tree/.left4me-steam/" + name, data)

    def test_wanted_first_and_downloaded_then(self):
        wanted = f"6 {UPDATED}-0\n7 {UPDATED}-{len(self.data)}\n"
        self.assertEqual(self.wishes(1, 6, 7), wanted)
        self.assertEqual((self.requests("GET", "/"), self.cached()), ([], []))
        self.bring(f"6-{UPDATED}-0.vpk", self.data)
        self.bring(f"7-{revision(self.data)}.vpk", self.data)
        self.bring("told", b"")
        items = self.succeed(1, 6, 7)
        self.assertEqual({(i["state"], i["source"]) for i in items.values()}, {("current", "cache")})
        self.assertEqual(items["6"]["campaigns"][0][1], "hidden")
        self.assertEqual(self.read(f"cache/6-{UPDATED}-0.vpk"), self.data)
        self.assertEqual(len(self.cached()), 3)
        # From now on it is in the cache, as all others.
        shutil.rmtree(self.path("tree", ".left4me-steam"))
        self.succeed(1, 6, 7)
        seen = [f"seen {n} {items[n]['upstream']}" for n in ("1", "6", "7")]
        self.assertTrue(self.build(1, 6, 7, *seen), self.err)
        self.assertFalse(os.path.exists(self.path("tree", MANIFEST)))

    def test_the_version_before_has_it(self):
        self.write("tree/left4dead2/addons/6.vpk", self.data)
        self.assertEqual(self.succeed("want 6", f"have 6 {UPDATED}-0")["6"]["source"], "base")
        self.assertEqual(self.wishes("want 6", "have 6 5-0"), f"6 {UPDATED}-0\n")
        self.bring("told", b"6 steamcmd says: Access Denied\n")
        self.assertEqual(self.succeed("want 6", "have 6 5-0")["6"]["state"], "kept")
        self.assertIn("item 6 (Item 6) stays as it was: Steam gives it only to its own client, and steamcmd says: Access Denied", self.err)

    def test_what_did_not_come(self):
        self.wishes(6, 7)
        self.bring("told", b"6 steamcmd says: Timeout\n")
        self.refuse("item 6 (Item 6): Steam gives it only to its own client, and steamcmd says: Timeout; item 7 (Item 7): it has changed", 6, 7)
        self.workshop.add_collection(10, [6, 1])
        items = self.succeed(10)
        self.assertEqual((items["6"]["state"], items["1"]["state"]), ("needs-steamcmd", "current"))
        # Each look for news tries again.
        self.assertEqual(items["6"]["upstream"], "")
        shutil.rmtree(self.path("tree", ".left4me-steam"))
        seen = [f"seen {n} {items[n]['upstream'] or '-'}" for n in ("10", "6", "1")]
        self.assertEqual(self.wishes(10, *seen), f"6 {UPDATED}-0\n")

    def test_what_came_is_none(self):
        self.wishes(6)
        self.bring("told", b"")
        for data in (b"", b"<html>", self.data[:30]):
            self.bring(f"6-{UPDATED}-0.vpk", data)
            self.refuse("item 6 (Item 6): what came is no VPK, or a broken one", 6)
            self.assertEqual(self.cached(), [])
        os.unlink(self.path("tree", ".left4me-steam", f"6-{UPDATED}-0.vpk"))
        self.write("secret", self.data)
        os.symlink(self.path("secret"), self.path("tree", ".left4me-steam", f"6-{UPDATED}-0.vpk"))
        self.refuse("it has changed", 6)

    def test_answers_that_are_none(self):
        self.wishes(6)
        for told in (b"6\n", b"x y\n", b"6 a\0b\n"):
            self.bring("told", told)
            self.refuse("cannot read what steamcmd said", 6)


class Versions(Case):
    def setUp(self):
        super().setUp()
        self.data = addon("v")
        self.workshop.add_item(1, self.data)

    def test_pinned(self):
        self.write("tree/left4dead2/addons/1.vpk", addon("older"))
        item = self.succeed("want 1", "pin 1 5-6", "have 1 5-6")["1"]
        self.assertEqual((item["source"], item["revision"], item["upstream"]), ("base", "5-6", revision(self.data)))
        self.assertEqual(item["campaigns"][0][1], "older")
        os.unlink(self.path("tree/left4dead2/addons/1.vpk"))
        self.refuse("unpin it", "want 1", "pin 1 5-6")
        self.write("cache/1-5-6.vpk", addon("cached"))
        self.assertEqual(self.succeed("want 1", "pin 1 5-6")["1"]["source"], "cache")

    def test_no_news(self):
        seen = f"seen 1 {revision(self.data)}"
        self.assertTrue(self.build("want 1", seen), self.err)
        self.assertFalse(os.path.exists(self.path("tree", MANIFEST)))
        self.workshop.add_item(1, self.data, time_updated=UPDATED + 5)
        self.assertEqual(self.succeed("want 1", seen)["1"]["revision"], revision(self.data, UPDATED + 5))

    def test_same_file_of_the_version_before(self):
        self.write("tree/left4dead2/addons/1.vpk", self.data)
        self.assertEqual(self.succeed("want 1", f"have 1 {revision(self.data)}")["1"]["source"], "base")
        self.assertEqual(self.requests("GET", "/ugc/"), [])

    def test_nothing_wanted(self):
        self.assertEqual(self.succeed(), {})


class Hostile(Case):
    def test_texts_and_names(self):
        odd = vpk({"missions/a.txt": b"\xff\xfe" + "\"mission\" { Name x modes { coop { 1 { Map \"..\\\\x\" } } } }".encode("utf-16-le"),
                   "missions/b.txt": b'"mission" { "Name" "b\x1b[2J\n\t" "DisplayTitle" "#TOKEN" modes { coop { 2 { Map B2.bsp } 1 { Map B1 DisplayName "'
                                     + b"x" * 3000 + b'" } } } }',
                   "missions/c.txt": b"{" * 5000, "missions/d.txt": b"\0", "missions/e.txt": b'"mission" {', "missions/f/g.txt": b"no"})
        self.workshop.add_item(1, odd, "\u202eevil\u0007\n")
        item = self.succeed(1)["1"]
        self.assertEqual(item["title"], "evil")
        self.assertEqual(item["campaigns"], [["campaign", "b[2J", "b[2J"], ["mode", "coop"], ["map", "b1", "x" * 128], ["map", "b2", "b2"]])

    def test_bombs(self):
        big = workshop.mission("big", "Big", {f"m{k}": [(f"map{k}x{i}", "t" * 100) for i in range(100)] for k in range(20)})
        self.workshop.add_item(1, vpk({f"missions/{n}.txt": big for n in range(3)}))
        self.workshop.add_item(2, addon("fine"))
        items = self.succeed(1, 2)
        self.assertEqual(items["1"]["campaigns"], [])
        self.assertEqual(items["2"]["campaigns"][0][1], "fine")
        self.assertIn("too many campaigns", self.err)


if __name__ == "__main__":
    main()
