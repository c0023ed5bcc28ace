#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""inject.py: follows left4med and the helpers of left4me call by call, and does something at exactly one of their calls.

A process of its own (see tracer.py), which is the debugger of those it follows: of left4med from now on, of each helper
from its first call, because fanotify holds its exec until we are attached. Only calls that can change something are
counted; to die before one of them is the same as to die after the one before.

Reads lines of JSON, commands; writes lines of JSON, what happened:
  {"do": "follow", "pid": N, "role": "left4med"}       attaches to a running process
  {"do": "arm", "plan": {...} or null}                  counts from zero; the plan: role, run, kind, n, action, errno, always
  {"do": "go"}                                          lets a process go on that an action "hold" has stopped
  {"do": "report"}                                      what each process called since it was armed
"""

import ctypes
import json
import os
import select
import signal
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long

POKEUSER, SYSCALL = 6, 24
SEIZE, INTERRUPT, LISTEN, GET_SYSCALL_INFO = 0x4206, 0x4207, 0x4208, 0x420E
OPTION_SYSGOOD, OPTION_EXEC = 1, 0x10
EVENT_EXEC, EVENT_STOP = 4, 128
WALL = 0x40000000
RAX, ORIG_RAX = 80, 120
FAN_ALLOW, FAN_OPEN_EXEC_PERM = 1, 0x40000
CREATING = os.O_CREAT | os.O_TRUNC

# What changes files, x86-64: {number: (name, which argument is a descriptor that must be a file's, if any)}.
FILES = {
    1: ("write", 0), 18: ("pwrite64", 0), 20: ("writev", 0), 40: ("sendfile", 0), 74: ("fsync", None), 75: ("fdatasync", None),
    76: ("truncate", None), 77: ("ftruncate", None), 82: ("rename", None), 83: ("mkdir", None), 84: ("rmdir", None),
    86: ("link", None), 87: ("unlink", None), 88: ("symlink", None), 90: ("chmod", None), 91: ("fchmod", None),
    133: ("mknod", None), 190: ("fsetxattr", None), 199: ("fremovexattr", None), 257: ("openat", None), 258: ("mkdirat", None),
    259: ("mknodat", None), 263: ("unlinkat", None), 264: ("renameat", None), 265: ("linkat", None), 266: ("symlinkat", None),
    268: ("fchmodat", None), 280: ("utimensat", None), 285: ("fallocate", None), 306: ("syncfs", None),
    316: ("renameat2", None), 326: ("copy_file_range", None), 437: ("openat2", None), 452: ("fchmodat2", None)}
# What changes something else: mounts, other processes, what was said to others.
OTHERS = {
    46: "sendmsg", 44: "sendto", 56: "clone", 57: "fork", 58: "vfork", 435: "clone3", 59: "execve", 62: "kill", 166: "umount2",
    231: "exit_group", 428: "open_tree", 429: "move_mount", 430: "fsopen", 431: "fsconfig", 432: "fsmount", 442: "mount_setattr"}
# What needs a free descriptor.
DESCRIPTORS = {
    32: "dup", 41: "socket", 72: "fcntl", 85: "creat", 253: "inotify_init", 257: "openat", 290: "eventfd2", 291: "epoll_create1",
    293: "pipe2", 294: "inotify_init1", 319: "memfd_create", 428: "open_tree", 430: "fsopen", 432: "fsmount", 437: "openat2"}
F_DUPFD_CLOEXEC = 1030


def ptrace(request, pid, address=0, data=0):
    """False if the process is gone meanwhile."""
    if LIBC.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        if number == 3:  # ESRCH
            return False
        raise OSError(number, f"ptrace {request}: {os.strerror(number)}")
    return True


def say(**what):
    print(json.dumps(what), flush=True)


class Tracee:
    """A process that is followed. `calls` has (kind, name) of each counted one: files, other or descriptors."""

    def __init__(self, pid, role, run):
        self.pid, self.role, self.run = pid, role, run
        self.counts, self.calls = {}, []
        self.error = None    # to be returned by the call that is under way
        self.counting = False


class Call:
    """What a process is about to ask the kernel for."""

    def __init__(self, pid, number, arguments):
        self.pid, self.number, self.arguments = pid, number, arguments

    def how_flags(self):
        """Of openat2()."""
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(self.arguments[2])
            return struct.unpack("<Q", memory.read(8))[0]

    def is_file(self, index):
        try:
            return stat.S_ISREG(os.stat(f"/proc/{self.pid}/fd/{self.arguments[index] & 0xffffffff}").st_mode)
        except OSError:
            return False

    def kinds(self):
        """[(kind, name)]; a call that can fail in two ways counts in both."""
        found = []
        if self.number in FILES:
            name, descriptor = FILES[self.number]
            flags = CREATING
            if name == "openat":
                flags = self.arguments[2]
            elif name == "openat2":
                flags = self.how_flags()
            if flags & CREATING and (descriptor is None or self.is_file(descriptor)):
                found.append(("files", name))
        elif self.number in OTHERS:
            found.append(("other", OTHERS[self.number]))
        if self.number in DESCRIPTORS and (self.number != 72 or self.arguments[1] == F_DUPFD_CLOEXEC):
            found.append(("descriptors", DESCRIPTORS[self.number]))
        return found


class Injector:
    def __init__(self, watched):
        self.tracees, self.runs = {}, {}
        self.ended = []
        self.plan, self.armed, self.held = None, False, None
        self.fan = self.watch(watched)
        self.roles = {self.identity(path): role for role, path in watched.items()}

    @staticmethod
    def identity(path):
        status = os.stat(path)
        return status.st_dev, status.st_ino

    @staticmethod
    def watch(watched):
        fan = LIBC.fanotify_init(4 | 1, os.O_RDONLY | os.O_CLOEXEC)
        if fan < 0:
            raise OSError(ctypes.get_errno(), "fanotify_init")
        for path in watched.values():
            if LIBC.fanotify_mark(fan, 1, ctypes.c_uint64(FAN_OPEN_EXEC_PERM), -100, path.encode()) < 0:
                raise OSError(ctypes.get_errno(), f"fanotify_mark {path}")
        return fan

    # -- who is followed

    def follow(self, pid, role):
        if not ptrace(SEIZE, pid, 0, OPTION_SYSGOOD | OPTION_EXEC):
            return False
        self.runs[role] = self.runs.get(role, 0) + 1
        self.tracees[pid] = Tracee(pid, role, self.runs[role])
        return True

    def on_exec(self):
        """Somebody is about to run one of the watched programs, and waits for our leave."""
        data = os.read(self.fan, 4096)
        while data:
            size, _, _, _, _, fd, pid = struct.unpack_from("<IBBHQii", data)
            data = data[size:]
            role = self.roles.get(self.identity(fd))
            if role and pid not in self.tracees:
                try:
                    self.follow(pid, role)
                except PermissionError:
                    say(untraceable=role, pid=pid)
            os.write(self.fan, struct.pack("<iI", fd, FAN_ALLOW))
            os.close(fd)

    def forget(self, pid, status):
        tracee = self.tracees.pop(pid, None)
        if tracee:
            self.ended.append(tracee)
            say(ended=tracee.role, run=tracee.run, status=status)

    # -- what they do

    def on_wait(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | WALL)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not os.WIFSTOPPED(status):
                self.forget(pid, status)
            elif pid in self.tracees:
                self.on_stop(self.tracees[pid], os.WSTOPSIG(status), status >> 16)

    def on_stop(self, tracee, number, event):
        if number == signal.SIGTRAP | 0x80:
            if not self.on_syscall(tracee):
                return
            number = 0
        elif event == EVENT_EXEC:
            tracee.counting = True
            number = 0
        elif event == EVENT_STOP:
            tracee.counting = True
            if number != signal.SIGTRAP:
                ptrace(LISTEN, tracee.pid)
                return
            say(following=tracee.role, pid=tracee.pid)
            number = 0
        elif event:
            number = 0
        ptrace(SYSCALL, tracee.pid, 0, number)

    def on_syscall(self, tracee):
        """True to let it go on."""
        info = ctypes.create_string_buffer(88)
        if LIBC.ptrace(GET_SYSCALL_INFO, tracee.pid, len(info), info) < 0:
            return False
        if info.raw[0] == 2:
            if tracee.error is not None:
                ptrace(POKEUSER, tracee.pid, RAX, -tracee.error & 0xffffffffffffffff)
                tracee.error = None
            return True
        if info.raw[0] != 1 or not tracee.counting or not self.armed:
            return True
        number, *arguments = struct.unpack_from("<7Q", info.raw, 24)
        for kind, name in Call(tracee.pid, number, arguments).kinds():
            tracee.counts[kind] = tracee.counts.get(kind, 0) + 1
            tracee.calls.append((kind, name))
            if self.wanted(tracee, kind):
                return self.act(tracee, name)
        return True

    def wanted(self, tracee, kind):
        plan = self.plan
        if plan is None or (tracee.role, tracee.run, kind) != (plan["role"], plan["run"], plan["kind"]):
            return False
        n = tracee.counts[kind]
        return n >= plan["n"] if plan.get("always") else n == plan["n"]

    def act(self, tracee, name):
        action = self.plan["action"]
        say(hit=name, role=tracee.role, pid=tracee.pid)
        if action == "kill":
            os.kill(tracee.pid, signal.SIGKILL)
        elif action == "error":
            tracee.error = self.plan["errno"]
            ptrace(POKEUSER, tracee.pid, ORIG_RAX, 0xffffffffffffffff)
        elif action == "hold":
            self.held = tracee.pid
            return False
        return True

    # -- commands

    def arm(self, plan):
        self.plan, self.armed = plan, True
        self.ended = []
        self.runs = {}
        for tracee in self.tracees.values():
            self.runs[tracee.role] = tracee.run = self.runs.get(tracee.role, 0) + 1
            tracee.counts, tracee.calls = {}, []
        say(armed=True)

    def report(self):
        everybody = self.ended + list(self.tracees.values())
        say(report=[(t.role, t.run, t.calls) for t in everybody if t.calls])

    def command(self, line):
        words = json.loads(line)
        if words["do"] == "follow":
            if words["pid"] in self.tracees:
                say(following=words["role"], pid=words["pid"])
            elif not self.follow(words["pid"], words["role"]) or not ptrace(INTERRUPT, words["pid"]):
                say(gone=words["pid"])
        elif words["do"] == "arm":
            self.arm(words["plan"])
        elif words["do"] == "go" and self.held:
            ptrace(SYSCALL, self.held)
            self.held = None
        elif words["do"] == "report":
            self.report()

    def run(self):
        wakeup, other = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(other)
        poll = select.poll()
        for fd in (wakeup, self.fan, 0):
            poll.register(fd, select.POLLIN)
        rest = b""
        say(ready=True)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if wakeup in ready:
                os.read(wakeup, 4096)
            self.on_wait()
            if self.fan in ready:
                self.on_exec()
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.command(line)


if __name__ == "__main__":
    Injector(json.loads(sys.argv[1])).run()
