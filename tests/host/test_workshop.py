# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays of the Steam Workshop on a real host: tests/workshop's stand-in is in the Internet, behind a name and TLS as the real one."""

import base64
import json
import os
import re
import shutil
import signal
import ssl
import sys
import urllib.request

import follow
import ground
import host
import internet
import outside
from host import LIBRARY, ctl, ctl_json, path_of, run

sys.path += [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", name) for name in ("workshop", "steam")]

import steam  # noqa: E402
import workshop  # noqa: E402
from workshop import UPDATED  # noqa: E402

ADDRESS, NAME = f"{internet.RANGES[4]}7", f"workshop.{internet.DOMAIN}"
CONFIG = "/etc/left4me/left4me.conf.d/test-workshop.conf"
CACHE = LIBRARY + "/workshop_cache"
STEAM = LIBRARY + "/steam"
INSTALLER = f"https://files.{internet.DOMAIN}/steamcmd.tar.gz"
OVERLAY = host.BUS_NAME + ".Overlay"
PAGE = "https://steamcommunity.com/sharedfiles/filedetails/?id="
MIB = 1 << 20


def show(overlay):
    return ctl_json("overlay", "show", overlay)


def items(overlay):
    return {item["id"]: item for item in ctl_json("overlay", "items", overlay)}


def states(overlay):
    return {number: item["state"] for number, item in items(overlay).items()}


def addons(overlay):
    """Name and inode of each file of the current version."""
    folder = f"{LIBRARY}/overlays/{overlay}/versions/{show(overlay)['current']}/left4dead2/addons"
    return {name: os.stat(f"{folder}/{name}").st_ino for name in sorted(os.listdir(folder))} if os.path.isdir(folder) else {}


def campaign(name, size=0, **answer):
    return {"addon": {"name": name, "title": name.title(), "size": size}, "title": f"The {name.title()}", "answer": answer}


class Workshop(host.Case):
    @classmethod
    def setup_class(cls):
        cls.world = internet.Internet.for_test(cls)
        cls.world.names(workshop=ADDRESS, other=ADDRESS)
        cls.world.trust()
        program = cls.world.command("/usr/bin/python3", "-B", workshop.__file__, f"{ADDRESS}:443",
                                    "--tls", *cls.world.certificate("workshop"), "--url", f"https://{NAME}")
        cls.standin = outside.Program(program)
        cls.addClassCleanup(cls.standin.kill)
        cls.addClassCleanup(ctl, "reload")
        cls.addClassCleanup(os.unlink, CONFIG)
        cls.configure(f"https://{NAME}")

    @classmethod
    def configure(cls, api):
        os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
        with open(CONFIG, "w", encoding="utf-8") as file:
            file.write(f"[Manager]\nWorkshopAPI={api}\nWorkshopHosts={NAME}\nSteamcmdInstaller={INSTALLER}\nSteamRetrySeconds=0\n")
        ctl("reload")

    def setUp(self):
        for name in os.listdir(CACHE):
            os.unlink(f"{CACHE}/{name}")
        self.tell(reset=True)

    def ask(self, path, data=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        data = json.dumps(data).encode() if data is not None else None
        with urllib.request.urlopen(urllib.request.Request(f"https://{ADDRESS}{path}", data), context=context) as answer:
            return json.load(answer)

    def tell(self, **what):
        self.ask("/control", what)

    def asked(self, method, path=""):
        """The paths, and what else is known, of the requests of this test."""
        return [(entry[1], entry[2]) for entry in self.ask("/log") if entry[0] == method and path in entry[1]]

    def make(self, name, *wanted):
        self.addCleanup(ctl, "overlay", "delete", "--yes", name, check=False)
        ctl("overlay", "create", name, "--kind", "workshop", *[word for item in wanted for word in ("--item", item)])
        return name

    def built(self, name="maps"):
        """Builds it; its files."""
        ctl("overlay", "build", name)
        return addons(name)

    def fails(self, *texts, name="maps"):
        before = show(name)["versions"]
        failed = ctl("overlay", "build", name, check=False)
        self.assertEqual(failed.code, 1, str(failed))
        for text in texts:
            self.assertIn(text, failed.err)
        self.assertEqual(show(name)["versions"], before)
        return ctl_json("job", "show", str(show(name)["last_job"]))["message"]

    def begin(self, name="maps"):
        told = ctl_json("overlay", "build", name, "--detach")
        return (told if isinstance(told, dict) else told[0])["job"]

    def assert_nothing_left(self):
        with ground.Ground() as g:
            self.assertEqual(ground.settle(g), [])


class Builds(Workshop):
    TAKES = 15

    @classmethod
    def setup_class(cls):
        super().setup_class()
        host.make_game()

    def test_from_items_to_servers(self):
        self.tell(items={str(n): campaign(name) for n, name in enumerate(("dark", "light", "grey", "white"), 1)},
                  collections={"10": [2, [11, 2]], "11": [3, [10, 2], 2]})
        self.make("maps", PAGE + "1&searchtext=x", "10")
        self.assertEqual(states("maps"), {"1": "wanted", "10": "wanted"})
        files = self.built()
        self.assertEqual(states("maps"), {"1": "current", "10": "collection", "2": "current", "11": "collection", "3": "current"})
        told = items("maps")["1"]
        self.assertEqual((told["title"], told["updated"], told["pinned"]), ("The Dark", UPDATED * 1000000, False))
        self.assertEqual(list(files), ["1.vpk", "2.vpk", "3.vpk"])
        self.assertEqual(sorted(files.values()), sorted(os.stat(f"{CACHE}/{name}").st_ino for name in os.listdir(CACHE)))

        self.server("versus", "--overlay", "maps")
        self.server("plain")
        follow.start("versus")
        for name, inode in files.items():
            self.assertEqual(os.stat(host.merged("versus") + f"/left4dead2/addons/{name}").st_ino, inode)
        told = {c["name"]: c for c in ctl_json("campaigns", "versus")}
        self.assertEqual(sorted(told), ["dark", "grey", "light"])
        self.assertEqual((told["dark"]["servers"], told["dark"]["overlay"], told["dark"]["title"]), (["versus"], "maps", "Dark"))
        self.assertEqual(told["dark"]["modes"]["coop"], [{"map": "dark01", "title": "dark chapter 1"}, {"map": "dark02", "title": "dark chapter 2"}])
        self.assertEqual(ctl_json("campaigns", "plain"), [])

        # What runs keeps what it has; what is not wanted any more goes, from the version and at the next start.
        ctl("overlay", "items", "maps", "rm", "10", "--build")
        ctl("overlay", "items", "maps", "add", PAGE + "4", "--build")
        self.assertEqual(list(addons("maps")), ["1.vpk", "4.vpk"])
        self.assertEqual(addons("maps")["1.vpk"], files["1.vpk"])
        self.assertTrue(os.path.exists(host.merged("versus") + "/left4dead2/addons/2.vpk"))
        self.assertTrue(host.status("versus")["update_pending"])
        ctl("restart", "versus")
        self.assertEqual(sorted(os.listdir(host.merged("versus") + "/left4dead2/addons")), ["1.vpk", "4.vpk"])

    def test_news_by_night_pins_and_rollback(self):
        self.tell(items={"1": campaign("dark"), "2": campaign("light"), "3": campaign("grey")})
        self.make("maps", "1", "2")
        self.make("others", "3")
        first = self.built()
        quiet = self.built("others")
        ctl("overlay", "items", "maps", "pin", "2", "--build")
        self.assertEqual(len(show("maps")["versions"]), 1)

        news = {"time_updated": UPDATED + 100}
        self.tell(items={"1": campaign("dark", **news), "2": campaign("light", **news)})
        self.assertEqual(run("systemctl", "is-enabled", "left4me-workshop-refresh.timer").out.strip(), "enabled")
        run("systemctl", "start", "left4me-workshop-refresh.service")
        for job in {show(name)["last_job"] for name in ("maps", "others")}:
            ctl("job", "wait", str(job))
        second = addons("maps")
        self.assertNotEqual(second["1.vpk"], first["1.vpk"])
        self.assertEqual(second["2.vpk"], first["2.vpk"])
        self.assertEqual((addons("others"), len(show("others")["versions"])), (quiet, 1))
        self.assertEqual(states("maps"), {"1": "current", "2": "outdated"})
        self.assertTrue(items("maps")["2"]["pinned"])
        self.assertFalse(show("maps")["update_available"])

        # Whoever went back is told of the news, and left alone with it.
        ctl("overlay", "rollback", "maps")
        self.assertTrue(show("maps")["update_available"])
        self.assertEqual(states("maps")["1"], "outdated")
        self.assertEqual({job["state"] for job in ctl_json("overlay", "refresh")}, {"succeeded"})
        self.assertEqual(addons("maps"), first)
        ctl("overlay", "items", "maps", "unpin", "2", "--build")
        third = addons("maps")
        self.assertEqual((third["1.vpk"], states("maps")), (second["1.vpk"], {"1": "current", "2": "current"}))
        self.assertNotEqual(third["2.vpk"], first["2.vpk"])

        # One that its author took away stays.
        self.tell(items={"1": None})
        self.assertEqual((self.built(), states("maps")["1"]), (third, "kept"))
        self.assertEqual(len(self.asked("GET", "/ugc/")), 5)

    def test_refusals(self):
        elsewhere = {"match": "/ugc/7/", "what": "redirect", "to": "https://files.example/x", "times": 9}
        self.tell(items={"1": campaign("good"), "2": campaign("dark", result=15), "3": campaign("bad", banned=1),
                         "4": campaign("far", file_url="https://elsewhere.example/x"), "6": campaign("long", file_size=10),
                         "7": campaign("away"), "8": campaign("huge", file_size=1 << 50)}, faults=[elsewhere])
        self.make("maps", "2", "3", "4", "5", "6")
        self.fails("item 2: ", "private", "item 3 (The Bad): ", "banned", "item 4 (The Far): ", "elsewhere.example", "item 5: ",
                   "not in the Workshop", "item 6 (The Long): ", "larger than")
        ctl("overlay", "items", "maps", "rm", "2", "3", "4", "5", "6")
        ctl("overlay", "items", "maps", "add", "7", "1")
        self.fails("item 7 (The Away): ", "files.example, which WorkshopHosts= does not allow")
        ctl("overlay", "items", "maps", "rm", "7")
        ctl("overlay", "items", "maps", "add", "8")
        self.fails("make room")
        self.assertEqual([request for request in self.world.requests() if request[2] == "/x"], [])
        # What was there already is not lost with the others.
        self.assertEqual(os.listdir(CACHE), [f"1-{UPDATED}-{items_size('good')}.vpk"])
        self.assert_nothing_left()

    def test_who_asks_and_how(self):
        self.overlay("files", {"a": "b"})
        self.make("maps", "1")
        self.assert_refused(ctl("overlay", "items", "files", "add", "1", "--json", check=False), "WrongKind")
        self.assert_refused(ctl("overlay", "items", "maps", "pin", "1", "--json", check=False), "NoSuchItem")
        name, message = host.call_error(path_of("overlay", "maps"), OVERLAY + ".SetItems", "['1', 'x']")
        self.assertEqual(name, host.ERROR + "InvalidArgument")
        self.assertIn("'x' is no item of the Workshop", message)
        for words in (("items", "maps", "add", "https://example.org/?id=5"), ("items", "maps", "add", "0"),
                      ("create", "other", "--kind", "files", "--item", "1")):
            self.assertEqual(ctl("overlay", *words, check=False).code, 2, words)
        for words in (("items", "maps", "add", "2"), ("items", "maps", "rm", "1"), ("build", "maps"), ("refresh",)):
            self.assertEqual(ctl("overlay", *words, user=host.GUEST, check=False).code, 5, words)
        self.assertEqual(states("maps"), {"1": "wanted"})
        self.assertEqual(self.asked("POST"), [])

    def test_cache_is_cleaned(self):
        self.tell(items={"1": campaign("dark")})
        self.make("maps", "1")
        self.built()
        used = os.listdir(CACHE)[0]
        run("touch", "-d", "20 days ago", f"{CACHE}/{used}")
        for name in ("5-1-1.vpk", "6-1-1.vpk.part", "7-1-1.vpk"):
            run("touch", "-d", "now" if name[0] == "7" else "20 days ago", f"{CACHE}/{name}", user="left4me")
        ctl("overlay", "refresh")
        ctl("job", "wait", str(next(job for job in ctl_json("job", "list") if job["kind"] == "clean")["job"]))
        self.assertEqual(sorted(os.listdir(CACHE)), sorted([used, "7-1-1.vpk"]))


def items_size(name):
    return len(workshop.addon(name, title=name.title()))


class Network(Workshop):
    TAKES = 12

    def wait_downloading(self, job, watch):
        """Until half of the one item is there."""
        watch.wait_object("job", str(job), lambda p: re.match(r"downloads: 0 of 1 items, 2\.[6-9]", p.get("message", "")), "the progress")
        told = ctl_json("job", "show", str(job))
        self.assertTrue(0.5 < told["progress"] < 0.9, told)

    def slow(self):
        """An item of which a bit more than two of three MiB come, and then nothing worth mentioning."""
        self.tell(items={"1": campaign("big", size=3 * MIB)}, faults=[{"match": "/ugc/", "what": "slow", "after": 2 * MIB + MIB // 2}])
        self.make("maps", "1")

    def check_resumed(self):
        """The next build goes on where the other one was ended."""
        self.assertEqual(show("maps")["versions"], [])
        self.assertEqual([name.endswith(".vpk.part") for name in os.listdir(CACHE)], [True])
        self.assert_nothing_left()
        self.tell(release=True)
        self.assertEqual(list(self.built()), ["1.vpk"])
        begins = [re.fullmatch("bytes=([0-9]+)-", more["range"] or "bytes=0-")[1] for _, more in self.asked("GET", "/ugc/")]
        self.assertEqual(begins[0], "0")
        self.assertGreaterEqual(int(begins[1]), 2 * MIB)
        tree = f"{LIBRARY}/overlays/maps/versions/{show('maps')['current']}/left4dead2/addons/1.vpk"
        with open(tree, "rb") as file:
            self.assertEqual(file.read(), workshop.addon("big", title="Big", size=3 * MIB))

    def test_cancelled_and_gone_on_with(self):
        self.slow()
        with follow.Watch() as watch:
            job = self.begin()
            self.wait_downloading(job, watch)
            ctl("job", "cancel", str(job))
        self.assertEqual(ctl_json("job", "show", str(job))["state"], "cancelled")
        self.check_resumed()

    def test_manager_killed_and_gone_on_with(self):
        self.slow()
        with follow.Watch() as watch:
            job = self.begin()
            self.wait_downloading(job, watch)
        with ground.Ground() as g:
            pid = g.manager_pid()
            os.kill(pid, signal.SIGKILL)
            g.until(lambda: g.manager_pid() not in (0, pid), what="a new left4med")
        told = ctl_json("job", "show", str(job))
        self.assertEqual(told["state"], "failed")
        self.assertIn("interrupted", told["message"])
        self.check_resumed()

    def test_a_busy_server(self):
        self.tell(items={"1": campaign("dark", size=MIB)},
                  faults=[{"match": "/ISteam", "what": "status", "status": 500}, {"match": "/ugc/", "what": "status", "status": 429, "retry_after": 1},
                          {"match": "/ugc/", "what": "cut", "after": 300000}, {"match": "/ugc/", "what": "status", "status": 503}])
        self.make("maps", "1")
        self.assertEqual(list(self.built()), ["1.vpk"])
        self.assertEqual(len(self.asked("GET", "/ugc/")), 4)
        self.tell(reset=True, faults=[{"match": "/ISteam", "what": "status", "status": 429, "retry_after": 4000}])
        self.make("others", "2")
        self.fails("wants no requests for 4000 seconds: try again later", name="others")

    def test_a_server_that_is_another(self):
        self.tell(items={"1": campaign("dark")})
        self.make("maps", "1")
        self.addCleanup(self.configure, f"https://{NAME}")
        api = f"https://other.{internet.DOMAIN}"
        self.configure(api)
        self.fails(f"the Workshop cannot be asked at {api}: ", "certificate")
        self.assertEqual(self.asked("POST"), [])


class BySteamcmd(Workshop):
    """Items that Steam gives only to its own client."""

    TAKES = 8

    def setUp(self):
        super().setUp()
        for name in os.listdir(STEAM):
            path = os.path.join(STEAM, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.world.write("steamcmd.tar.gz", steam.installer())
        self.tell(items={"1": campaign("plain"), "6": campaign("hidden", file_url="", file_size=0),
                         "7": campaign("old", file_url="https://images.steamusercontent.com/ugc/7/")}, collections={"10": [6, 7, 1]})
        self.steam_has()

    def steam_has(self, **knobs):
        files = {"6": ("some map.vpk", "hidden"), "7": ("1234_legacy.bin", "old")}
        steam.tell(f"{STEAM}/home", items={number: {name: base64.b64encode(workshop.addon(addon)).decode()}
                                           for number, (name, addon) in files.items()}, **knobs)
        run("chown", "-R", "left4me:left4me", f"{STEAM}/home")

    def runs(self):
        return len(steam.runs(f"{STEAM}/home"))

    def test_together_with_others(self):
        self.make("maps", "10")
        self.steam_has(item_faults={"7": ["Timeout"]})
        files = self.built()
        self.assertEqual(list(files), ["1.vpk", "6.vpk", "7.vpk"])
        self.assertEqual(states("maps"), {"10": "collection", "6": "current", "7": "current", "1": "current"})
        self.assertEqual(sorted(c["name"] for c in ctl_json("campaigns")), ["hidden", "old", "plain"])
        self.assertIn("Downloading item 6", ctl("job", "logs", str(show("maps")["last_job"])).out)
        self.assertEqual(sorted(files.values()), sorted(os.stat(f"{CACHE}/{name}").st_ino for name in os.listdir(CACHE)))
        version = f"{LIBRARY}/overlays/maps/versions/{show('maps')['current']}"
        self.assertEqual(os.listdir(version), ["left4dead2"])
        # What there is already is not fetched again, and nobody else needs steamcmd.
        self.assertEqual(self.runs(), 2)
        self.make("others", "6", "1")
        self.assertEqual(self.built("others")["6.vpk"], files["6.vpk"])
        self.tell(items={"6": campaign("hidden", file_url="", file_size=0, time_updated=UPDATED + 9)})
        self.assertEqual(self.runs(), 2)
        self.assertNotEqual(self.built()["6.vpk"], files["6.vpk"])
        self.assertEqual(addons("maps")["7.vpk"], files["7.vpk"])
        self.assert_nothing_left()

    def test_what_does_not_come(self):
        self.make("maps", "6", "1")
        self.steam_has(say=["FAILED (Invalid Password)"])
        self.assertRegex(self.fails("the anonymous login was refused"), "^the anonymous login")  # and not what steamcmd said before
        self.world.write("steamcmd.tar.gz", steam.installer(steam.program_of_32_bits()))
        shutil.rmtree(f"{STEAM}/steamcmd")  # as the first time: it is fetched, and its libraries are looked for
        self.fails("ld-linux.so.2", "dpkg --add-architecture i386")
        self.assert_nothing_left()

    def test_cancelled_in_the_middle_of_it(self):
        self.make("maps", "6")
        self.steam_has(hang=True)
        job = self.begin()
        with follow.Lines("left4mectl", "job", "logs", "-f", str(job)) as log:
            log.wait(lambda line: "Loading Steam API" in line, "steamcmd at work")
        ctl("job", "cancel", str(job))
        self.assertEqual(ctl_json("job", "show", str(job))["state"], "cancelled")
        self.assert_nothing_left()
