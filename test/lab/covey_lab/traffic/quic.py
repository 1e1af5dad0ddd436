# SPDX-License-Identifier: BSD-3-Clause
"""Long QUIC connections whose clients change their address all the time, and their servers.

Servers runs lab-quic-server behind the hosts: its connection IDs carry the number of the host.
Talkers runs lab-quic-client in the client's namespace; its Record says how each connection ended,
which host answered, and from where it went on.
"""

import collections
import dataclasses
import json

from .. import settings
from ..shell import LabError, wait_until

_KEY = "the same on all hosts of the lab"
_ROLE = "quic-talkers"


class Servers:
    """A QUIC server behind each host."""

    def __init__(self, lab, retries=False):
        self._lab = lab
        self._retries = retries
        for host in lab.hosts():
            self.start(host)

    def start(self, host):
        """Start the server of a host that has none."""
        if self._lab.running(self._role(host)):  # of a test that failed
            self._lab.kill_process(self._role(host))
        self._log(host).unlink(missing_ok=True)
        self._lab.spawn(self._role(host), self._lab.namespace(host),
                        [str(self._lab.options.tool("lab-quic-server")),
                         "--port", str(settings.QUIC_PORT), "--host", str(host), "--key", _KEY,
                         *(["--retry"] if self._retries else [])])
        wait_until(lambda: self._listens(host), 10, f"the QUIC server of host {host} to listen")

    def stop(self):
        """End those that run; the sums of what they counted, by name."""
        sums = collections.Counter()
        for host in self._lab.hosts():
            if self._lab.running(self._role(host)):
                self._lab.stop_process(self._role(host))
                sums.update(json.loads(self._log(host).read_text(encoding="ascii")))
        return sums

    def _listens(self, host):
        return f":{settings.QUIC_PORT} " in self._lab.exec(host, ["ss", "-Hlun"]).stdout

    def _log(self, host):
        return self._lab.state.directory / f"{self._role(host)}.log"

    @staticmethod
    def _role(host):
        return f"quic-{host}"


@dataclasses.dataclass(frozen=True)
class Place:
    """From where a connection goes on; `kind`: rebind, migrate, jump, or begin."""
    number: int
    named: int  # the host in the connection ID of the server
    address: str
    port: int
    kind: str


@dataclasses.dataclass(frozen=True)
class End:
    """One connection when it has ended; `end` is `ok` or how it failed (see lab-quic-client)."""
    ended: float
    number: int
    end: str
    host: int
    named: int
    answers: int
    worst: float
    moves: int


@dataclasses.dataclass(frozen=True)
class Status:
    """How it goes; `fewest` and `moves` are those of the connection that has had fewest."""
    open: int = 0
    confirmed: int = 0
    answers: int = 0
    fewest: int = 0
    moves: int = 0


class Record:
    """What lab-quic-client wrote down; read only."""

    def __init__(self, lines):
        self.places = []
        self.ends = []
        self.status = Status()
        for line in lines:
            self._read(line.split())

    def _read(self, words):
        if words[0] in "BC":
            self.places.append(Place(int(words[1]), int(words[2]), words[3], int(words[4]),
                                     words[5] if words[0] == "C" else "begin"))
        elif words[0] == "X":
            self.ends.append(End(int(words[1]) / 1e9, int(words[2]), words[3], int(words[4]),
                                 int(words[5]), int(words[6]), int(words[7]) / 1e9, int(words[8])))
        else:
            self.status = Status(*(int(word) for word in words[2:]))

    def how(self):
        """How many connections ended how."""
        return collections.Counter(one.end for one in self.ends)

    def kinds(self):
        """How many moves there were of each kind."""
        return collections.Counter(one.kind for one in self.places if one.kind != "begin")

    def first_hosts(self):
        """The host of each connection when its handshake was confirmed, by number."""
        return {one.number: one.named for one in self.places if one.kind == "begin"}


class Talkers:
    """`count` connections that talk every `interval` seconds and move every `move` seconds."""

    def __init__(self, lab, count, interval=0.1, move=0.5):
        self._lab = lab
        self._log = lab.state.directory / "quic.log"
        if lab.running(_ROLE):  # of a test that failed
            lab.kill_process(_ROLE)
        self._log.unlink(missing_ok=True)
        table = lab.state.directory / "quic.sources"
        table.write_text("".join(f"{one} 0\n" for one in settings.sources4(count)),
                         encoding="ascii")
        lab.spawn(_ROLE, lab.namespace("client"),
                  [str(lab.options.tool("lab-quic-client")), "--target", settings.VIP4,
                   "--port", str(settings.QUIC_PORT), "--sources", str(table),
                   "--log", str(self._log), "--interval", str(interval * 1000),
                   "--move", str(move * 1000)])
        # Some may have ended since: not all stay open where they move and are not followed.
        self.wait(lambda record: len(record.first_hosts()) == count, "all handshakes")

    def record(self):
        """What is written down so far; the connections go on."""
        text = self._log.read_text(encoding="ascii") if self._log.exists() else ""
        return Record(text[:text.rfind("\n") + 1].splitlines())

    def more(self, moves, answers=2):
        """Wait until every open connection has moved and had an answer so many times again."""
        before = self.record().status
        self.wait(lambda record: record.status.moves >= before.moves + moves
                  and record.status.fewest >= before.fewest + answers, "all to move and to go on")

    def stop(self):
        """Let open answers come, close all connections, and return everything."""
        self._lab.stop_process(_ROLE, timeout=30)
        return self.record()

    def wait(self, condition, what, timeout=60):
        """Wait for a condition of the record."""
        def met():
            if not self._lab.running(_ROLE):
                raise LabError("lab-quic-client has ended by itself: " + self._said())
            return condition(self.record())

        wait_until(met, timeout, lambda: f"{what}: {self.record().status}, "
                                         f"ended {dict(self.record().how())}", interval=0.2)

    def _said(self):
        return (self._lab.state.directory / f"{_ROLE}.log").read_text(errors="replace")
