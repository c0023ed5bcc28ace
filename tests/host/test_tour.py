# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tour of the README, by everybody who may take it, and each verb of left4mectl from the command line to its effect."""

import os

import follow
import host
from host import ctl, ctl_json

GAME = os.path.join(host.CONTENT, "game.tar.zst")
MAPS = os.path.join(host.CONTENT, "maps.zip")


class Tour(host.Case):
    def take(self, user):
        def ctl_as(*words):
            return ctl(*words, user=user)

        for overlay, file in (("l4d2", GAME), ("maps", MAPS)):
            self.assertEqual(ctl_as("overlay", "create", overlay, "--kind", "files").out, f"{overlay} created\n")
            self.assertIn("version 1 is current", ctl_as("overlay", "import", overlay, file).out)
        made = ctl_as("create", "versus-1", "--port", "27015", "--game", "l4d2", "--overlay", "maps", "--set", "hostname=Versus",
                      "--set", "sv_steamgroup=38347879", "--", "-tickrate", "60")
        self.assertEqual(made.out, "versus-1 created, port 27015\n")
        with follow.Console("versus-1") as console:
            self.assertEqual(ctl_as("start", "versus-1").out, "versus-1 started\n")
            console.wait_up()
        host.run("journalctl", "--sync")
        self.check_running(ctl_as("status", "versus-1").out, ctl_as("logs", "versus-1").out)
        self.assertEqual(ctl_as("stop", "versus-1").out, "versus-1 stopped\n")
        self.assertEqual(host.mounts(host.merged("versus-1")), [])
        self.assertEqual(ctl("status", "versus-1", user=user, check=False).code, 3)
        self.assertEqual(ctl_as("delete", "--yes", "versus-1").out, "versus-1 deleted\n")
        for overlay in ("l4d2", "maps"):
            self.assertEqual(ctl_as("overlay", "delete", "--yes", overlay).out, f"{overlay} deleted\n")

    def check_running(self, card, logs):
        self.assertRegex(card, r"(?m)^. versus-1$")
        self.assertRegex(card, r"State: running")
        self.assertRegex(card, r"Port: 27015")
        self.assertRegex(card, r"Layers: maps/1\n +l4d2/1\n")
        self.assertIn("Server is hibernating", card)
        self.assertIn("standin: addon brickyard.vpk mounted", logs)
        self.assertIn("versus-1: started on port 27015", logs)
        state = host.state_file("versus-1")
        self.assertEqual(state["port"], ["27015"])
        self.assertEqual(state["cvar.hostname"], ["Versus"])
        self.assertEqual(state["cvar.sv_steamgroup"], ["38347879"])
        self.assertEqual(state["uid"], ["980"])
        self.assertIn("-tickrate 60", " ".join(state["argv"]))
        self.assertEqual(host.mounted_layers("versus-1"), [("maps", 1), ("l4d2", 1)])

    def test_by_root(self):
        self.take(None)

    def test_by_a_member_of_left4me_admin(self):
        self.take(host.ADMIN)


