# SPDX-License-Identifier: LGPL-2.1-or-later
"""What left4me-workshop makes of a network, and of servers, that are slow, broken or hostile."""

import base64
import os
import signal
import threading

from helper_case import Case, main, revision
from workshop import addon


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


if __name__ == "__main__":
    main()
