# SPDX-License-Identifier: BSD-3-Clause
"""Long connections that talk all the time and check every byte, both ways.

Talkers runs lab-talk in the client's namespace against lab-listen on the hosts: each connection is
opened once, says something, compares the whole answer with what must come, and goes on. Its Record
says how each connection ended, how long the longest answer took, and whether any frame of it came
from another hardware address than its first. Times are seconds of time.monotonic().
"""

import collections
import dataclasses

from .. import settings
from ..shell import LabError, wait_until
from .strict import host_of

_FIRST_PORT = 2000  # below the client's own ephemeral ports
_ROLE = "talkers"


@dataclasses.dataclass(frozen=True)
class Talk:
    """One connection when it has ended; `end` is `ok` or how it failed (see lab-talk)."""
    source: tuple
    ended: float
    end: str
    host: str
    answers: int
    worst: float  # the longest time an answer took, also one that never came
    waits_since: float | None  # when that was said to which no answer came


@dataclasses.dataclass(frozen=True)
class Stranger:
    """A frame of a connection that another host sent than the one that answered it first."""
    source: tuple
    time: float
    host: str
    is_reset: bool


@dataclasses.dataclass(frozen=True)
class Status:
    """How it goes."""
    open: int
    waiting: int
    answers: int
    fewest: int


class Record:
    """What lab-talk wrote down; read only."""

    def __init__(self, lines):
        self.ends = []
        self.first_hosts = {}
        self.strangers = []
        self.status = Status(0, 0, 0, 0)
        self.missed = None
        for line in lines:
            self._read(line.split())

    def _read(self, words):
        kind = words[0]
        source = (words[2], int(words[3])) if kind in "FMX" else None
        if kind == "F":
            self.first_hosts[source] = host_of(words[4])
        elif kind == "M":
            self.strangers.append(Stranger(source, int(words[1]) / 1e9, host_of(words[4]),
                                           words[5] == "rst"))
        elif kind == "X":
            since = int(words[8])
            self.ends.append(Talk(source, int(words[1]) / 1e9, words[4],
                                  settings.host_name(int(words[5])), int(words[6]),
                                  int(words[7]) / 1e9, since / 1e9 if since else None))
        elif kind == "P":
            self.status = Status(*(int(word) for word in words[2:]))
        else:
            self.missed = int(words[1])

    def failures(self):
        """The connections that did not last until they were closed."""
        return [one for one in self.ends if one.end != "ok"]

    def answered_by_two(self):
        """Connections that one host accepted on the wire and another one served."""
        return [one for one in self.ends if one.end == "ok"
                and self.first_hosts.get(one.source) != one.host]

    def served(self):
        """How many connections each host held to their end."""
        return collections.Counter(one.host for one in self.ends if one.end == "ok")

    def worst(self):
        """The longest time that any answer took."""
        return max(one.worst for one in self.ends)


class Talkers:
    """`count` connections, each of which says something about every `interval` seconds."""

    def __init__(self, lab, count, interval=0.25, rate=500):
        self._lab = lab
        self.count = count
        self._log = lab.state.directory / "talk.log"
        if lab.running(_ROLE):  # of a test that failed; its ports are needed
            lab.kill_process(_ROLE)
        self._log.unlink(missing_ok=True)
        addresses = settings.sources4(min(count, 240))
        table = lab.state.directory / "talk.sources"
        table.write_text("".join(
            f"{addresses[index % len(addresses)]} {_FIRST_PORT + index // len(addresses)}\n"
            for index in range(count)), encoding="ascii")
        lab.spawn(_ROLE, lab.namespace("client"),
                  [str(lab.options.tool("lab-talk")), "--target", settings.VIP4,
                   "--port", str(settings.TALK_PORT), "--sources", str(table),
                   "--log", str(self._log), "--device", "eth0", "--rate", str(rate),
                   "--interval", str(interval * 1000)])
        self._wait(lambda status: status.open == count and status.fewest > 0,
                   "all connections to be answered", 30 + count / rate)

    def record(self):
        """What is written down so far; the connections go on."""
        text = self._log.read_text(encoding="ascii") if self._log.exists() else ""
        return Record(text[:text.rfind("\n") + 1].splitlines())

    def more(self, count=2, timeout=60):
        """Wait until every open connection has had `count` further answers."""
        target = self.record().status.fewest + count
        self._wait(lambda status: status.fewest >= target, "all connections to go on", timeout)

    def stop(self):
        """Let open answers come, close all connections, and return everything."""
        self._lab.stop_process(_ROLE, timeout=30)
        record = self.record()
        if record.missed is None:
            raise LabError("lab-talk did not finish its log: " + self._said())
        return record

    def _wait(self, condition, what, timeout):
        def met():
            if not self._lab.running(_ROLE):
                raise LabError("lab-talk has ended by itself: " + self._said())
            return condition(self.record().status)

        wait_until(met, timeout, lambda: f"{what}: {self.record().status}", interval=0.2)

    def _said(self):
        return (self._lab.state.directory / f"{_ROLE}.log").read_text(errors="replace")