class Verbs(host.Case):
    """As a member of left4me-admin, who is not root."""

    TAKES = 16

    @classmethod
    def setup_class(cls):
        host.make_game()
        host.make_overlay("maps", host.layer("maps"))

    def ctl(self, *words, **options):
        return ctl(*words, user=host.ADMIN, **options)

    def json(self, *words, **options):
        return ctl_json(*words, user=host.ADMIN, **options)

    def test_create_chooses_a_port(self):
        self.server("taken", "--port", "27015")
        self.addCleanup(self.remove_server, "chosen")
        made = self.json("create", "chosen", "--game", "game")
        self.assertEqual((made["port"], made["active_state"], made["overlays"]), (27016, "inactive", []))
        refused = ctl("create", "third", "--game", "game", "--port", "27016", "--json", check=False)
        self.assertIn("'chosen'", self.assert_refused(refused, "PortInUse"))

    def test_configure_changes_what_it_is_told_and_no_more(self):
        self.server("one", "--port", "27020", "--set", "hostname=One", "--set", "sv_tags=a,b", "--line", "exec extra.cfg", "--",
                    "-tickrate", "100")
        before = self.json("configure", "one")
        self.assertEqual(before, {"port": 27020, "game": "game", "overlays": [], "held": {}, "arguments": ["-tickrate", "100"],
                                  "cvars": {"hostname": "One", "sv_tags": "a,b"}, "lines": ["exec extra.cfg"], "autostart": False,
                                  "update_when_empty": False, "open_rcon": False})
        after = self.json("configure", "one", "--set", "hostname=Two words", "--unset", "sv_tags", "--overlay", "maps", "--autostart")
        self.assertEqual(after, before | {"cvars": {"hostname": "Two words"}, "overlays": ["maps"], "autostart": True})
        after = self.json("configure", "one", "--port", "27021", "--no-lines", "--no-overlays", "--no-autostart", "--", "+map", "c2m1_highway")
        self.assertEqual(after, before | {"port": 27021, "lines": [], "cvars": {"hostname": "Two words"},
                                          "arguments": ["+map", "c2m1_highway"]})
        self.assertIn("Two words", self.ctl("configure", "one").out)
        state = follow.start("one")
        self.assertEqual((state["cvar.hostname"], state["port"], state["map"]), (["Two words"], ["27021"], ["c2m1_highway"]))
        self.assertIn("a restart makes it act", self.ctl("configure", "one", "--set", "hostname=Three").out)
        refused = ctl("configure", "one", "--port", "27022", "--json", check=False)
        self.assert_refused(refused, "InstanceRunning")

    def test_clone_has_the_settings_and_not_the_writes(self):
        self.server("one", "--port", "27020", "--overlay", "maps", "--set", "hostname=One", "--autostart")
        follow.start("one")
        self.addCleanup(self.remove_server, "two")
        self.json("clone", "one", "two", "--set", "sv_tags=clone")
        settings = self.json("configure", "two")
        self.assertEqual(settings["cvars"], {"hostname": "One", "sv_tags": "clone"})
        self.assertEqual((settings["overlays"], settings["autostart"]), (["maps"], False))
        self.assertNotEqual(settings["port"], 27020)
        self.assertFalse(os.path.exists(host.upper("two", "left4dead2/logs/state.txt")))
        self.assertEqual(follow.start("two")["cvar.sv_tags"], ["clone"])

    def test_rename_keeps_settings_and_writes(self):
        self.server("one", "--port", "27020", "--set", "hostname=One")
        follow.start("one")
        refused = ctl("rename", "one", "two", "--json", check=False)
        self.assert_refused(refused, "InstanceRunning")
        self.ctl("stop", "one")
        self.addCleanup(self.remove_server, "two")
        self.assertEqual(self.json("rename", "one", "two"), {"name": "two", "old_name": "one"})
        self.assertEqual([i["name"] for i in self.json("list")], ["two"])
        self.assertEqual(self.json("configure", "two")["cvars"], {"hostname": "One"})
        self.assertEqual(host.state_file("two")["port"], ["27020"])
        self.assertFalse(os.path.exists(os.path.join(host.LIBRARY, "uppers/one")))
        follow.start("two")

    def test_reset_empties_the_upper_layer_after_asking(self):
        self.server("one")
        follow.start("one")
        self.assert_refused(ctl("reset", "one", "--yes", "--json", check=False), "InstanceRunning")
        self.ctl("stop", "one")
        asked = self.ctl("reset", "one", check=False)
        self.assertEqual(asked.code, 2, str(asked))
        self.assertIn("--yes", asked.err)
        self.assertTrue(os.path.exists(host.upper("one", "left4dead2/logs/state.txt")))
        self.assertEqual([(j["kind"], j["state"]) for j in self.json("reset", "one", "--yes")], [("reset", "succeeded")])
        self.assertFalse(os.path.exists(host.upper("one", "left4dead2")))
        follow.start("one")

    def test_delete_leaves_nothing_after_asking(self):
        self.server("one")
        follow.start("one")
        self.assert_refused(ctl("delete", "one", "--yes", "--json", check=False), "InstanceRunning")
        self.ctl("stop", "one")
        self.assertEqual(self.ctl("delete", "one", check=False).code, 2)
        self.assertEqual(self.json("delete", "one", "--yes")[0]["state"], "succeeded")
        self.assertEqual(self.json("list"), [])
        for directory in ("instances/one", "uppers/one", "runtime/server-one"):
            self.assertFalse(os.path.exists(os.path.join(host.LIBRARY, directory)), directory)

    def test_several_servers_at_once(self):
        for name in ("one", "two", "three"):
            self.server(name)
        self.assertEqual(self.json("start", "--all"), [{"name": n, "ok": True} for n in ("one", "three", "two")])
        self.assertEqual([i["active_state"] for i in self.json("list")], ["active"] * 3)
        self.assertEqual(self.json("restart", "one", "two"), [{"name": n, "ok": True} for n in ("one", "two")])
        self.assertEqual(self.json("stop", "--all"), [{"name": n, "ok": True} for n in ("one", "three", "two")])
        self.assertEqual([i["active_state"] for i in self.json("status")], ["inactive"] * 3)

    def test_logs_are_told_and_followed(self):
        self.server("one")
        with follow.Lines("left4mectl", "logs", "one", "--follow", "--json", user=host.ADMIN) as lines:
            follow.start("one")
            lines.wait(lambda line: '"Server is hibernating"' in line, "the followed log")
        host.run("journalctl", "--sync")
        logs = self.json("logs", "one", "--lines", "1000")
        self.assertLessEqual({"systemd", "left4med", "l4d2-one"}, {r["identifier"] for r in logs})
        self.assertEqual(len(self.json("logs", "one", "--lines", "3")), 3)
        self.assertEqual(self.json("logs", "one", "--since", "2000-01-01", "--until", "2000-01-02"), [])

    def test_watch_tells_each_change(self):
        with follow.Watch(host.GUEST) as watch:
            watch.wait(lambda e: (e["type"], e["name"]) == ("overlay", "maps"), "what is there already")
            self.server("one", "--overlay", "maps")
            self.ctl("start", "one")
            self.ctl("stop", "one")
            self.ctl("delete", "--yes", "one")
            watch.wait(lambda e: (e["event"], e["type"], e["name"]) == ("removed", "instance", "one"), "the removal")
            events = [e["event"] for e in watch.lines if (e["type"], e["name"]) == ("instance", "one")]
            self.assertEqual((events[0], events[-1]), ("added", "removed"))
            watch.wait_overlay("maps", lambda p: p["used_by"] == [], "that nobody uses it")

    def test_check_finds_nothing_wrong(self):
        results = self.json("check")
        self.assertEqual([r for r in results if r["verdict"] not in ("ok", "warning")], [])
        self.assertEqual({r["check"] for r in results} & {"users", "polkit", "overlayfs", "left4me-server@.service"},
                         {"users", "polkit", "overlayfs", "left4me-server@.service"})
        self.assertIn("VERDICT", self.ctl("check").out)
        self.assertEqual(self.json("reload"), {})

    def test_overlays_are_listed_with_their_files(self):
        self.overlay("extra", {"left4dead2/cfg/a.cfg": "1", "left4dead2/b": "22", "c": ("link", "left4dead2/b")})
        self.ctl("overlay", "import", "extra", "-", "--directory", "deep/er", "--label", "second one", data=host.archive({"d": "333"}))
        shown = self.json("overlay", "show", "extra")
        self.assertEqual((shown["current"], shown["state"], [v["label"] for v in shown["versions"]]), (2, "ready", ["", "second one"]))
        files = {f["path"]: (f["type"], f["size"]) for f in self.json("overlay", "files", "extra", "--recursive") if f["type"] != "directory"}
        self.assertEqual(files, {"left4dead2/cfg/a.cfg": ("file", 1), "left4dead2/b": ("file", 2), "c": ("symlink", 12),
                                 "deep/er/d": ("file", 3)})
        self.assertNotIn("deep", [f["path"] for f in self.json("overlay", "files", "extra", "--version", "1")])
        self.assertEqual([o["name"] for o in self.json("overlay", "list")], ["extra", "game", "maps"])
        self.assertIn("second one", self.ctl("overlay", "show", "extra").out)
        self.server("one", "--overlay", "extra")
        self.assert_refused(ctl("overlay", "delete", "extra", "--yes", "--json", check=False), "InUse")
        self.ctl("delete", "--yes", "one")
        self.assertEqual(self.json("overlay", "delete", "extra", "--yes")[0]["state"], "succeeded")
        self.assertFalse(os.path.exists(os.path.join(host.LIBRARY, "overlays/extra")))

    def test_jobs_are_shown_logged_and_cancelled(self):
        self.ctl("overlay", "create", "slow", "--kind", "files")
        self.addCleanup(ctl, "overlay", "delete", "--yes", "slow", check=False)
        with follow.Watch() as watch, follow.Lines("tail", "-f", "/dev/null") as endless:
            upload = host.subprocess.Popen(host.as_user(host.ADMIN, ["left4mectl", "overlay", "import", "slow", "-", "--json"]),
                                           stdin=endless.process.stdout, stdout=-1, stderr=-1, text=True)
            found = watch.wait(lambda e: e["type"] == "job" and watch.objects.get(("job", e["name"]), {}).get("subject") == "slow"
                               and e.get("properties", {}).get("state") == "running", "the job that runs")
            number = watch.lines[found]["name"]
            watch.wait_overlay("slow", lambda p: p["state"] == "building", "that it is being built")
            self.assertEqual(self.json("job", "cancel", number), {"job": int(number)})
            done = host.finish(upload)
        self.assertNotEqual(done.code, 0)
        job = self.json("job", "show", number)
        self.assertEqual((job["job"], job["kind"], job["subject"], job["state"]), (int(number), "import", "slow", "cancelled"))
        self.assertEqual(self.json("overlay", "show", "slow")["state"], "empty")
        listed = self.json("job", "list")
        self.assertEqual(listed[0]["job"], int(number))
        self.assertTrue(self.json("job", "logs", str(listed[-1]["job"])) is not None)
        self.assertEqual(os.listdir(os.path.join(host.LIBRARY, "builds")), [])

    def test_mistakes_are_told_with_a_hint(self):
        self.server("versus")
        self.ctl("overlay", "create", "scripted", "--kind", "script")
        self.addCleanup(ctl, "overlay", "delete", "--yes", "scripted", check=False)
        self.server("unbuilt", "--overlay", "scripted")
        for words, code, hint in ((["strat", "versus"], 2, "did you mean start"), (["start", "versos"], 4, "versus"),
                                  (["overlay", "show", "mapss"], 4, "maps"), (["job", "show", "999999"], 4, "999999"),
                                  (["create", "x"], 2, "--game"), (["create", "Bad Name", "--game", "game"], 1, "a server is 1 to 64 of a-z"),
                                  (["start", "unbuilt"], 1, "left4mectl overlay build scripted"),
                                  (["cat", "versus", "left4dead2"], 1, "left4mectl files versus left4dead2")):
            result = self.ctl(*words, check=False)
            self.assertEqual(result.code, code, str(result))
            self.assertIn(hint, result.err)
        # the file is there, and the layer is not
        self.assertNotIn("did you mean", self.ctl("cat", "--layer", "nosuch", "versus", "left4dead2/layer.txt", check=False).err)


