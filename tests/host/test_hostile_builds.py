# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever runs in a build's sandbox makes the version that it showed or none, and changes no other, then or later.

attacker.py takes the place of left4me-build, in the unit as it is installed otherwise.
"""

import json
import os
import random
import shutil
import signal
import socket

import follow
import ground
import host
import trees
from host import ctl, run, show

DROP_IN = "/run/systemd/system/left4me-build@.service.d"
HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = "target"
FILES = [
    ["write", "a/one.txt", "one"], ["write", "a/two.txt", "two"], ["write", "a/three.txt", "three"], ["write", "b/c/deep.txt", "deep"],
    ["write", "b/c/d/deeper.txt", "deeper"], ["symlink", "a/one.txt", "link.txt"], ["symlink", "../a", "b/up"], ["mkdir", "empty"],
    ["write", "start_run", "#!/bin/sh"], ["mode", "start_run", "755"], ["write", "large.bin", "large" * 100000],
    ["write", "e/x.txt", "x"], ["write", "e/y.txt", "y"],
]
ATTRIBUTES = {"opaque": "y", "redirect": "/a", "metacopy": "", "origin": "forged", "whiteout": "", "impure": "y", "nlink": "U+1",
              "upper": "forged", "protattr": "ai", "uuid": "0123456789abcdef", "overlay.opaque": "y", "overlay.whiteout": ""}


def open_in(pid, path):
    """A descriptor of a file as a process sees it, from the mount namespace that it is in."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        os.setns(namespace, os.CLONE_NEWNS)
        socket.send_fds(theirs, [b"!"], [os.open(path, os.O_RDWR)])
        os._exit(0)
    theirs.close()
    _, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    os.waitpid(child, 0)
    return fd


class Attacks(host.Case):
    @classmethod
    def setup_class(cls):
        host.make_overlay("first", {"file": "so that there is a journal to follow"})
        os.makedirs(DROP_IN)
        cls.addClassCleanup(run, "systemctl", "daemon-reload")
        cls.addClassCleanup(shutil.rmtree, DROP_IN)
        with open(DROP_IN + "/test.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nExecStart=\nExecStart=/usr/bin/python3 -I -B /mnt/attacker.py\n"
                       f"BindReadOnlyPaths={HERE}/attacker.py:/mnt/attacker.py\n")
        run("systemctl", "daemon-reload")

    def setUp(self):
        self.ground = self.enterContext(ground.Ground())
        self.addCleanup(self.remove)
        ctl("overlay", "create", TARGET, "--kind", "files")
        self.ground.call(ground.wire.NAME, ground.wire.overlay_path(TARGET), ground.OVERLAY, "SetKeepVersions", "u", 100)
        self.take_stock()
        self.attack(*FILES)
        self.take_stock()
        self.take_stock()

    def remove(self):
        self.ground.until(lambda: self.told("State") != "building", 60, "the end of the build")
        ctl("overlay", "delete", "--yes", TARGET)

    def take_stock(self):
        self.before = {n: trees.record(trees.version(TARGET, n)) for n in trees.version_numbers(TARGET)}

    def told(self, name):
        return self.ground.get(ground.wire.NAME, ground.wire.overlay_path(TARGET), ground.OVERLAY, name)

    def build(self, *orders, meanwhile=None, then=(), without=()):
        """One build by the attacker; sets results (what came of the orders), view, state and message. `then`: orders after that."""
        with follow.Journal("SYSLOG_IDENTIFIER=left4me-build", namespace="left4me") as journal:
            job, fd = self.ground.wait(self.ground.post_import(TARGET))
            number = job.split("/")[-1].replace("_3", "", 1)
            self.unit = f"left4me-build@{number}.service"
            with open(fd, "wb", buffering=0) as pipe:
                pipe.write(b"".join(json.dumps(order).encode() + b"\n" for order in [*orders, ["report"]]))
                told = journal.lines[journal.wait_text("attacker: [")]["MESSAGE"]
                self.results = json.loads(told.partition(": ")[2])
                self.view = trees.look(f"{host.LIBRARY}/runtime/build-{number}/merged", without)
                if meanwhile:
                    meanwhile(number)
                pipe.write(b"".join(json.dumps(order).encode() + b"\n" for order in then))
        self.state, self.message = self.ground.job_end(job)
        self.assertEqual(run("pgrep", "-f", "attacker.py", check=False).out, "", "a process was left over")

    def check_committed(self, without=()):
        """The version is what the build showed, no other one has changed, nothing of the build is left."""
        self.assertEqual(self.state, "succeeded", self.message)
        number = self.told("Current")
        self.assertNotIn(number, self.before)
        self.assertEqual(trees.look(trees.version(TARGET, number), without), self.view)
        self.assertEqual(trees.flaws(trees.version(TARGET, number)), [])
        self.check_others()
        return number

    def check_refused(self, *texts):
        self.assertEqual(self.state, "failed", self.message)
        for text in texts:
            self.assertIn(text, self.message)
        self.assertEqual(trees.version_numbers(TARGET), sorted(self.before))
        self.check_others()

    def check_others(self):
        for number, record in self.before.items():
            self.assertEqual(trees.record(trees.version(TARGET, number)), record, f"version {number}")
        self.assertEqual(ground.settle(self.ground), [])

    def attack(self, *orders, expect=None, **options):
        self.build(*orders, **options)
        for order, result in zip(orders, self.results):
            self.assertIn(result, (expect or ("done",)), order)
        return self.check_committed(options.get("without", ()))


