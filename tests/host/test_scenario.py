# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays of all kinds from their sources to what a server sees, as a member of left4me-admin does it; and a game update with players on."""

import os
import subprocess
import tempfile

import follow
import host
import internet
import test_workshop
import upstream
from host import ctl, ctl_json

# Says what it does, and waits until the web server has a file of that name.
WAIT = r"""wait_for() {
    echo "@progress 10 waits for $1"
    while :; do
        exec 3<>/dev/tcp/%s/80
        printf 'GET /%%s HTTP/1.0\r\nHost: files.example\r\n\r\n' "$1" >&3
        read -r _ status _ <&3
        exec 3>&-
        [ "$status" != 200 ] || break
        sleep 0.05
    done
}
""" % internet.WEB
LAYER = 'mkdir -p left4dead2/layers left4dead2/cfg; : >left4dead2/layers/$OVERLAY_NAME; echo $OVERLAY_NAME >left4dead2/layer.txt\n'
LATEST = 'echo \'sv_tags "%s"\' >left4dead2/cfg/server.cfg\n'


def script(content, *waits):
    return "set -e\n" + WAIT + LAYER + content + "".join(f"wait_for {name}\n" for name in waits)


def show(overlay):
    return ctl_json("overlay", "show", overlay, user=host.ADMIN)


def invocation(name):
    return host.show(host.server_unit(name), "InvocationID")


