# SPDX-License-Identifier: BSD-3-Clause
"""What a lab has made, on disk, so that anyone can take it away again.

One JSON file per lab. Names and process ids are recorded before or right after the thing exists;
a process is identified by id *and* start time, so a recycled id is never signalled. A lab with an
owner (demo, tests) is abandoned when its owner is gone; a lab made by hand has no owner and stays
until `lab down`.
"""

import json
import os
import pathlib
import signal
import time

from . import settings
from .shell import LabError


def start_time(pid):
    """Start time of a live process in kernel ticks, or None when it is gone or a zombie. One whose
    first thread is a zombie lives on while others do: they hold its files, and claims by them."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    is_dead = fields[0] in "ZX" and int(fields[17]) <= 1  # threads
    return None if is_dead else int(fields[19])


class Process:
    """A recorded process; every signal first checks that it is still the same one."""

    def __init__(self, pid, started):
        self.pid = pid
        self.started = started

    @classmethod
    def of(cls, pid):
        """Record a live process."""
        return cls(pid, start_time(pid))

    def alive(self):
        """Whether this very process still runs."""
        return self.started is not None and start_time(self.pid) == self.started

    def family(self):
        """This process and all that descend from it, the eldest first."""
        found = [self]
        for process in found:
            listed = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
            try:
                found += [Process.of(int(pid)) for pid in listed.read_text("ascii").split()]
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def child(self):
        """The first process this one has started; itself when there is none."""
        return self.family()[:2][-1]

    def signal(self, number):
        """Send a signal; no effect on a process that has gone."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def wait_gone(self, timeout):
        """Wait for the end; False when it still runs after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self, grace=5.0):
        """SIGTERM, then SIGKILL for one that does not listen; its family is woken, and ends too."""
        family = self.family()[::-1]
        for process in family:
            process.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not self.wait_gone(grace):
            for process in family:
                process.signal(signal.SIGKILL)
            self.wait_gone(5.0)


class State:
    """The record of one lab; every change is on disk before the method returns."""

    def __init__(self, options, owner=None):
        self.options = options
        self.owner = owner
        self.namespaces = []
        self.processes = {}
        self.directory = options.state_dir()

    def create(self):
        """Make the state directory; LabError when a lab with this tag exists."""
        self.directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            self.directory.mkdir(mode=0o755)
        except FileExistsError as error:
            raise LabError(f"a lab with tag '{self.options.tag}' exists; remove it with "
                           f"`lab down --tag {self.options.tag}`") from error
        self.save()

    def save(self):
        """Write the record atomically."""
        data = {
            "options": self.options.to_json(),
            "owner": [self.owner.pid, self.owner.started] if self.owner else None,
            "namespaces": self.namespaces,
            "processes": {role: [process.pid, process.started]
                          for role, process in self.processes.items()},
        }
        fresh = self.directory / "lab.json.new"
        fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
        fresh.rename(self.directory / "lab.json")

    @classmethod
    def load(cls, directory):
        """Read the record of a lab; LabError when there is none."""
        try:
            data = json.loads((directory / "lab.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise LabError(f"no lab with tag '{directory.name}' (`lab up` makes one)") from error
        state = cls(settings.Options.from_json(data["options"]))
        state.owner = Process(*data["owner"]) if data["owner"] else None
        state.namespaces = data["namespaces"]
        state.processes = {role: Process(*pair) for role, pair in data["processes"].items()}
        return state

    def add_namespace(self, name):
        """Record a namespace that is about to be made."""
        self.namespaces.append(name)
        self.save()

    def remove_namespace(self, name):
        """Forget a namespace that is gone."""
        self.namespaces.remove(name)
        self.save()

    def add_process(self, role, pid):
        """Record a process that has just been started."""
        self.processes[role] = Process.of(pid)
        self.save()

    def remove_process(self, role):
        """Forget a process that has ended."""
        if self.processes.pop(role, None):
            self.save()

    def abandoned(self):
        """Whether the program that owned this lab has died without cleaning up."""
        return self.owner is not None and not self.owner.alive()
