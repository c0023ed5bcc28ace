# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a server is put together from, and what becomes of it: stacks and when they act, starts and stops in every order,
crashes, hangs, boots of the host."""

import os
import signal
import socket
import time

import follow
import ground
import host
import wire
from host import ctl

INSTANCE = wire.NAME + ".Instance"
SHARED = "left4dead2/cfg/who.cfg"
CRASHED, GAVE_UP = "fdf228da37374e969bf9f8bc66d1e1cf", "527e2f7de0ed4606ab7a87456698a9f3"
CYCLES = 100
EARLY_STOPS = 20
SECONDS = 60
STOP_SECONDS, PATIENCE = 60, 200  # on whatever machine; one that is not heard lasts as long as systemd's patience
STACKS = [["high", "low"], ["low", "high"], ["low"], [], ["high"]]


def layer(name):
    """Brings a file that all of them bring; the one that runs is the one that wins."""
    return host.layer(name, **{SHARED: f"standin_mark {name}\n"})


def with_game(overlays):
    return [(o, 1) for o in [*overlays, "game"]]


def drop_in(case, name, text):
    """Settings of a server's unit for one test, as `systemctl edit --runtime` makes them."""
    directory = f"/run/systemd/system/{host.server_unit(name)}.d"

    def remove():
        ctl("stop", name, check=False)
        host.run("rm", "-r", directory)
        host.run("systemctl", "daemon-reload")

    os.makedirs(directory)
    case.addCleanup(remove)
    with open(f"{directory}/test.conf", "w", encoding="ascii") as file:
        file.write(f"[Service]\n{text}\n")
    host.run("systemctl", "daemon-reload")


def main_pid(name):
    return int(host.show(host.server_unit(name), "MainPID"))