class Held(Attacks):
    """Descriptors, mappings and processes that a build leaves behind, and ways to hand them out."""

    def test_descriptors_and_mappings(self):
        self.attack(["keep-open", "a/one.txt", "ONE"], ["keep-open", "new.txt", "new"], ["keep-mapped", "a/two.txt"],
                    ["keep-read-only", "b/c/deep.txt"], ["keep-nameless", "nameless.txt", "named late"], ["keep-directory", "b/c"])

    def test_a_process_that_goes_on_writing(self):
        busy = ("busy.txt", "late.txt")
        number = self.attack(["go-on-writing", "busy.txt"], ["keep-open", "a/one.txt", "written"], without=busy)
        record = trees.record(trees.version(TARGET, number))
        self.assertIn("busy.txt", record)
        self.before[number] = record
        self.attack(["write", "other.txt", "a build later"])

    def test_no_socket_to_hand_something_out(self):
        orders = [["socket", family] for family in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_PACKET", "AF_ALG")]
        orders += [["write-to-the-upload"]]
        self.build(*orders)
        for order, result in zip(orders, self.results):
            self.assertIn(result, ("EPERM", "EACCES", "EAFNOSUPPORT"), order)
        self.assertEqual((self.state, self.told("Current")), ("succeeded", max(self.before)))
        self.check_others()

    def test_left_in_a_message_that_nobody_can_read(self):
        self.attack(["send-to-itself", "a/one.txt"], ["write", "a/one.txt", "sent"])

    def test_handed_out_over_the_log(self):
        """Its socket is there from the beginning. The journal takes nothing that comes with a line, but does not look at once."""
        journal = int(show("systemd-journald@left4me.service", "MainPID"))
        self.addCleanup(os.kill, journal, signal.SIGCONT)
        self.build(["write", "a/one.txt", "sent"], meanwhile=lambda _: os.kill(journal, signal.SIGSTOP), then=[["send-over", 1, "a/one.txt"]])
        os.kill(journal, signal.SIGCONT)
        self.check_refused("still alive")
        self.attack(["write", "a/one.txt", "the next one"])

    def test_somebody_outside_has_a_file_of_the_upper_layer(self):
        held = []
        self.build(["write", "a/one.txt", "as it was shown"],
                   meanwhile=lambda n: held.append(os.open(f"{host.LIBRARY}/builds/{n}/upper/a/one.txt", os.O_RDWR)))
        number = self.check_committed()
        os.write(held[0], b"CHANGED LATER")
        os.close(held[0])
        self.assertEqual(trees.look(trees.version(TARGET, number)), self.view)

    def test_somebody_outside_has_a_file_of_the_sandbox(self):
        held = []
        self.build(["write", "a/one.txt", "as it was shown"],
                   meanwhile=lambda _: held.append(open_in(show(self.unit, "MainPID"), "/mnt/overlay/a/one.txt")))
        os.write(held[0], b"CHANGED LATER")
        self.assertEqual(self.state, "failed", self.message)
        self.assertIn("still alive", self.message)
        os.close(held[0])
        self.check_refused()
        self.attack(["write", "a/one.txt", "the next one"])


class Kernel(Attacks):
    """Mounts, namespaces and system calls that lead around the sandbox."""

    def test_nothing_of_it_is_allowed(self):
        orders = [["bind", "a", "b"], ["bind", "/usr", "b"], ["bind", "/", "b", 0x5000], ["bind", "none", "/", 0x1020],
                  ["user-namespace"], ["mount-namespace"], ["clone-namespaces"], ["enter-namespace", "/proc/1/ns/mnt"],
                  ["change-root", "a"], ["raw", "pivot_root", "a", "b"], ["raw", "fsopen", "overlay", 0], ["raw", "fsopen", "tmpfs", 0],
                  ["raw", "open_tree", -100, "a", 1], ["raw", "mount_setattr", -100, "a", 0, 0, 0], ["raw", "bpf", 0, 0, 0],
                  ["raw", "userfaultfd", 0], ["raw", "io_uring_setup", 8, 0], ["raw", "pidfd_getfd", 0, 0, 0],
                  ["raw", "ptrace", 16, 1, 0, 0], ["open-by-handle", "a/one.txt"], ["flags", "a/one.txt", "immutable"],
                  ["flags", "a/one.txt", "append"], ["node", "null", "char", 1, 3], ["node", "whiteout", "char", 0, 0],
                  ["node", "disk", "block", 254, 0], ["rename-leaving-whiteout", "a/two.txt", "a/four.txt"]]
        self.build(*orders)
        for order, result in zip(orders, self.results):
            with self.subTest(order):
                self.assertIn(result, ("EPERM", "EACCES", "ENOSYS", "EINVAL", "ENOTSUP", "EXDEV"))
        self.assertEqual((self.state, self.told("Current")), ("succeeded", max(self.before)), self.view)
        self.check_others()


class Trees(Attacks):
    """What a build can write into its tree."""

    def test_links_to_files_of_the_lower_layer(self):
        self.attack(["link", "a/one.txt", "a/hard.txt"], ["write", "a/hard.txt", "through the link"], ["link", "large.bin", "b/large.bin"],
                    ["link", "link.txt", "b/link.txt"], ["write", "fresh.txt", "fresh"], ["link", "fresh.txt", "b/fresh.txt"])

    def test_one_file_with_many_names_stays_one(self):
        number = self.attack(["sparse", "hole.bin", 64 << 20, 0, 32 << 20], ["many-links", "hole.bin", 100],
                             ["write", "solid.bin", "solid\n" * 100000], ["many-links", "solid.bin", 100])
        self.assertLess(trees.blocks(trees.version(TARGET, number)), 4 << 20)

    def test_attributes(self):
        made = ["write", "new/file.txt", "new"], ["mkdir", "new/folder"], ["write", "new/folder/x", "x"]
        forged = [["attribute", path, f"user.overlay.{name}", value] for name, value in ATTRIBUTES.items()
                  for path in ("a", "a/one.txt", "b/c/deep.txt", "new", "new/file.txt", "new/folder", "large.bin", "start_run")]
        self.build(*made, *forged, ["attribute", "a/two.txt", "user.other", "value"])
        for order, result in zip(forged, self.results[len(made):]):
            self.assertIn(result, ("done", "EPERM", "ENOTSUP"), order)
        self.check_committed()
        # and a stack with this version in it shows the same
        shown = self.view
        self.build(["write", "next.txt", "next"])
        self.view.pop("next.txt")
        self.assertEqual(self.view, shown)

    def test_modes_and_lists(self):
        orders = [["mode", "a/one.txt", "6777"], ["mode", "a/two.txt", "0000"], ["mode", "b", "7777"], ["mode", "b/c", "0000"],
                  ["mode", "start_run", "0001"], ["mode", "large.bin", "0100"], ["mode", "e", "0300"]]
        lists = [["acl", path, name] for path, name in (("a", "access"), ("a", "default"), ("a/three.txt", "access"))]
        inside = [["write", "a/inherits.txt", "inherits"], ["mkdir", "a/inherits"], ["write", "a/inherits/file", "file"]]
        others = [["flags", "e/x.txt", "nodump"], ["attribute", "e/x.txt", "user.name", "value"]]
        self.build(*lists, *inside, *others, *orders)
        self.assertEqual(set(self.results[:len(lists) + len(inside)] + self.results[-len(orders):]), {"done"}, self.results)
        self.check_committed()

    def test_times_and_holes(self):
        times = (-(1 << 40), -1, 0, (1 << 31) - 1, 1 << 33, 1 << 34, (1 << 62) // 10**9)
        orders = [o for n, t in enumerate(times) for o in (["write", f"t/{n}", str(t)], ["time", f"t/{n}", t])]
        self.attack(*orders, ["time", "a", 1 << 40], ["sparse", "s/all", 1 << 26], ["sparse", "s/end", 1 << 26, (1 << 26) - 4],
                    ["sparse", "s/begin", 1 << 26, 0], expect=("done", "EINVAL"))
        self.assertLess(trees.blocks(trees.version(TARGET, self.told("Current"))), 4 << 20)

    def test_directories_that_come_and_go(self):
        self.attack(["replace-directory", "b", {"new.txt": "new", "c/deep.txt": "other"}], ["move-directory", "e", "a/e"],
                    ["mkdir", "e"], ["write", "e/z.txt", "z"], ["remove-tree", "empty"], ["write", "empty", "a file now"],
                    ["unlink", "link.txt"], ["mkdir", "link.txt"], ["write", "link.txt/inside", "inside"], ["write", "p/q/r", "r"],
                    ["rename", "p", "p2"], ["rename", "p2/q", "a/q"], ["exchange", "a/one.txt", "a/two.txt"], ["exchange", "p2", "a/q"],
                    ["unlink", "a/three.txt"], ["symlink", "e/z.txt", "a.link"])
        self.build(["rename", "a", "renamed"])
        self.assertEqual(self.results, ["EXDEV"])

    def test_what_no_version_may_have(self):
        for text, *orders in (("a/pipe", ["node", "a/pipe", "fifo"]), ("a/up: the symbolic link", ["symlink", "../../x", "a/up"]),
                              ("UTF-8", ["create-raw", "61ff62"]), ("too deeply", ["nest", "d", 400])):
            with self.subTest(text):
                self.build(["write", "a/one.txt", "changed"], *orders)
                self.assertEqual(self.results, ["done", "done"])
                self.check_refused(text)

    def test_at_random(self):
        seed = int(os.environ.get("LEFT4ME_SEED", "0")) or random.randrange(1, 1 << 32)
        print(f"LEFT4ME_SEED={seed}", flush=True)
        chance = random.Random(seed)
        paths = [f"{x}{y}{z}" for x in ("a", "b", "e", "r") for y in ("", "/c", "/s") for z in ("", "/d", "/one.txt", "/t")]
        for round_number in range(3):
            orders = []
            for n in range(150):
                a, b = chance.sample(paths, 2)
                orders.append(chance.choice((["write", a, f"{round_number} {n}"], ["write", a, "same"], ["unlink", a], ["mkdir", a],
                                             ["remove-tree", a], ["rename", a, b], ["exchange", a, b], ["link", a, b],
                                             ["symlink", os.path.basename(b), a], ["mode", a, chance.choice(("644", "755", "700"))],
                                             ["move-directory", a, b])))
            with self.subTest(seed=seed, round=round_number):
                self.build(*orders)
                self.check_committed()
            self.take_stock()