class Guest(host.Case):
    """Somebody in no group may look, and nothing else."""

    @classmethod
    def setup_class(cls):
        host.make_game()
        host.make_overlay("maps", host.layer("maps"))
        ctl("create", "running", "--game", "game", "--overlay", "maps")
        ctl("create", "stopped", "--game", "game")
        follow.start("running")

    CHANGING = [
        ["create", "new", "--game", "game"], ["configure", "stopped"], ["configure", "stopped", "--set", "hostname=x"],
        ["configure", "stopped", "--autostart"], ["configure", "stopped", "--overlay", "maps"], ["start", "stopped"], ["start", "--all"],
        ["stop", "running"], ["stop", "--all"], ["restart", "running"], ["clone", "stopped", "new"], ["rename", "stopped", "new"],
        ["reset", "--yes", "stopped"], ["delete", "--yes", "stopped"], ["delete", "--yes", "running"], ["logs", "running"], ["reload"],
        ["overlay", "create", "new", "--kind", "files"], ["overlay", "import", "maps", MAPS], ["overlay", "files", "maps"],
        ["overlay", "rollback", "maps", "1"], ["overlay", "keep", "maps", "5"], ["overlay", "diff", "maps", "1", "1"],
        ["overlay", "get", "maps", "left4dead2/layer.txt", "-"],
        ["overlay", "put", "maps", "left4dead2/layer.txt", MAPS], ["overlay", "edit", "maps", "left4dead2/layer.txt"],
        ["overlay", "rm", "--yes", "maps", "left4dead2/layer.txt"], ["overlay", "rename", "maps", "atlas"],
        ["overlay", "delete", "--yes", "maps"], ["job", "logs", "1"], ["job", "cancel", "1"],
    ]

    def test_every_changing_verb_is_denied(self):
        before = host.managed_objects()
        number = str(ctl_json("job", "list")[0]["job"])
        for words in self.CHANGING:
            words = [number if w == "1" else w for w in words]
            with self.subTest(" ".join(words)):
                result = ctl(*words, user=host.GUEST, check=False)
                self.assertEqual(result.code, 5, str(result))
                self.assertEqual(result.err.count("left4me-admin"), 1, result.err)
                self.assertLess(len(result.err), 600)
                told = ctl(*words, "--json", user=host.GUEST, check=False)
                self.assertEqual(told.code, 5, str(told))
                self.assertTrue(told.json())
        self.assertEqual(host.managed_objects(), before)

    def test_what_is_public_is_shown(self):
        for words in (["list"], ["status"], ["status", "running"], ["overlay", "list"], ["overlay", "show", "maps"], ["job", "list"],
                      ["job", "show", str(ctl_json("job", "list")[0]["job"])], ["check"]):
            with self.subTest(" ".join(words)):
                self.assertTrue(ctl_json(*words, user=host.GUEST))
                self.assertTrue(ctl(*words, user=host.GUEST).out)
