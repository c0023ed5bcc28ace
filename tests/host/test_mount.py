# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stack of a server in the kernel: what stands where the generated files go, very many layers, holders that do not let go,
systemd and the bus starting anew under running servers, a new version under a running server."""

import os
import subprocess

import follow
import ground
import host
from host import ctl

CFG = "left4dead2/cfg"
GENERATED = ("server.cfg", "left4me.cfg")
ROOTS_OWN, WRITABLE = "/root/left4me-only-root", "/var/tmp/left4me-for-everybody"
CONTENT = "standin_mark planted\n"
LAYERS_MAX = 500
PARTS = [f"part-{n:03}" for n in range(LAYERS_MAX)]

PLANT = {
    "file": 'printf "standin_mark planted\\n" >"$1"',
    "link to a file of root's": f'ln -s {ROOTS_OWN} "$1"',
    "link to a file that everybody may write to": f'ln -s {WRITABLE} "$1"',
    "link to nothing": f'ln -s {WRITABLE}-not-there "$1"',
    "link to itself": 'ln -s "${1##*/}" "$1"',
    "directory": 'mkdir "$1" && printf "standin_mark planted\\n" >"$1/file"',
    "FIFO": 'mkfifo "$1"',
}


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % (1 << 64)
    return f"{value:016x}"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def as_server(script, *arguments):
    """By the user that servers run as, who has what is in upper."""
    return host.run("sh", "-euc", script, "sh", *arguments, user="left4me")


class Generated(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()
        for path, mode in ((ROOTS_OWN, 0o600), (WRITABLE, 0o666)):
            with open(path, "w", encoding="ascii") as file:
                file.write(CONTENT)
            os.chmod(path, mode)
            cls.addClassCleanup(os.unlink, path)

    def assert_generated_runs(self, name, state):
        """Each of the two is what the manager wrote, byte for byte."""
        ran = {line.split()[0]: line.split()[1:] for line in state["exec"]}
        for file in GENERATED:
            data = read(f"{host.LIBRARY}/instances/{name}/{file}")
            self.assertEqual(ran[file], [f"size={len(data)}", f"hash={fnv1a(data)}", "count=1"], file)
        self.assertEqual(state["cvar.hostname"], ["Right"])
        self.assertNotIn("planted", state.get("mark", []))

    def test_whatever_was_planted(self):
        self.server("one", "--set", "hostname=Right")
        follow.start("one")
        for what, script in PLANT.items():
            with self.subTest(what):
                ctl("stop", "one")
                for file in GENERATED:
                    as_server(f'rm -rf "$1"; {script}', host.upper("one", CFG, file))
                self.assert_generated_runs("one", follow.start("one"))
                for path in (ROOTS_OWN, WRITABLE):
                    self.assertEqual(read(path), CONTENT.encode())
                self.assertFalse(os.path.lexists(WRITABLE + "-not-there"))

    def test_a_server_cannot_touch_them(self):
        words = [w for f in GENERATED for w in ("--line", f"standin_write {CFG}/{f} planted")]
        self.server("one", "--set", "hostname=Right", *words)
        with follow.Console("one") as console:
            ctl("start", "one")
            for file in GENERATED:
                self.assertIn("failed: Read-only file system", console.next(f"standin: write {CFG}/{file}"))
            console.wait_up()
        for file in GENERATED:
            path = os.path.join(host.merged("one"), CFG, file)
            for script in ('rm -f "$1"', 'mv "$1" "$1.away"', 'echo >"$1.new"; mv -f "$1.new" "$1"', 'ln "$1" "$1.link"'):
                tried = host.run("sh", "-c", script, "sh", path, user="left4me", check=False)
                self.assertNotEqual(tried.code, 0, script)
                self.assertRegex(tried.err, "Device or resource busy|Invalid cross-device link|Read-only")
        self.assert_generated_runs("one", host.state_file("one"))

    def test_no_directory_where_they_go(self):
        self.server("one", "--set", "hostname=Right")
        for path in (CFG, "left4dead2"):
            with self.subTest(path):
                follow.start("one")
                ctl("stop", "one")
                as_server('rm -rf "$1"; ln -s /var/tmp "$1"', host.upper("one", path))
                message = self.assert_start_refused("one")
                self.assertIn(f"{path} is not a directory in the stack of one", message)
                self.assertIn("left4mectl reset one", message)
                for file in GENERATED:
                    self.assertFalse(os.path.lexists(f"/var/tmp/{file}"))
                ctl("reset", "--yes", "one")
        self.overlay("bad", {CFG: "no directory"})
        ctl("configure", "one", "--overlay", "bad")
        self.assertIn(f"{CFG} is not a directory", self.assert_start_refused("one"))
        ctl("configure", "one", "--no-overlays")
        self.assert_generated_runs("one", follow.start("one"))

    def assert_start_refused(self, name):
        (told,) = ctl("start", name, "--json", check=False).json()
        self.assertEqual(told["error"], host.ERROR + "StartFailed", told)
        self.assertEqual(host.mounts(host.merged(name)), [])
        return told["message"]

    def test_the_overlays_own_run_in_their_order(self):
        for name in ("below", "above"):
            self.overlay(name, {f"{CFG}/server.cfg": f"standin_mark {name}\nhostname {name}\nsv_tags {name}\nsv_contact {name}\n"})
        self.server("one", "--overlay", "above", "--overlay", "below", "--set", "hostname=Right", "--line", "standin_mark line",
                    "--line", "sv_contact line")
        state = follow.start("one")
        self.assert_generated_runs("one", state)
        self.assertEqual(state["mark"], ["below", "above", "line"])
        self.assertEqual((state["cvar.sv_tags"], state["cvar.sv_contact"]), (["above"], ["line"]))
        ran = [line.split()[0] for line in state["exec"]]
        self.assertLess(ran.index("server_below.cfg"), ran.index("server_above.cfg"))
        ctl("configure", "one", "--overlay", "below")
        self.assertEqual(follow.start("one", "restart")["mark"], ["below", "line"])


class Layers(host.Case):
    """The overlays are written into the database and on the disk, as 500 imports would: those alone would take minutes."""

    @classmethod
    def setup_class(cls):
        host.make_game()
        cls.change_library(["INSERT INTO overlays (name, kind, current, last_number) VALUES ('%s', 'files', 1, 1);" % p +
                            "INSERT INTO versions (overlay, number, created, size, files, label) SELECT id, 1, 0, 0, 2, '' FROM overlays WHERE name = '%s';" % p for p in PARTS],
                           'for name; do mkdir -p $name/versions/1/left4dead2/layers; echo $name >$name/versions/1/left4dead2/layer.txt;'
                           ' : >$name/versions/1/left4dead2/layers/$name; done')
        cls.addClassCleanup(cls.remove)

    @staticmethod
    def change_library(statements, script):
        host.run("systemctl", "stop", "left4med")
        sql = "PRAGMA foreign_keys = ON; BEGIN;" + "".join(statements) + "COMMIT;"
        host.run("sqlite3", "-bail", f"{host.LIBRARY}/manager/left4me.db", user="left4me-manager", data=sql.encode())
        as_server(f"umask 027; cd {host.LIBRARY}/overlays; {script}", *PARTS)
        host.run("systemctl", "start", "left4med")

    @classmethod
    def remove(cls):
        cls.change_library(["DELETE FROM overlays WHERE name LIKE 'part-%';"], 'rm -rf "$@"')

    def test_500_layers(self):
        overlays = [w for p in PARTS[:LAYERS_MAX - 1] for w in ("--overlay", p)]
        self.server("one", *overlays)
        state = follow.start("one")
        wanted = [(p, 1) for p in PARTS[:LAYERS_MAX - 1]] + [("game", 1)]
        self.assertEqual(host.mounted_layers("one"), wanted)
        self.assertEqual(len(state["layer"]), LAYERS_MAX)
        self.assertEqual(state["layer_top"], [PARTS[0]])
        told = host.status("one")
        self.assertEqual([(x["overlay"], x["version"]) for x in told["layers_in_use"]], wanted)
        self.assertFalse(told["update_pending"])

        refused = ctl("configure", "one", "--json", *overlays, "--overlay", PARTS[-1], check=False)
        self.assert_refused(refused, "InvalidArgument", refused.code)
        refused = ctl("create", "two", "--game", "game", "--json", *overlays, "--overlay", PARTS[-1], check=False)
        self.assert_refused(refused, "InvalidArgument", refused.code)
        self.assertEqual(host.status("one")["overlays"], PARTS[:LAYERS_MAX - 1])
        ctl("stop", "one")
        self.assertEqual(host.mounts(host.merged("one")), [])


class Holders(host.Case):
    """Somebody from outside has hold of a stack."""

    @classmethod
    def setup_class(cls):
        host.make_game()
        for name in ("old", "new"):
            host.make_overlay(name, host.layer(name))

    def setUp(self):
        self.server("one", "--overlay", "old")
        follow.start("one")

    def hold(self, *command, user=None):
        """Something that runs until the end of the test, when it has said that it is ready."""
        process = subprocess.Popen(host.as_user(user, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        self.addCleanup(self.let_go, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    @staticmethod
    def let_go(process):
        process.kill()
        process.communicate()

    def refused(self, verb, error):
        (told,) = ctl(verb, "one", "--json", check=False).json()
        self.assertEqual(told["error"], host.ERROR + error, told)
        return told["message"]

    def check_held(self, holder, *names):
        """Stop and start name the holder, nothing is mounted twice, and with the holder gone the new stack comes."""
        ctl("configure", "one", "--overlay", "new")
        before = host.mounts(host.merged("one"))
        for verb, error in (("stop", "StopFailed"), ("start", "StartFailed"), ("restart", "StartFailed")):
            with self.subTest(verb=verb):
                message = self.refused(verb, error)
                for name in names:
                    self.assertIn(name, message)
                self.assertEqual(host.status("one")["active_state"], "inactive")
                self.assertLessEqual({m[0] for m in host.mounts(host.merged("one"))}, {m[0] for m in before})
        self.let_go(holder)
        self.check_new_stack()

    def check_new_stack(self):
        state = follow.start("one")
        self.assertEqual(state["layer_top"], ["new"])
        self.assertEqual(host.mounted_layers("one"), [("new", 1), ("game", 1)])
        self.assertEqual(len(host.mounts(host.merged("one"))), 1 + len(GENERATED))
        ctl("stop", "one")
        self.assertEqual(host.mounts(host.merged("one")), [])

    def test_a_file_that_is_open(self):
        holder = self.hold("sh", "-c", 'exec 3<"$1"; echo ready; exec cat', "sh", host.merged("one") + "/srcds_run", user="left4me")
        self.check_held(holder, f"process {holder.pid} (cat, an open file)")

    def test_a_current_directory_of_roots(self):
        holder = self.hold("sh", "-c", 'cd "$1"; echo ready; exec cat', "sh", host.merged("one"))
        self.check_held(holder, "a process of another user", f"fuser -vm {host.merged('one')}")

    def test_another_mount_namespace(self):
        holder = self.hold("unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec cat")
        self.check_held(holder, f"process {holder.pid} (cat, its mount namespace)")

    def test_a_mount_on_the_target(self):
        ctl("configure", "one", "--overlay", "new")
        for below, running in (("", True), (CFG, True), ("", False)):
            with self.subTest(below=below, running=running):
                if running:
                    ctl("start", "one")
                else:
                    ctl("stop", "one")
                host.run("mount", "-t", "tmpfs", "left4me-test", os.path.join(host.merged("one"), below))
                if running:
                    ctl("stop", "one")
                    self.assertEqual(host.mounts(host.merged("one")), [])
                self.check_new_stack()

    def test_a_mount_on_the_target_that_is_in_use(self):
        ctl("stop", "one")
        host.run("mount", "-t", "tmpfs", "-o", "mode=755", "left4me-test", host.merged("one"))
        holder = self.hold("sh", "-c", 'cd "$1"; echo ready; exec cat', "sh", host.merged("one"), user="left4me")
        self.assertIn(f"process {holder.pid} (cat, its current directory)", self.refused("start", "StartFailed"))
        self.assertEqual(len(host.mounts(host.merged("one"))), 1)
        self.let_go(holder)
        ctl("configure", "one", "--overlay", "new")
        self.check_new_stack()


class Underneath(host.Case):
    """What servers stand on goes, comes again, or gets a new version."""

    @classmethod
    def setup_class(cls):
        host.make_game()
        for name in ("low", "high"):
            host.make_overlay(name, host.layer(name))

    def seen(self):
        """Of two servers, one running: what systemd, the kernel and the manager say."""
        servers = {i["name"]: {k: i[k] for k in ("active_state", "sub_state", "main_pid", "restarts", "active_since", "layers_in_use")}
                   for i in host.ctl_json("list")}
        return servers, host.mounts(), ground.mounted_stacks()

    def while_they_run(self, *command):
        for name in ("one", "two", "three"):
            self.server(name, "--overlay", "low")
        for name in ("one", "two"):
            follow.start(name)
        before = self.seen()
        host.run(*command)
        with ground.Ground() as g:
            self.assertEqual(ground.settle(g), [])
        self.assertEqual(self.seen(), before)
        ctl("stop", "one")
        ctl("configure", "two", "--overlay", "high")
        self.assertEqual(follow.start("two", "restart")["layer_top"], ["high"])
        follow.start("three")
        ctl("stop", "two", "three")
        self.assertEqual(host.mounts(host.LIBRARY + "/runtime"), [])

    def test_daemon_reload(self):
        self.while_they_run("systemctl", "daemon-reload")

    def test_daemon_reexec(self):
        self.while_they_run("systemctl", "daemon-reexec")

    def test_the_bus_starts_anew(self):
        """Everybody loses the connection: left4med ends and is started again, the servers run on."""
        manager = host.show("left4med.service", "MainPID")
        self.while_they_run("systemctl", "restart", "dbus.service")
        self.assertNotEqual(host.show("left4med.service", "MainPID"), manager)

    def test_reexec_during_starts_and_stops(self):
        self.server("one", "--overlay", "low")
        for n, verb in enumerate(("start", "restart", "stop", "start", "restart", "stop")):
            with self.subTest(n=n, verb=verb):
                order = host.begin("left4mectl", verb, "one")
                host.run("systemctl", "daemon-reexec" if n < 3 else "daemon-reload")
                done = host.finish(order)
                self.assertEqual(done.code, 0, str(done))
                with ground.Ground() as g:
                    self.assertEqual(ground.settle(g), [])
                self.assertEqual(host.mounted_layers("one"), [] if verb == "stop" else [("low", 1), ("game", 1)])

    def test_a_new_version_while_a_server_runs(self):
        path = "left4dead2/addons/thing.txt"
        self.overlay("maps", {**host.layer("maps"), path: "first"})
        self.server("one", "--overlay", "maps")
        self.server("two", "--overlay", "low")
        follow.start("one")
        follow.start("two")
        before = host.tree_sums(host.merged("one") + "/left4dead2/addons")
        with follow.Watch() as watch:
            watch.wait_server("one", lambda p: not p["update_pending"], "that nothing waits")
            host.import_files("maps", {path: "second", "left4dead2/addons/more.txt": "more"})
            watch.wait_server("one", lambda p: p["update_pending"], "that an update waits")
            watch.wait_overlay("maps", lambda p: p["current"] == 2, "the new version")
            self.assertFalse(watch.objects["instance", "two"]["update_pending"])
            self.assertEqual(host.mounted_layers("one"), [("maps", 1), ("game", 1)])
            self.assertEqual(host.tree_sums(host.merged("one") + "/left4dead2/addons"), before)
            self.assertEqual(read(os.path.join(host.merged("one"), path)), b"first")
            self.assertIn("maps/1 (a restart takes maps/2)", ctl("status", "one").out)
            ctl("restart", "one")
            watch.wait_server("one", lambda p: not p["update_pending"] and p["layers_in_use"][:1] == [{"overlay": "maps", "version": 2}],
                              "the new version")
        self.assertEqual(host.mounted_layers("one"), [("maps", 2), ("game", 1)])
        self.assertEqual(read(os.path.join(host.merged("one"), path)), b"second")
        self.assertEqual(read(f"{host.LIBRARY}/overlays/maps/versions/1/{path}"), b"first")
