# SPDX-License-Identifier: LGPL-2.1-or-later
"""What readers of a log cost the server that writes it: a hundred who have stopped reading, and one who reads all."""

import os
import statistics
import threading
import time

from measure import GAME, KIB, MIB, say
import ground
import host
import wire

NAME, OVERLAY = "bench-writer", "bench-writer"
STALLED = 100

# In the place of the game: says many lines at once, then one every few milliseconds, in two halves; for each of these lines how long
# write() took. As many as journald lets one unit say in its interval (2000 in 10 s), with a rest in between.
FIRST, HALF, PERIOD = 1500, 900, 0.005
WRITER = f"""#!/usr/bin/python3
import os, sys, time
def lines(first, count, period, times):
    for n in range(first, first + count):
        line = b"line %06d %s\\n" % (n, b"x" * 140)
        begin = time.perf_counter_ns()
        os.write(1, line)
        times.append(time.perf_counter_ns() - begin)
        time.sleep(period)
def wait(name):
    while not os.path.exists(name):
        time.sleep(0.01)
for part, count, period in (("first", {FIRST}, 0), ("alone", {HALF}, {PERIOD}), ("stalled", {HALF}, {PERIOD})):
    wait("go-" + part)
    times = []
    lines({{"first": 0, "alone": {FIRST}, "stalled": {FIRST + HALF}}}[part], count, period, times)
    with open("times-" + part + ".new", "w") as file:
        file.write(" ".join(map(str, times)))
    os.rename("times-" + part + ".new", "times-" + part)
time.sleep(3600)
"""


def upper(name):
    return f"{ground.STATE}/uppers/{NAME}/upper/{name}"


def go(g, part):
    """Lets the writer write a part; the time of each line in microseconds."""
    go_file = f"{ground.STATE}/runtime/server-{NAME}/merged/go-{part}"
    with open(go_file, "w", encoding="ascii"):
        pass
    g.until(lambda: os.path.exists(upper(f"times-{part}")), 60, f"the part {part}")
    with open(upper(f"times-{part}"), encoding="ascii") as file:
        return [int(t) / 1000 for t in file.read().split()]


class Reader(threading.Thread):
    """Reads a log as fast as it comes."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd, self.text = fd, bytearray()

    def run(self):
        while data := os.read(self.fd, 1 << 20):
            self.text += data

    def numbers(self):
        """Of the writer's lines that have come."""
        return [int(line.split()[4]) for line in self.text.split(b"\n")[:-1] if b" line " in line]


def open_log(g, **options):
    options = {"Follow": wire.V("b", True), "Lines": wire.V("u", 10000), **options}
    return g.instance(NAME, "OpenLog", "a{sv}", options)[0]


def memory(g):
    """What belongs to left4med alone, in bytes."""
    with open(f"/proc/{g.manager_pid()}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * KIB for line in file if line.startswith("RssAnon:"))


def cpu(g):
    """Seconds of CPU time that left4med has taken."""
    fields = ground.read(f"/proc/{g.manager_pid()}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(times, part):
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


def tell(what, times):
    say(f"  {what}: median {statistics.median(times):.0f} us, 99 % within {quantile(times, 0.99):.0f} us, longest {max(times):.0f} us")


def measure(g):
    """times alone and with stalled readers, the numbers that the fast reader got, memory and CPU before and after."""
    g.instance(NAME, "Start")
    go(g, "first")
    fast = Reader(open_log(g))
    fast.start()
    g.until(lambda: len(fast.text) >= FIRST * 140, 30, "what was logged first")
    # journald counts what a unit says in intervals of ten seconds
    time.sleep(10)
    result = {"memory before": memory(g), "cpu before": cpu(g), "begin": time.monotonic()}
    result["alone"] = go(g, "alone")
    result["cpu alone"], result["seconds alone"] = cpu(g) - result["cpu before"], time.monotonic() - result["begin"]

    stalled = [open_log(g) for _ in range(STALLED)]
    time.sleep(max(0, 10 - result["seconds alone"]))
    result["memory stalled"], begin, used = memory(g), time.monotonic(), cpu(g)
    result["stalled"] = go(g, "stalled")
    result["cpu stalled"], result["seconds stalled"] = cpu(g) - used, time.monotonic() - begin
    total = FIRST + 2 * HALF
    g.until(lambda: len(fast.numbers()) >= total, 30, "the last line at the fast reader")
    result["memory after"], result["numbers"] = memory(g), fast.numbers()

    # one of the stalled goes on: nothing has been lost for it
    late = Reader(stalled.pop())
    late.start()
    g.until(lambda: len(late.numbers()) >= total, 30, "all lines at one that had stalled")
    result["late"] = late.numbers()
    for fd in stalled:
        os.close(fd)
    g.instance(NAME, "Stop")
    return result


def make_writer(g):
    g.manager("CreateOverlay", "ssa{sv}", OVERLAY, "files", {})
    state, message = g.import_bytes(OVERLAY, host.archive({"srcds_run": WRITER}))
    if state != "succeeded":
        raise RuntimeError(message)
    g.create(NAME, Game=GAME, Overlays=[OVERLAY])


def bench_readers(g, short):
    make_writer(g)
    r = measure(g)
    want = list(range(FIRST + 2 * HALF))
    say(f"a line of a server, every {PERIOD * 1000:.0f} ms, {HALF} of them each:")
    tell("read by one", r["alone"])
    tell(f"by one, with {STALLED} who have stopped reading", r["stalled"])
    later = quantile(r["stalled"], 0.99) - quantile(r["alone"], 0.99)
    say(f"  99 of 100 lines: {max(later, 0):.0f} us later with them (goal 1000 us: {'met' if later < 1000 else 'MISSED'})")
    say(f"  the reader got {len(r['numbers'])} of {len(want)} lines, all in order: {r['numbers'] == want};"
        f" one that had stalled, going on: {r['late'] == want}")
    say(f"  left4med's own memory: {r['memory before'] / MIB:.1f} MiB before, {r['memory stalled'] / MIB:.1f} MiB with them,"
        f" {r['memory after'] / MIB:.1f} MiB at the end; CPU {100 * r['cpu alone'] / r['seconds alone']:.1f} % without"
        f" and {100 * r['cpu stalled'] / r['seconds stalled']:.1f} % with them")
    if r["numbers"] != want or r["late"] != want:
        raise RuntimeError("lines are missing")