class Scenario(test_workshop.Workshop):
    TAKES = 30

    @classmethod
    def setup_class(cls):
        super().setup_class()
        cls.steam = upstream.Steam.for_class(cls, cls.world)
        host.make_game()

    def setUp(self):
        super().setUp()
        self.steam.empty()
        self.steam.tell()
        self.folder = tempfile.mkdtemp(prefix="scripts-", dir="/var/tmp")
        self.addCleanup(host.run, "rm", "-r", self.folder)
        os.chmod(self.folder, 0o755)
        self.addCleanup(self.remove_overlays)

    def remove_overlays(self):
        for job in ctl_json("job", "list"):
            if job["state"] in ("queued", "running"):
                ctl("job", "cancel", str(job["job"]), check=False)
        for overlay in ctl_json("overlay", "list"):
            if overlay["name"] != "game":
                ctl("overlay", "delete", "--yes", overlay["name"])

    def ctl(self, *words, **options):
        return ctl(*words, user=host.ADMIN, **options)

    def seed(self, *options, **sources):
        for name, source in sources.items():
            with open(f"{self.folder}/{name}.sh", "w", encoding="utf-8") as file:
                file.write(source)
        return self.ctl("overlay", "seed", *options, self.folder)

    def begin_import(self, name, files):
        """An import of which the first half has come."""
        data = host.archive(files)
        process = subprocess.Popen(host.as_user(host.ADMIN, ["left4mectl", "overlay", "import", name, "-"]), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
        process.stdin.write(data[:512])
        process.stdin.flush()
        return process, data[512:]

    def wait_jobs(self, watch, what, **jobs):
        """Until the newest job of each of these overlays has these words in its state and message, all at the same time."""
        def there():
            newest = {}
            for (kind, name), p in watch.objects.items():
                if kind == "job" and p.get("subject") in jobs and int(name) > newest.get(p["subject"], (0, ""))[0]:
                    newest[p["subject"]] = int(name), f"{p['state']}: {p['message']}"
            return len(newest) == len(jobs) and all(jobs[name] in told for name, (_, told) in newest.items())
        if not there():
            watch.wait(lambda _: there(), what, start=len(watch.lines))

    def test_from_sources_to_a_server_and_back(self):
        told = self.seed("--no-build", rates=script(LATEST % "first", "go"), admin=script("echo root >left4dead2/admins.txt\n", "go"))
        self.assertEqual(sorted(told.out.splitlines()), ["admin created", "rates created"])
        self.tell(items={"1": {**test_workshop.campaign("dark", size=3 << 20)}},
                  faults=[{"match": "/ugc/", "what": "slow", "after": 2 << 20}])
        self.steam.tell(wait=True)
        for words in (("l4d2", "--kind", "steam"), ("maps", "--kind", "workshop", "--item", "1"), ("extra", "--kind", "files")):
            self.ctl("overlay", "create", *words)

        # Four at a time, of every kind; the fifth waits for one of them.
        with follow.Watch(user=host.ADMIN) as watch:
            upload, rest = self.begin_import("extra", host.layer("extra", **{"left4dead2/rest.txt": "x" * 4096}))
            self.wait_jobs(watch, "the import", extra="running")
            builds = host.begin("left4mectl", "overlay", "build", "l4d2", "maps", "rates", "admin", user=host.ADMIN)
            self.wait_jobs(watch, "four at once", extra="running", l4d2="running", maps="running: downloads", rates="running: waits for go",
                           admin="queued")
            upload.communicate(rest, timeout=host.SECONDS)
            self.assertEqual(upload.returncode, 0)
            self.wait_jobs(watch, "the fifth", extra="succeeded", l4d2="running", maps="running", rates="running", admin="running: waits for go")
            self.world.write("go", "")
            self.steam.go()
            self.tell(release=True)
        done = host.finish(builds)
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual({line.partition(": ")[0] for line in done.out.splitlines()}, {"l4d2", "maps", "rates", "admin"})
        self.assertIn("rates: waits for go\n", done.err)

        stack = ("rates", "admin", "maps", "extra")
        self.server("one", *[word for name in stack for word in ("--overlay", name)], game="l4d2")
        state = self.check_server(("rates", 1), ("admin", 1), ("maps", 1), ("extra", 1), ("l4d2", 1), tags="first")
        self.assertEqual(sorted(state["layer"]), ["admin", "extra", "game", "rates"])
        self.assertEqual(self.ctl("cat", "one", "left4dead2/admins.txt").out, "root\n")
        self.assertIn("standin: addon 1.vpk mounted", self.ctl("logs", "one").out)
        self.assertEqual([c["name"] for c in ctl_json("campaigns", "one")], ["dark"])

        # Another source, with the server on: it keeps what it has until it is started again, whichever way that is changed.
        running = invocation("one")
        told = self.seed(rates=script(LATEST % "second"))
        self.assertIn("rates changed\n", told.out)
        self.assertIn("admin unchanged\n", told.out)
        self.assertEqual(show("rates")["current"], 2)
        self.assertTrue(host.status("one")["update_pending"])
        self.assertEqual((invocation("one"), host.mounted_layers("one")[0]), (running, ("rates", 1)))
        self.check_server(("rates", 2), tags="second", verb="restart")
        self.assertFalse(host.status("one")["update_pending"])
        self.ctl("overlay", "rollback", "rates")
        self.assertTrue(host.status("one")["update_pending"])
        self.assertEqual(host.mounted_layers("one")[0], ("rates", 2))
        self.check_server(("rates", 1), tags="first", verb="restart")

    def check_server(self, *layers, tags, verb="start"):
        """Starts it; what it has mounted on top, and what it tells of its rates."""
        state = follow.start("one", verb)
        self.assertEqual(host.mounted_layers("one")[:len(layers)], list(layers))
        self.assertEqual(state["cvar.sv_tags"], [tags])
        return state

    def begin_build(self, name, words):
        """A build under way that says this; its job's number."""
        job = ctl_json("overlay", "build", name, "--detach", user=host.ADMIN)["job"]
        with follow.Watch(user=host.ADMIN) as watch:
            watch.wait_object("job", str(job), lambda p: words in p.get("message", ""), f"{name}: {words}")
        return str(job)

    def ended(self, job):
        self.ctl("job", "wait", job, check=False)
        told = ctl_json("job", "show", job)
        return told["state"], told["message"]

    def test_a_build_that_ends_badly_changes_nothing(self):
        self.seed(rates=script(LATEST % "first"))
        self.server("one", "--overlay", "rates")
        self.check_server(("rates", 1), tags="first")
        tree = f"{host.LIBRARY}/overlays/rates"
        before = show("rates")["versions"], show("rates")["current"], host.tree_sums(tree), invocation("one")

        def unchanged():
            now = show("rates")["versions"], show("rates")["current"], host.tree_sums(tree), invocation("one")
            self.assertEqual(now, before)
            self.assertFalse(host.status("one")["update_pending"])

        spoil = "rm -r left4dead2; echo bad >bad\n"
        failed = self.ctl("overlay", "build", "rates", check=False)
        self.assertEqual((failed.code, failed.out), (0, "rates: nothing changed, version 1 stays current\n"), str(failed))
        for source, message in ((spoil + "exit 7\n", "7"), (spoil + "ln -s /etc/passwd leads-out\n", "leads-out")):
            self.assertIn(message, self.seed_badly(source))
            unchanged()

        self.seed("--no-build", rates=WAIT + spoil + "wait_for never\n")
        job = self.begin_build("rates", "waits for never")
        self.ctl("job", "cancel", job)
        self.assertEqual(self.ended(job), ("cancelled", "cancelled"))
        unchanged()

        job = self.begin_build("rates", "waits for never")
        host.run("systemctl", "kill", "--signal=KILL", f"left4me-script@{job}.service")
        self.assertEqual(self.ended(job)[0], "failed")
        unchanged()

        with self.time_limit(2):
            # not waited for: on a machine with much else to do it may have ended before anybody hears that it has begun
            job = str(ctl_json("overlay", "build", "rates", "--detach", user=host.ADMIN)["job"])
            self.assertEqual(self.ended(job), ("failed", "the build took too long and was ended"))
        unchanged()
        self.check_server(("rates", 1), tags="first", verb="restart")

    def seed_badly(self, source):
        with open(f"{self.folder}/rates.sh", "w", encoding="utf-8") as file:
            file.write(source)
        failed = self.ctl("overlay", "seed", self.folder, check=False)
        self.assertEqual(failed.code, 1, str(failed))
        return failed.err

    def time_limit(self, seconds):
        return TimeLimit(seconds)

    def test_a_game_update_with_players_on(self):
        self.ctl("overlay", "create", "l4d2", "--kind", "steam")
        self.ctl("overlay", "build", "l4d2")
        for name, options in (("early", ["--update-when-empty"]), ("late", ["--update-when-empty"]), ("asked", []),
                              ("held", ["--update-when-empty", "--hold", "l4d2"])):
            self.server(name, *options, game="l4d2")
            follow.start(name)
            self.ctl("console", name, "standin_join ann")
        before = {name: invocation(name) for name in ("early", "late", "asked", "held")}

        def on(name, version, moved):
            self.assertEqual(host.mounted_layers(name), [("l4d2", version)])
            self.assertEqual(invocation(name) != before[name], moved, name)

        with follow.Watch(user=host.ADMIN) as watch:
            self.steam.tell(build=19000001)
            self.ctl("overlay", "refresh")
            watch.wait_overlay("l4d2", lambda p: p["update_available"], "a newer build")
            self.ctl("overlay", "build", "l4d2")
            self.assertEqual([v["label"] for v in show("l4d2")["versions"]], ["build 19000000", "build 19000001"])
            new = show("l4d2")["current"]
            for name in ("early", "late"):
                watch.wait_server(name, lambda p: p["intents"] and "somebody plays" in p["intents"][0]["waits_for"], f"{name} waits")
            for name in before:
                self.assertEqual(host.status(name)["update_pending"], name != "held")
                on(name, 1, False)

            self.empty(watch, "early")
            on("early", new, True)
            for name in ("late", "asked", "held"):
                on(name, 1, False)
            self.empty(watch, "late")
            on("late", new, True)

            # Once, and not again; the others when somebody says so, or not even then.
            after = {name: invocation(name) for name in ("early", "late")}
            for name in ("asked", "held"):
                self.ctl("console", name, "standin_leave ann")
            self.ctl("overlay", "build", "l4d2")
            self.assertEqual({name: invocation(name) for name in after}, after)
            on("asked", 1, False)
            on("held", 1, False)
            self.ctl("restart", "asked", "held")
            on("asked", new, True)
            on("held", 1, True)
            self.assertIn("held", self.ctl("status", "held").out)
            self.ctl("configure", "held", "--let-go", "l4d2")
            watch.wait_server("held", lambda p: not p["update_pending"] and p["active_state"] == "active" and not p["held"], "held follows again")
            on("held", new, True)

    def empty(self, watch, name):
        self.ctl("console", name, "standin_leave ann")
        watch.wait_server(name, lambda p: not p["update_pending"] and not p["intents"] and p["active_state"] == "active", f"{name} has the update")


class TimeLimit:
    """For builds of scripts, as an administrator's drop-in would set it."""

    FOLDER = "/run/systemd/system/left4me-script@.service.d"

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        os.makedirs(self.FOLDER, exist_ok=True)
        with open(f"{self.FOLDER}/90-test.conf", "w", encoding="ascii") as file:
            file.write(f"[Service]\nTimeoutStartSec={self.seconds}\n")
        host.run("systemctl", "daemon-reload")

    def __exit__(self, *_):
        host.run("rm", "-r", self.FOLDER)
        host.run("systemctl", "daemon-reload")
