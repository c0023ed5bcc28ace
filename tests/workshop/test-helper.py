# SPDX-License-Identifier: LGPL-2.1-or-later
"""left4me-workshop against the stand-in, on the loopback of a network namespace of its own: $LEFT4ME_WORKSHOP is the program."""

import base64
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import workshop
from workshop import UPDATED, addon, vpk

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


class Network(Case):
    def setUp(self):
        super().setUp()
        self.data = addon("net", size=200000)
        self.workshop.add_item(1, self.data)

    def check(self):
        self.assertEqual(self.succeed(1)["1"]["state"], "current")
        self.assertEqual(self.read(f"cache/1-{revision(self.data)}.vpk"), self.data)
        self.assertEqual(len(self.cached()), 1)

    def test_cut_and_resumed(self):
        self.workshop.fail("/ugc/", "cut", times=2, after=70000)
        self.check()
        ranges = [entry[2]["range"] for entry in self.requests("GET", "/ugc/")]
        self.assertEqual(ranges[0], None)
        self.assertEqual(len(ranges), 3)
        self.assertTrue(all(text.startswith("bytes=") for text in ranges[1:]), ranges)

    def test_no_ranges(self):
        self.workshop.fail("/ugc/", "cut", after=70000)
        self.workshop.fail("/ugc/", "no-range")
        self.check()

    def test_chunked(self):
        self.workshop.fail("/ugc/", "chunked")
        self.check()

    def test_busy_server(self):
        self.workshop.fail("/ugc/", "status", status=429, retry_after=1)
        self.workshop.fail("/ugc/", "status", status=503)
        self.workshop.fail("/ISteam", "status", status=500)
        self.workshop.fail("/ISteam", "drop")
        self.workshop.fail("/ISteam", "body", body=base64.b64encode(b'{"response":{}}').decode())
        self.check()

    def test_calls_that_fail_are_told(self):
        self.workshop.fail("/ISteam", "status", times=2, status=503)
        self.workshop.fail("/ISteam", "drop")
        self.check()
        told = [line for line in self.out.splitlines() if line.startswith("@progress -1 ")]
        self.assertRegex(told[0], "asks the Workshop$")
        for attempt in (2, 3):
            self.assertRegex("\n".join(told), rf"the Workshop cannot be asked, tries again in 1 s \({attempt} of 7\): the server says 503")
            self.assertRegex("\n".join(told), rf"asks the Workshop again \({attempt} of 7\) after: the server says 503")
        self.assertRegex("\n".join(told), r"the Workshop cannot be asked, tries again in [12] s \(4 of 7\): \S+")

    def test_no_network(self):
        """Nobody is there: what is told while it tries, and how soon."""
        self.workshop.stop()
        process = self.begin(1)
        killer = threading.Timer(60, process.kill)
        killer.start()
        told = ""
        while "(3 of 7)" not in told:
            told = process.stdout.readline()
            self.assertTrue(told, "no word of a third attempt")
        process.kill()
        process.communicate()
        killer.cancel()
        self.assertRegex(told, r"^@progress -1 the Workshop cannot be asked, tries again in 1 s \(3 of 7\): .*(refused|connect)")

    def test_long_quiet_is_not_waited_for(self):
        self.workshop.fail("/ugc/", "status", status=429, retry_after=4000)
        self.refuse("wants no requests for 4000 seconds", 1)

    def test_killed_and_resumed(self):
        self.workshop.fail("/ugc/", "slow", after=100000)
        process = self.begin(1)
        part = self.path("cache", f"1-{revision(self.data)}.vpk.part")
        while not os.path.exists(part) or os.stat(part).st_size < 65536:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.workshop.release()
        self.check()
        self.assertRegex(self.requests("GET", "/ugc/")[-1][2]["range"], "bytes=[0-9]+-")

    def test_two_at_once_download_once(self):
        self.workshop.fail("/ugc/", "slow", after=100000)
        first = self.begin(1)
        while not self.requests("GET", "/ugc/"):
            self.assertIsNone(first.poll())
        second = self.begin(1, tree="second")  # as each build has its own
        while len(self.requests("POST", "/ISteamRemoteStorage/GetPublishedFileDetails")) < 2:
            self.assertIsNone(second.poll())
        self.workshop.release()
        for process in (first, second):
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len(self.requests("GET", "/ugc/")), 1)
        self.assertEqual(self.cached(), [f"1-{revision(self.data)}.vpk"])

    def test_redirections(self):
        self.workshop.fail("/ugc/1/", "redirect", to="/ugc/2/" + "%040X" % 2 + "/")
        self.workshop.add_item(2, self.data)
        self.check()

    def test_redirection_elsewhere(self):
        for to in ("http://127.0.0.1:1/x", "https://evil.example/x", "ftp://x/", "http://user@" + self.workshop.host + "/"):
            self.workshop.fail("/ugc/", "redirect", to=to)
            with self.subTest(to):
                self.refuse("item 1", 1)
                self.assertRegex(self.err, "does not allow|none that can be fetched")

    def test_redirection_of_the_api(self):
        self.workshop.fail("/ISteam", "redirect", to="http://evil.example/")
        self.refuse("302", 1)

    def test_redirections_without_end(self):
        self.workshop.fail("/ugc/", "redirect", times=20, to="/ugc/1/" + "%040X" % 1 + "/")
        self.refuse("again and again", 1)

    def test_bad_answers(self):
        for body in (b"", b"<html>", b"[" * 200000, b'{"response":' + b'{"a":' * 100 + b"1" + b"}" * 101, b'{"response":{"collectiondetails":3}}',
                     b'{"response":{"collectiondetails":[{"publishedfileid":{}}]}}', b"{/*" + b"[" * 100000, b'{"a":"\xff\xfe"}', b"nul\0"):
            self.workshop.fail("GetCollectionDetails", "body", body=base64.b64encode(body).decode())
            with self.subTest(body[:40]):
                self.check()

    def test_endless_answer(self):
        self.workshop.fail("GetCollectionDetails", "body", body=base64.b64encode(b" " * (17 << 20)).decode())
        self.refuse("too long", 1)

    def test_bad_configuration(self):
        for api in ("ftp://x", "https://u@x", "https://x/path", "nothing"):
            self.refuse("WorkshopAPI=", 1, api=api)
        self.refuse("WorkshopHosts=", 1, hosts="a/b")


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
    own_network()
    unittest.main()