def game_pid(name):
    """The game's process as the host numbers it: what left4me-run has started."""
    with open(f"/proc/{main_pid(name)}/task/{main_pid(name)}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


class Servers(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_game()
        for name in ("low", "high"):
            host.make_overlay(name, layer(name))

    def setUp(self):
        self.bus = self.enterContext(wire.Bus())

    def post(self, name, method, *arguments):
        return self.bus.post(wire.NAME, wire.instance_path(name), INSTANCE, method, *arguments)

    def call(self, name, method, *arguments):
        return self.bus.wait(self.post(name, method, *arguments))

    def get(self, name, prop):
        return self.bus.get(wire.NAME, wire.instance_path(name), INSTANCE, prop)

    def assert_stopped(self, name, state="inactive"):
        self.assertEqual(host.show(host.server_unit(name), "ActiveState"), state)
        self.assertEqual(self.get(name, "ActiveState"), state)
        self.assertEqual(self.get(name, "LayersInUse"), [])
        self.assertEqual(host.mounts(host.merged(name)), [])

    def assert_runs_on(self, name, overlays, state):
        """As the kernel, the manager and the server itself see it."""
        layers = with_game(overlays)
        self.assertEqual(len([m for m in host.mounts(host.merged(name)) if m[1] == host.merged(name)]), 1)
        self.assertEqual(host.mounted_layers(name), layers)
        self.assertEqual(self.get(name, "LayersInUse"), layers)
        self.assertEqual(sorted(state["layer"]), sorted(o for o, _ in layers))
        self.assertEqual(state["layer_top"], [layers[0][0]])
        seen = state["mount"][0]
        places = [seen.index(f"lowerdir+={host.LIBRARY}/overlays/{o}/versions/{v},") for o, v in layers]
        self.assertEqual(places, sorted(places))


class Stack(Servers):
    TIMEOUT = 600
    TAKES = 85

    def test_order_and_writes(self):
        before = host.tree_sums(host.LIBRARY + "/overlays")
        self.server("one", "--overlay", "high", "--overlay", "low", "--line", "exec who.cfg", "--line",
                    f'standin_write {SHARED} "standin_mark upper"')
        state = follow.start("one")
        self.assert_runs_on("one", ["high", "low"], state)
        self.assertEqual(state["mark"], ["high"])
        with open(host.upper("one", SHARED), encoding="ascii") as file:
            self.assertEqual(file.read().strip(), "standin_mark upper")

        ctl("configure", "one", "--overlay", "low", "--overlay", "high", "--line", "exec who.cfg")
        state = follow.start("one", "restart")
        self.assert_runs_on("one", ["low", "high"], state)
        self.assertEqual(state["mark"], ["upper"])

        ctl("stop", "one")
        ctl("reset", "--yes", "one")
        self.assertEqual(follow.start("one")["mark"], ["low"])
        ctl("stop", "one")
        self.assertEqual(host.tree_sums(host.LIBRARY + "/overlays"), before)

    def test_a_changed_stack_takes_effect_at_the_next_start_alone(self):
        self.server("one", "--overlay", "high")
        self.assertFalse(self.get("one", "UpdatePending"))
        with follow.Watch() as watch, follow.Console("one") as console:
            ctl("start", "one")
            console.wait_up()
            mounted = host.mounts(host.merged("one"))
            ctl("configure", "one", "--overlay", "low", "--overlay", "high")
            watch.wait_server("one", lambda p: p["update_pending"], "that an update waits")
            self.assertIn("a restart changes the stack", ctl("status", "one").out)
            os.kill(game_pid("one"), signal.SIGUSR2)
            console.next("standin: map c1m2_streets")
            console.wait_up()
            self.assert_runs_on("one", ["high"], host.state_file("one"))
            os.kill(game_pid("one"), signal.SIGKILL)
            console.wait_up()
            self.assertEqual(host.mounts(host.merged("one")), mounted)
            self.assert_runs_on("one", ["high"], host.state_file("one"))
            watch.wait_server("one", lambda p: p["active_state"] == "active" and p["restarts"] == 1, "the automatic restart")
            self.assertTrue(self.get("one", "UpdatePending"))

            ctl("configure", "one", "--overlay", "high")
            watch.wait_server("one", lambda p: not p["update_pending"], "that nothing waits any more")
            ctl("configure", "one", "--no-overlays")
            ctl("restart", "one")
            console.wait_up()
            self.assert_runs_on("one", [], host.state_file("one"))
            watch.wait_server("one", lambda p: not p["update_pending"] and p["layers_in_use"] == [{"overlay": "game", "version": 1}],
                              "that it was taken")

    def test_100_cycles_with_alternating_stacks(self):
        self.server("one")
        restarts = 0
        with follow.Console("one") as console:
            for n in range(CYCLES):
                overlays = STACKS[n % len(STACKS)]
                self.call("one", "SetOverlays", "as", overlays)
                # three in a row each: all stacks come in either way
                if n > 0 and n // 3 % 2:
                    restarts += 1
                    self.call("one", "Restart")
                else:
                    self.call("one", "Stop")
                    self.assertEqual(host.mounts(host.merged("one")), [])
                    self.call("one", "Start")
                console.wait_up()
                with self.subTest(cycle=n):
                    self.assert_runs_on("one", overlays, host.state_file("one"))
        print(f"{CYCLES} cycles, {restarts} of them restarts", flush=True)


class Control(Servers):
    """Orders that meet each other."""

    TAKES = 16

    def test_a_stop_right_after_a_start_ends_at_once(self):
        self.server("early")
        drop_in(self, "early", f"TimeoutStopSec={PATIENCE}")
        self.bus.call(*wire.SYSTEMD, "Subscribe")
        self.bus.match("type='signal',sender='org.freedesktop.systemd1',path_namespace='/org/freedesktop/systemd1/unit'")
        took = []
        for n in range(EARLY_STOPS):
            self.bus.signals.clear()
            start = self.post("early", "Start")
            # each time after one more of systemd's signals, as long as the start lasts
            while len(self.bus.signals) < n and start not in self.bus.replies:
                self.bus.receive(time.monotonic() + SECONDS)
            begin = time.monotonic()
            stop = self.post("early", "Stop")
            with self.subTest(n=n):
                try:
                    self.bus.wait(start)
                except wire.BusError as error:
                    self.assertEqual(error.name, host.ERROR + "Cancelled")
                self.bus.wait(stop)
                took.append(time.monotonic() - begin)
                self.assertLess(took[-1], STOP_SECONDS)
                self.assert_stopped("early")
                self.assertNotIn(self.get("early", "LastExit")[0], ("timeout", "watchdog"))
        print(f"stops took {min(took):.3f} to {max(took):.3f} s", flush=True)
        log = host.run("journalctl", f"--unit={host.server_unit('early')}", "--since=-5min", "--output=cat").out
        self.assertNotIn("timed out", log)
        follow.start("early")

    def test_orders_that_meet(self):
        self.server("one", "--overlay", "low")
        busy = host.ERROR + "Busy"
        cases = [(["Start", "Start"], ["", ""], "active"), (["Stop", "Stop"], ["", ""], "inactive"),
                 (["Start", "Restart"], ["", busy], "active"), (["Restart", "Restart"], ["", ""], "active"),
                 (["Restart", "Start"], ["", busy], "active"), (["Stop", "Start"], ["", busy], "inactive"),
                 (["Restart", "Stop", "Stop"], ["", "", ""], "inactive"), (["Start", "Stop", "Start"], ["", "", ""], "inactive"),
                 (["Start", "Reset"], ["", busy], "active"), (["Start", "Delete"], ["", host.ERROR + "InstanceRunning"], "active")]
        for methods, wanted, state in cases:
            with self.subTest(methods=methods):
                calls = [self.post("one", m) for m in methods]
                self.assertEqual([self.outcome(c) for c in calls], wanted)
                self.assertEqual(self.get("one", "ActiveState"), state)
                self.assertEqual(host.mounted_layers("one"), with_game(["low"]) if state == "active" else [])

    def outcome(self, serial):
        try:
            self.bus.wait(serial)
            return ""
        except wire.BusError as error:
            return error.name

    def test_states_are_told_in_order(self):
        self.server("one")
        with follow.Watch(host.GUEST) as watch:
            watch.wait_state("one", "inactive")
            ctl("start", "one")
            running = watch.wait_state("one", "active")
            self.assertEqual(running["main_pid"], main_pid("one"))
            self.assertGreater(running["active_since"], 0)
            ctl("stop", "one")
            stopped = watch.wait_server("one", lambda p: p["active_state"] == "inactive" and not p["layers_in_use"], "the stop")
            self.assertEqual((stopped["main_pid"], stopped["active_since"]), (0, 0))
            self.assertEqual(watch.sequence("one", "active_state"), ["inactive", "activating", "active", "deactivating", "inactive"])
            self.assertEqual([len(v) for v in watch.sequence("one", "layers_in_use")], [0, 1, 0])

            ctl("start", "one")
            watch.wait_state("one", "active")
            seen = len(watch.sequence("one", "sub_state"))
            os.kill(game_pid("one"), signal.SIGSEGV)
            again = watch.wait_server("one", lambda p: p["active_state"] == "active" and p["restarts"] == 1, "the restart")
            subs = watch.sequence("one", "sub_state")[seen:]
            self.assertEqual([s for s in subs if s in ("auto-restart", "running")], ["auto-restart", "running"])
            self.assertEqual(again["last_exit"]["status"], 128 + signal.SIGSEGV)
            self.assertEqual([len(v) for v in watch.sequence("one", "layers_in_use")], [0, 1, 0, 1])


class Ends(Servers):
    """A server that ends by itself, or does not want to."""

    def test_killed_and_restarted_on_the_same_mount(self):
        self.server("one", "--overlay", "low")
        drop_in(self, "one", "RestartSec=100ms")
        with follow.Watch() as watch, follow.Console("one") as console, follow.Journal("LEFT4ME_INSTANCE=one") as journal:
            ctl("start", "one")
            console.wait_up()
            mounted = host.mounts(host.merged("one"))
            seen = 0
            # The game's end is told by left4me-run as a shell does; with left4me-run goes all of the namespace.
            for n, (pid, result, status) in enumerate(((game_pid, "exit-code", 137), (main_pid, "signal", 9)), 1):
                killed = main_pid("one")
                os.kill(pid("one"), signal.SIGKILL)
                console.wait_up()
                told = watch.wait_server("one", lambda p, n=n: p["restarts"] == n and p["active_state"] == "active", "the restart")
                self.assertEqual((told["last_exit"]["result"], told["last_exit"]["status"]), (result, status))
                self.assertNotEqual(told["main_pid"], killed)
                self.assertEqual(host.mounts(host.merged("one")), mounted)
                self.assert_runs_on("one", ["low"], host.state_file("one"))
                seen = journal.wait_text("ended by itself", seen) + 1
                record = journal.lines[seen - 1]
                self.assertEqual(record["MESSAGE_ID"], CRASHED)
                self.assertIn(f"{result}, status {status}", record["MESSAGE"])
            card = ctl("status", "one").out
            self.assertRegex(card, r"Restarts: 2 since")
            # a new start counts anew
            ctl("restart", "one")
            self.assertEqual(self.get("one", "Restarts"), 0)
            journal.wait(lambda r: r["LEFT4ME_INSTANCE"] == "one" and "started on port" in r["MESSAGE"], "the new start", seen)
            self.assertEqual([r["MESSAGE"] for r in journal.lines if r["PRIORITY"] < "4"], [])

    def test_five_crashes_within_a_minute(self):
        self.server("one", "--", "+standin_exit", "3")
        drop_in(self, "one", "RestartSec=50ms")
        with follow.Watch() as watch, follow.Journal("LEFT4ME_INSTANCE=one") as journal:
            for _ in range(2):
                seen, events = len(journal.lines), len(watch.lines)
                ctl("start", "one")
                watch.wait(lambda e: e.get("properties", {}).get("active_state") == "active", "the start", events)
                told = watch.wait_server("one", lambda p: p["active_state"] == "failed" and not p["layers_in_use"], "that it gave up")
                self.assertEqual((told["restarts"], told["last_exit"]["result"], told["last_exit"]["status"]), (5, "exit-code", 3))
                record = journal.lines[journal.wait(lambda r: r["MESSAGE_ID"] == GAVE_UP, "that it gave up", seen)]
                crashes = [r for r in journal.lines[seen:] if r["MESSAGE_ID"] == CRASHED]
                self.assertEqual(len(crashes), 5, [r["MESSAGE"] for r in journal.lines[seen:]])
                self.assert_stopped("one", "failed")
                card = ctl("status", "one", check=False)
                self.assertEqual(card.code, 3, str(card))
                self.assertRegex(card.out, r"Last exit: ended with code 3\b")
                self.assertIn(record["MESSAGE"], card.out)
            # Failed it is at the end alone, not in between.
            self.assertEqual(watch.sequence("one", "active_state").count("failed"), 2)
        ctl("configure", "one", "--", "-tickrate", "30")
        follow.start("one")
        self.assertEqual((self.get("one", "ActiveState"), self.get("one", "Restarts")), ("active", 0))

    def test_crash_while_being_stopped(self):
        self.server("one", "--", "+standin_ignore_sigint")
        follow.start("one")
        with follow.Watch() as watch:
            stop = self.post("one", "Stop")
            watch.wait_state("one", "deactivating")
            os.kill(game_pid("one"), signal.SIGABRT)
            self.bus.wait(stop)
            # It has not ended as it was told to, and that is kept; but it has ended, and that was wanted.
            self.assert_stopped("one")
            self.assertEqual(self.get("one", "LastExit")[:2], ("exit-code", 128 + signal.SIGABRT))
            self.assertNotIn("auto-restart", watch.sequence("one", "sub_state"))
        self.assertEqual(self.get("one", "LastExit")[:2], ("exit-code", 128 + signal.SIGABRT))
        ctl("configure", "one", "--", "-tickrate", "30")
        follow.start("one")

    def test_stop_while_systemd_waits_to_restart(self):
        self.server("one")
        drop_in(self, "one", "RestartSec=1h")
        follow.start("one")
        for method, state in (("Stop", "inactive"), ("Start", "active"), ("Restart", "active")):
            with self.subTest(method=method), follow.Watch() as watch:
                ctl("start", "one")
                os.kill(game_pid("one"), signal.SIGKILL)
                watch.wait_server("one", lambda p: p["sub_state"] == "auto-restart", "the crash")
                self.call("one", method)
                self.assertEqual(self.get("one", "ActiveState"), state)
                self.assertEqual(bool(host.mounted_layers("one")), state == "active")

    def test_a_server_that_hangs_is_killed_in_the_end(self):
        self.server("one", "--", "+standin_hang")
        drop_in(self, "one", "TimeoutStopSec=1")
        for verb in ("stop", "restart"):
            with self.subTest(verb=verb):
                with follow.Console("one") as console:
                    ctl("start", "one")
                    console.next("standin: hangs")
                killed = main_pid("one")
                ctl(verb, "one")
                if verb == "stop":
                    self.assert_stopped("one")
                self.assertEqual(self.get("one", "LastExit")[:2], ("timeout", signal.SIGKILL))
                self.assertFalse(os.path.exists(f"/proc/{killed}"))
                self.assertEqual(bool(host.mounted_layers("one")), verb == "restart")
        self.assertEqual(self.get("one", "ActiveState"), "active")

    def test_a_game_that_is_none(self):
        self.overlay("empty", host.layer("empty"))
        self.server("one", game="empty")
        refused = ctl("start", "one", "--json", check=False)
        self.assertEqual(refused.code, 1, str(refused))
        (told,) = refused.json()
        self.assertEqual(told["error"], host.ERROR + "StartFailed")
        self.assertIn("there is no srcds_run in the stack of one (1 layers, the lowest is empty/1): is the lowest one the game?",
                      told["message"])
        self.assert_stopped("one")
        # systemd is told that they were seen, which needs an answer of its own
        with ground.Ground() as g:
            g.until(lambda: not host.run("systemctl", "list-units", "--failed", "--no-legend", "left4me-*").out, what="no failed unit")
        ctl("configure", "one", "--game", "game")
        follow.start("one")

    def test_a_port_that_somebody_else_has(self):
        self.server("one", "--port", "27050")
        drop_in(self, "one", "RestartSec=50ms")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, follow.Watch() as watch:
            taken.bind(("0.0.0.0", 27050))
            ctl("start", "one", check=False)
            told = watch.wait_state("one", "failed")
            self.assertEqual(told["last_exit"]["status"], 100)
            self.assertIn("27050", ctl("status", "one", check=False).out.partition("Last exit")[2])
        follow.start("one")


class Boots(Servers):
    """A boot is simulated: the mark that the servers were started at this boot lies in /run, and is removed; left4med starts anew."""

    def manager(self, boot):
        if boot:
            os.unlink("/run/left4me/jobs/.autostarted")
        host.run("systemctl", "restart", "left4med")

    def test_autostart_once_a_boot(self):
        for name, options in (("auto", ["--autostart"]), ("other", []), ("broken", ["--autostart"])):
            self.server(name, *options)
        ctl("overlay", "create", "nothing", "--kind", "files")
        ctl("configure", "broken", "--overlay", "nothing")
        self.addCleanup(ctl, "overlay", "delete", "--yes", "nothing")
        self.addCleanup(ctl, "delete", "--yes", "broken")

        self.manager(boot=True)
        with follow.Watch() as watch:
            watch.wait_state("auto", "active")
        self.assertEqual([self.get(n, "ActiveState") for n in ("other", "broken")], ["inactive"] * 2)
        ctl("start", "other")
        pids = [main_pid("auto"), main_pid("other")]
        self.manager(boot=False)
        self.assertEqual([self.get("auto", "MainPID"), self.get("other", "MainPID")], pids)

        ctl("stop", "auto")
        self.manager(boot=False)
        # The same way to systemd, later: had the other been started, it would run by now.
        ctl("restart", "other")
        self.assert_stopped("auto")
        self.assertEqual(host.show(host.server_unit("auto"), "ExecMainStartTimestamp"), "")

        self.manager(boot=True)
        with follow.Watch() as watch:
            watch.wait_state("auto", "active")
