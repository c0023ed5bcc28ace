# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends a job from outside: somebody cancels it, its time is over, its units are killed."""

import os
import re
import shutil
import signal

import ground
import host
import wire
from ground import JOB

UNDER_WAY = ("queued", "running")


class Job:
    """One that is under way."""

    def __init__(self, row):
        self.number, self.kind, self.path = row[0], row[1], row[8]

    def unit(self, role):
        """The one whose process such a program is."""
        if role == "left4me-overlay":
            return f"left4me-overlay@build-{self.number}.service"
        template = "left4me-script" if (role, self.kind) == ("left4me-build", "build") else role
        return f"{template}@{self.number}.service"


def newest_job(g):
    """None if there is none."""
    found = [Job(row) for row in g.manager("ListJobs")[0] if row[3] in UNDER_WAY and row[1] != "clean"]
    return max(found, key=lambda job: job.number, default=None)


def job_of(g, pid):
    """The one that a process of a unit works for, which may be a clean-up after an earlier one; None if there is none."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        number = re.search(r"@(?:build-)?(\d+)\.service", file.read())
    return next((Job(row) for row in g.manager("ListJobs")[0] if number and row[0] == int(number[1])), None)


def cancel(g, role, job):
    """Asks for it. What comes of it is the job's to say."""
    g.post(wire.NAME, job.path, JOB, "Cancel")
    # left4med has heard it when it has answered what came later
    g.manager("ListJobs")


def time_out(g, role, job):
    """The unit has all its time behind it, whatever that is. left4med looks away until its next run has its usual time again."""
    unit, manager = job.unit(role), g.manager_pid()
    folder = f"/run/systemd/system/{unit}.d"
    os.kill(manager, signal.SIGSTOP)
    try:
        os.makedirs(folder)
        with open(f"{folder}/time.conf", "w", encoding="ascii") as file:
            file.write("[Service]\nTimeoutStartSec=1us\nTimeoutStopSec=1us\n")
        host.run("systemctl", "daemon-reload")
        g.until(lambda: g.unit_property(unit, "Result") == "timeout", what=f"systemd ends {unit}")
    finally:
        shutil.rmtree(folder)
        host.run("systemctl", "daemon-reload")
        os.kill(manager, signal.SIGCONT)


def kill_unit(g, role, job):
    """All of it. (Not by cgroup.kill: that gets what systemd starts in the group afterwards as well, the unmount.)"""
    host.run("systemctl", "kill", "--kill-whom=all", "--signal=KILL", job.unit(role))


def kill_program(g, role, job):
    """The first process of it; systemd ends what it has left."""
    os.kill(g.unit_property(job.unit(role), "MainPID"), signal.SIGKILL)


def kill_manager(g, role, job):
    os.kill(g.manager_pid(), signal.SIGKILL)


def restart_manager(g, role, job):
    host.run("systemctl", "restart", "left4med.service")


def interrupter(interruption, role, held):
    """Does it to the job that the process held() works for, or to the newest one if that is None; over a connection of its own."""
    def interrupt(over):
        g = ground.Ground()
        try:
            pid = held()
            job = job_of(g, pid) if pid else None
            while not job and not over.is_set():
                job = newest_job(g)
            if job:
                interruption(g, role, job)
        finally:
            g.close()
    return interrupt
