# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build is cancelled, runs out of time, or its units are killed: at a call of one of its programs, and in the middle of what it does."""

import random

import interruptions as i
import oracle
import wire
from campaign import SEED, TIMES, Campaign
from ground import JOB
from tracer import MANAGER

BUILDS = ("build_script", "build_workshop", "build_steam")
AT_CALLS = {"cancel": i.cancel, "time_out": i.time_out, "kill_unit": i.kill_unit}
IN_THE_MIDDLE = {**AT_CALLS, "kill_program": i.kill_program, "kill_manager": i.kill_manager, "restart_manager": i.restart_manager}
WORKERS = {"import": "left4me-build", "build_script": "left4me-build", "build_workshop": "left4me-workshop", "build_steam": "left4me-steam"}
SAYS = {"cancel": "cancelled", "time_out": "took too long", "kill_manager": "interrupted", "restart_manager": "interrupted"}


class Interruptions(Campaign):
    def held(self):
        """The process that stands still now, None if it goes on already."""
        return next((hit["pid"] for hit in self.tracer.seen("hit")), None)

    def at_call(self, word, name, point, rng):
        operation = self.operation(word)
        operation.prepare()
        interrupt = i.interrupter(AT_CALLS[name], point.role, self.held)
        result, why = self.hold(operation, point, interrupt, point.role != MANAGER)
        if self.hit and point.role == WORKERS.get(word):
            self.assertEqual(result, "failed", why)
            self.assertIn(SAYS.get(name, ""), why)
        self.again(word, self.check(operation, result, why), rng)

    def run_at_calls(self, word):
        rng = random.Random(f"{SEED} interruptions {word}")
        points = self.points(word)
        for name in AT_CALLS:
            # left4med is no unit of a job's
            for point in self.choose([p for p in points if p.role != MANAGER or name == "cancel"], rng, 1):
                with self.subTest(operation=word, interruption=name, point=str(point), seed=SEED):
                    try:
                        self.at_call(word, name, point, rng)
                    except BaseException:
                        self.recover()
                        raise

    def middle(self, word, name, rng):
        operation = self.operation(word)
        operation.slow = True
        operation.prepare()
        (path,) = self.g.wait(operation.post())
        self.g.until(lambda: operation.in_the_middle(self.g.get_all(wire.NAME, path, JOB)), what=f"{word} is in the middle")
        IN_THE_MIDDLE[name](self.g, WORKERS[word], i.newest_job(self.g))
        if "manager" in name:
            self.assertEqual(oracle.settle(self.g), [])
        result, why = self.job_result(path)
        self.assertEqual(result, "failed", why)
        self.assertIn(SAYS.get(name, ""), why)
        type(self).cases += 1
        self.again(word, self.check(operation, result, why), rng)

    def run_in_the_middle(self, word):
        rng = random.Random(f"{SEED} middle {word}")
        for name in IN_THE_MIDDLE if TIMES == "all" or word == "build_script" else rng.sample(sorted(IN_THE_MIDDLE), 3):
            with self.subTest(operation=word, interruption=name, seed=SEED):
                try:
                    self.middle(word, name, rng)
                except BaseException:
                    self.recover()
                    raise


def add_tests():
    for word in (*WORKERS, "freeze"):
        setattr(Interruptions, f"test_at_calls_of_{word}", lambda self, word=word: self.run_at_calls(word))
    for word in BUILDS:
        setattr(Interruptions, f"test_in_the_middle_of_{word}", lambda self, word=word: self.run_in_the_middle(word))


add_tests()
