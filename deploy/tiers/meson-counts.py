#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""meson-counts.py FILE: "PASSED FAILED" of meson's log of tests (one JSON object a line).

Every case that a test program reports in TAP counts by itself. A program that failed otherwise (crashed, timed out,
or was broken off before its plan's end) is one failure more.
"""

import json
import re
import sys

CASE = re.compile(r"^\s*(ok|not ok) \d+\b(.*)$", re.MULTILINE)


def count(test):
    cases = CASE.findall(test.get("stdout", ""))
    passed = sum(word == "ok" and "# SKIP" not in rest.upper() for word, rest in cases)
    failed = sum(word == "not ok" and "# TODO" not in rest.upper() for word, rest in cases)
    good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
    if good and not cases and test["result"] != "SKIP":
        passed = 1
    if not good and failed == 0:
        failed = 1
    return passed, failed


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        counts = [count(json.loads(line)) for line in file if line.strip()]
    print(sum(passed for passed, _ in counts), sum(failed for _, failed in counts))


if __name__ == "__main__":
    main()
