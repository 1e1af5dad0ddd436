# SPDX-License-Identifier: BSD-3-Clause
"""A client that believes nobody: who answered which connection, as seen on its own wire.

StrictClient runs lab-client: short connections from many addresses and ports, at a steady rate,
written down together with every SYN-ACK and RST that came in. Its Record answers what a test or a
benchmark asks: which connections failed, whether two hosts answered one of them (different initial
sequence numbers or hardware addresses for one SYN), and for how long new connections failed.
Times are seconds of time.monotonic().
"""

import bisect
import collections
import dataclasses

from .. import settings
from ..shell import LabError, wait_until

_FIRST_PORT = 2000  # below the client's own ephemeral ports


@dataclasses.dataclass(frozen=True)
class Connection:
    """One connection; `end` is `ok` or how it failed (see lab-client)."""
    source: tuple
    started: float
    ended: float
    end: str
    host: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """A SYN-ACK or RST that came in for `source`."""
    source: tuple
    time: float
    seq: int
    ack: int
    mac: str


@dataclasses.dataclass(frozen=True)
class Outage:
    """New connections after a fault: `seconds` until all were served, None if they never were."""
    seconds: float | None
    failed: int
    first_success: float | None


def sources(count, networks=40):
    """`count` pairs of address and port; no two of them alike."""
    addresses = settings.sources4(min(count, 240), networks)
    return [(addresses[index % len(addresses)], _FIRST_PORT + index // len(addresses))
            for index in range(count)]


class Record:
    """What a strict client wrote down; read only."""

    def __init__(self, lines):
        self.connections = []
        self.syn_acks = []
        self.resets = []
        self.opened = self.skipped = self.missed = None
        for line in lines:
            self._read(line.split())
        self.connections.sort(key=lambda one: one.started)

    def _read(self, words):
        kind = words[0]
        if kind == "C":
            self.connections.append(Connection(
                (words[3], int(words[4])), int(words[1]) / 1e9, int(words[2]) / 1e9, words[5],
                words[6] if len(words) > 6 else ""))
        elif kind == "E":
            self.opened, self.skipped, self.missed = (int(word) for word in words[1:])
        else:
            answers = self.syn_acks if kind == "A" else self.resets
            answers.append(Answer((words[2], int(words[3])), int(words[1]) / 1e9, int(words[4]),
                                  int(words[5]), words[6]))

    def failures(self, begin=0.0, end=float("inf")):
        """The connections that were opened in a span of time and not served."""
        return [one for one in self.between(begin, end) if one.end != "ok"]

    def seen_of(self, connection):
        """The SYN-ACKs and RSTs that came in for a connection, as text: who said what, and when."""
        answers = [("SYN-ACK", one) for one in self.syn_acks]
        answers += [("RST", one) for one in self.resets]
        return [f"{kind} from {host_of(one.mac)} after {one.time - connection.started:.6f} s, "
                f"seq {one.seq}, ack {one.ack}" for kind, one in answers
                if one.source == connection.source and
                connection.started <= one.time <= connection.ended]

    def between(self, begin, end):
        """The connections opened in a span of time, oldest first."""
        times = [one.started for one in self.connections]
        return self.connections[bisect.bisect_left(times, begin):bisect.bisect_left(times, end)]

    def served(self, begin=0.0, end=float("inf")):
        """How many connections each host served."""
        return collections.Counter(one.host for one in self.between(begin, end)
                                   if one.end == "ok")

    def answered_twice(self):
        """SYNs with answers that cannot come from one host: {(source, client ISN): answers}."""
        seen = collections.defaultdict(set)
        for answer in self.syn_acks:
            seen[answer.source, answer.ack].add((answer.mac, answer.seq))
        return {key: answers for key, answers in seen.items() if len(answers) > 1}

    def answered_by_two(self):
        """SYNs that two hardware addresses answered: {(source, client ISN): answers}.

        Weaker than answered_twice(), for cables that repeat frames late: a host that has already
        closed a connection rightly answers a late copy of its SYN with a new sequence number.
        """
        return {key: answers for key, answers in self.answered_twice().items()
                if len({mac for mac, _ in answers}) > 1}

    def strangers(self):
        """Served connections into which another host spoke: (connection, answer).

        The host that the HTTP answer names must be the one that sent the SYN-ACK, and no other
        host may send a SYN-ACK or an RST to that address and port meanwhile.
        """
        by_source = collections.defaultdict(list)
        for answer in self.syn_acks + self.resets:
            by_source[answer.source].append(answer)
        return [(one, answer) for one in self.connections if one.end == "ok"
                for answer in by_source[one.source]
                if one.started <= answer.time <= one.ended and host_of(answer.mac) != one.host]

    def unwitnessed(self):
        """Served connections without any SYN-ACK on record: this must be empty to prove a thing."""
        seen = collections.defaultdict(list)
        for answer in self.syn_acks:
            seen[answer.source].append(answer.time)
        return [one for one in self.connections if one.end == "ok" and not
                any(one.started <= time <= one.ended for time in seen[one.source])]

    def last_hosts(self, before, since=0.0):
        """The host that served each source last, before a moment."""
        return {one.source: one.host for one in self.between(since, before) if one.end == "ok"}

    def outage(self, since, until, wanted=None):
        """What happened to connections opened from `since` to `until` (of these sources)."""
        tried = [one for one in self.between(since, until)
                 if wanted is None or one.source in wanted]
        failed = [one.started for one in tried if one.end != "ok"]
        good = [one.started for one in tried if one.end == "ok"]
        first_bad = min(failed, default=None)
        if first_bad is None:
            return Outage(0.0, 0, 0.0)
        after = [time for time in good if time > max(failed)]
        between = [time for time in good if time > first_bad]
        return Outage(min(after) - since if after else None, len(failed),
                      min(between) - since if between else None)


def host_of(mac):
    """The name of the host that sent a frame: they leave with 02:<host>:..., see masked_mac()."""
    return settings.host_name(int(mac.split(":")[1], 16))


class StrictClient:
    """lab-client inside the client's namespace; stop() gives the Record."""

    def __init__(self, lab, rate=500, pairs=400, timeout=0.4, reset=True, port=80):
        self._lab = lab
        self._role = "strict-client"
        if lab.running(self._role):
            raise LabError("a strict client runs already")
        self._log = lab.state.directory / "strict.log"
        self._log.unlink(missing_ok=True)
        table = lab.state.directory / "strict.sources"
        table.write_text("".join(f"{address} {number}\n" for address, number in sources(pairs)),
                         encoding="ascii")
        lab.spawn(self._role, lab.namespace("client"),
                  [str(lab.options.tool("lab-client")), "--target", settings.VIP4,
                   "--port", str(port), "--sources", str(table), "--log", str(self._log),
                   "--device", "eth0", "--rate", str(rate), "--timeout", str(timeout * 1000),
                   *(["--reset"] if reset else [])])
        self.more(1)

    def record(self):
        """What is written down so far; the client goes on."""
        text = self._log.read_text(encoding="ascii") if self._log.exists() else ""
        return Record(text[:text.rfind("\n") + 1].splitlines())

    def more(self, count, timeout=30):
        """Wait until `count` further connections have ended, one way or the other."""
        def ended():
            if not self._lab.running(self._role):
                raise LabError("the strict client has ended by itself: " + self._said())
            return self._log.read_bytes().count(b"\nC ") if self._log.exists() else 0

        target = ended() + count
        wait_until(lambda: ended() >= target, timeout, "the strict client to go on")

    def stop(self):
        """Let the connections under way end, and return everything."""
        self._lab.stop_process(self._role)
        record = self.record()
        if record.opened is None:
            raise LabError("the strict client did not finish its log: " + self._said())
        return record

    def _said(self):
        return (self._lab.state.directory / f"{self._role}.log").read_text(errors="replace")
