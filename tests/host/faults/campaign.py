# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fault campaign: an operation, a fault at one exact point of it, and the same questions after each.

Environment: LEFT4ME_SEED repeats a run; LEFT4ME_FAULTS says how many points of each program are tried for each operation
and fault ("all" for every one of them: hours). If nothing is said, it is one point each of four programs that a seed picks.
"""

import errno
import os
import random
import threading
import time
import unittest

import ground
import host
import oracle
import wire
from operation import BYSTANDER, GAME, MAPS, World
from operations import OPERATIONS
from tracer import MANAGER, Tracer

SEED = int(os.environ.get("LEFT4ME_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
TIMES = os.environ.get("LEFT4ME_FAULTS", "1")
PROGRAMS = 4  # of an operation, when LEFT4ME_FAULTS is not given or 1: left4med, and runs of helpers
CALL_SECONDS = 90
SLOW_SECONDS = 8
MOUNT_CALLS = {"open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr"}


class Point:
    """One call of one program during an operation."""

    def __init__(self, role, run, kind, n, name):
        self.role, self.run, self.kind, self.n, self.name = role, run, kind, n, name

    def plan(self, action, **more):
        return {"role": self.role, "run": self.run, "kind": self.kind, "n": self.n, "action": action, **more}

    def __str__(self):
        return f"{self.role}#{self.run} {self.kind} {self.n} ({self.name})"


def error_for(point, rng):
    """An errno with which this call may fail, or None."""
    if point.kind == "descriptors":
        return rng.choice((errno.EMFILE, errno.ENOMEM))
    if point.kind == "other":
        return errno.ENOMEM if point.name in MOUNT_CALLS else None
    return errno.EIO if point.name.endswith("sync") or point.name == "syncfs" else rng.choice((errno.ENOSPC, errno.EIO))


class Campaign(unittest.TestCase):
    TIMEOUT = 240 if TIMES == "1" else 24 * 3600

    @classmethod
    def setUpClass(cls):
        if cls is Campaign:
            raise unittest.SkipTest("not a test by itself")
        cls.g = ground.Ground()
        cls.addClassCleanup(lambda: cls.g.close())
        cls.g.clear()
        cls.addClassCleanup(lambda: cls.g.clear())
        cls.tracer = Tracer()
        cls.addClassCleanup(cls.tracer.close)
        cls.g.make_overlay(GAME, "game.tar.zst")
        cls.g.make_overlay(MAPS, "maps.zip")
        cls.g.create(BYSTANDER, Game=GAME, Overlays=[MAPS], Cvars={"hostname": "bystander"}, Lines=["sv_cheats 0"])
        cls.g.instance(BYSTANDER, "Start")
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.bystander_before = cls.bystander()
        cls.cases = cls.missed = 0
        cls.broken = oracle.settle(cls.g)
        print(f"LEFT4ME_SEED={SEED}", flush=True)

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.__name__}: {cls.cases} cases, in {cls.missed} of them the point was not reached", flush=True)

    @classmethod
    def bystander(cls):
        known = {p["Name"]: p for p in cls.g.of(ground.INSTANCE)}
        return known.get(BYSTANDER), cls.g.instance(BYSTANDER, "GetSettings")[0]

    def setUp(self):
        self.assertEqual(self.broken, [], "an earlier case left what no restart of left4med repairs")

    def operation(self, word):
        return OPERATIONS[word](self.g, self.world)

    def job_result(self, path):
        try:
            state, message = self.g.job_end(path)
        except wire.BusError as error:
            if error.name in oracle.LOST:
                return "lost", str(error)
            raise
        return ("done" if state == "succeeded" else "failed"), message

    def result(self, operation, serial):
        """("done" | "failed" | "lost", text) of a call that was posted, and of its job if it has one."""
        try:
            reply = self.g.wait(serial, CALL_SECONDS)
        except wire.BusError as error:
            return ("lost" if error.name in oracle.LOST else "failed"), str(error)
        except TimeoutError:
            self.fail("a call hangs")
        operation.answered(reply)
        results = [self.job_result(path) for path in operation.jobs(reply)]
        return next((r for r in results if r[0] != "done"), results[0] if results else ("done", ""))

    def undisturbed(self, operation):
        operation.prepare()
        result, why = self.result(operation, operation.post())
        self.assertEqual(result, "done", why)
        self.assertIs(operation.happened(), True)

    def points(self, word):
        """Every call that this operation makes when nothing disturbs it."""
        operation = self.operation(word)
        operation.prepare()
        self.tracer.follow(self.g.manager_pid())
        self.tracer.arm()
        result, why = self.result(operation, operation.post())
        self.assertEqual(result, "done", why)
        self.assertEqual(oracle.settle(self.g), [])
        found = []
        for role, run, calls in self.tracer.report():
            counts = {}
            for kind, name in calls:
                counts[kind] = counts.get(kind, 0) + 1
                found.append(Point(role, run, kind, counts[kind], name))
        operation.happened()
        return found

    def check(self, operation, result, why, with_jobs=True):
        """After the fault: the world is in order, and the operation has happened or has not."""
        self.assertEqual(oracle.settle(self.g), [], f"{result}: {why}")
        happened = operation.happened()
        self.assertEqual(oracle.complaints(self.g, self.world, with_jobs), [], f"{result}: {why}")
        if result == "done":
            self.assertIsNot(happened, False, f"it was answered as done: {why}")
        elif result == "failed" and not operation.destructive:
            self.assertIsNot(happened, True, f"it was answered with an error: {why}")
        self.assertEqual(self.bystander(), self.bystander_before, "a server that had nothing to do with it was disturbed")
        return happened

    def again(self, word, happened, rng):
        """What did not happen works now; a restarted left4med knows the same."""
        if happened is not True:
            self.undisturbed(self.operation(word))
        if rng.random() < 0.2:
            host.run("systemctl", "restart", "left4med.service")
            self.assertEqual(oracle.complaints(self.g, self.world), [])

    def recover(self):
        """A case that failed is not to make all others fail."""
        host.run("systemctl", "restart", "left4med.service")
        type(self).broken = oracle.settle(self.g)

    def one(self, word, point, plan, rng):
        """One case. What is seen here is the truth for the user: answers, jobs, objects, files."""
        operation = self.operation(word)
        operation.prepare()
        if point.role == MANAGER:
            self.tracer.follow(self.g.manager_pid())
        self.tracer.arm(plan)
        result, why = self.result(operation, operation.post())
        # points lie in what follows the answer, too
        self.assertEqual(oracle.settle(self.g), [], f"{result}: {why}")
        type(self).cases += 1
        type(self).missed += not self.tracer.seen("hit")
        # one that was not reached is not to be met by what comes next, our own questions first
        self.tracer.arm()
        self.again(word, self.check(operation, result, why, plan["action"] != "error"), rng)

    def let_go(self):
        """Nothing is to be held from now on, and what is held goes on."""
        self.tracer.arm()
        self.tracer.send(do="go")

    def watch(self, action, over, meanwhile):
        """Waits for a program to be stopped, does something and lets it go on."""
        try:
            while not over.is_set() and not self.tracer.seen("hit"):
                self.tracer.read(0.05)
            self.hit = bool(self.tracer.seen("hit"))
            if not meanwhile:
                self.let_go()
            if self.hit:
                action(over)
        except Exception as error:
            self.trouble = error
        if meanwhile or self.trouble:
            self.let_go()

    def hold(self, operation, point, action, meanwhile=True):
        """The operation, with action(an event: it is over) done while a program stands still at that point, or as soon as it goes
        on. What came of it, as result() has it."""
        self.tracer.follow(self.g.manager_pid())
        self.tracer.arm(point.plan("hold"))
        self.trouble, self.hit, over = None, False, threading.Event()
        watcher = threading.Thread(target=self.watch, args=(action, over, meanwhile))
        serial = operation.post()
        watcher.start()
        try:
            result = self.result(operation, serial)
        except ConnectionError:
            result = "lost", "the bus was started anew"
        over.set()
        watcher.join()
        if self.trouble:
            raise self.trouble
        type(self).cases += 1
        type(self).missed += not self.hit
        return result

    def run_cases(self, word, cases, rng):
        """cases: [(point, action, options of the plan)]"""
        begin = time.monotonic()
        for point, action, options in cases:
            started = time.monotonic()
            with self.subTest(operation=word, point=str(point), action=action, seed=SEED, **options):
                try:
                    self.one(word, point, point.plan(action, **options), rng)
                except BaseException:
                    self.recover()
                    raise
            if time.monotonic() - started > SLOW_SECONDS:
                print(f"        slow: {action} {options or ''} at {point}: {time.monotonic() - started:.1f} s", flush=True)
        print(f"        {word}: {len(cases)} cases, {time.monotonic() - begin:.1f} s", flush=True)

    def choose(self, points, rng, programs=PROGRAMS):
        """Some of them, of each program and run the same number."""
        groups = {}
        for point in points:
            groups.setdefault((point.role, point.run), []).append(point)
        keys = sorted(groups)
        if TIMES == "1":
            keys = sorted(rng.sample(keys, min(programs, len(keys))))
        for key in keys:
            group = groups[key]
            yield from group if TIMES == "all" else rng.sample(group, min(int(TIMES), len(group)))
