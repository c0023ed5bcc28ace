# SPDX-License-Identifier: LGPL-2.1-or-later
"""left4med and each helper is killed, or gets an error from the kernel, at the n-th call of every operation."""

import random

from campaign import SEED, Campaign, error_for
from operations import OPERATIONS


class Points(Campaign):
    def kill(self, word):
        rng = random.Random(f"{SEED} kill {word}")
        points = [p for p in self.points(word) if p.kind != "descriptors"]
        self.run_cases(word, [(p, "kill", {}) for p in self.choose(points, rng)], rng)

    def fail_calls(self, word):
        rng = random.Random(f"{SEED} error {word}")
        points = [p for p in self.points(word) if error_for(p, rng)]
        self.run_cases(word, [(p, "error", {"errno": error_for(p, rng)}) for p in self.choose(points, rng)], rng)


def add_tests(word):
    setattr(Points, f"test_kill_{word}", lambda self: self.kill(word))
    setattr(Points, f"test_error_{word}", lambda self: self.fail_calls(word))


for operation in OPERATIONS:
    add_tests(operation)
del operation
