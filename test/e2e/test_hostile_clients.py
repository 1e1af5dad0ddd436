# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the API that are too many, too slow or too greedy: who was there before is served,
operators get an answer, and neither the cluster nor its traffic notices anything."""

import contextlib
import json
import os
import pathlib
import resource
import select
import socket
import subprocess
import sys
import time

import pytest
from answers import PAGE, connected
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.netns import inside
from covey_lab.shell import wait_until
from covey_lab.traffic.http import Probe, failures, run_fleet, served, spread
from strict import agreement, last_event, names_since

sys.path.insert(0, str(settings.REPOSITORY / "test" / "support"))

import metrics_page  # noqa: E402  pylint: disable=wrong-import-position

# As docs/api.md has them. The socket has 32 places, too, of which one process gets so many.
PLACES = {"socket": 24, "tcp": 32}
LISTENERS = list(PLACES)
IDLE_S = 30
CONNECTIONS = 10_000
MOST_MORE_MEMORY = 128 << 20  # three answers of 5 MB and what makes them, twice, and some room
HOLD = """
import socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range(24)]
for each in held:
    each.connect(sys.argv[1])
print("!", end="", flush=True)
sys.stdin.read()
"""
MANY = 2000  # requests in one piece, more than the buffers on the way hold answers


@pytest.fixture(name="lab", scope="module")
def _lab():
    # Hosts of a lab share processors. Under a flood the control thread of one would, with real-time
    # priority, keep the worker of the other from running, which then misses heartbeats.
    with lab_of_its_own(hosts=2, weights=[100, 100], interval="200ms", tolerance=5,
                        realtime="off") as lab:
        yield lab


def _request(target, *headers, body=b""):
    lines = [f"{'POST' if body else 'GET'} {target} HTTP/1.1", "Host: covey", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _connect(lab, host, listener):
    if listener == "socket":
        return connected(lab, host)
    with inside(lab.namespace(host)):
        connection = socket.socket()
    connection.settimeout(20)
    connection.connect(("127.0.0.1", 9717))
    return connection


def _answer(connection):
    """(status, what it holds) of the next answer, which is JSON."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        length = 0
        for line in iter(stream.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(stream.read(length))


def _is_served(lab, host, listener):
    with _connect(lab, host, listener) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(_request("/v1/status", "Connection: close"))
        return _answer(connection)[0] == 200


def _metric(lab, host, name, **labels):
    text = lab.exec(host, ["curl", "-sf", "--unix-socket",
                           str(lab.state.directory / f"h{host}.sock"), "http://covey/metrics"])
    found = [sample.value for family in metrics_page.parse(text.stdout)
             for sample in family.samples
             if sample.name == name and labels.items() <= sample.labels.items()]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def _memory(lab, host):
    status = pathlib.Path(f"/proc/{lab.coveyd(host).child().pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def _descriptors(lab, host):
    return len(os.listdir(f"/proc/{lab.coveyd(host).child().pid}/fd"))


@contextlib.contextmanager
def _undisturbed(lab):
    """Nothing happens to the cluster meanwhile, and every connection to the virtual IP is served;
    every host has served some."""
    before, marks = agreement(lab), {host: last_event(lab, host) for host in lab.hosts()}
    memory = {host: _memory(lab, host) for host in lab.hosts()}
    probe = Probe(lab.namespace("client"), settings.sources4(60), settings.VIP4, timeout=15)
    try:
        yield
    finally:
        attempts = probe.stop()
    more = {host: _memory(lab, host) - memory[host] for host in lab.hosts()}
    late = {host: lab.ask(host, "stats")["control"] for host in lab.hosts()}
    print(f"{len(attempts)} connections served; memory grew by "
          f"{[size >> 10 for size in more.values()]} KiB; control {late}")
    assert agreement(lab) == before
    assert names_since(lab, marks) == {host: [] for host in lab.hosts()}
    assert not failures(attempts), failures(attempts)[:5]
    assert set(served(attempts)) == {settings.host_name(host) for host in lab.hosts()}
    assert max(more.values()) < MOST_MORE_MEMORY


@contextlib.contextmanager
def _room_for_descriptors(count):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, before[1])))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _readable(connections):
    """Those with something to read, or closed; without waiting."""
    by_number = {connection.fileno(): connection for connection in connections}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(0)]


@pytest.fixture(name="slow", scope="module", autouse=True)
def _slow(lab):
    """Clients of host 2 that take their time, from the beginning of these tests."""
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(_Slow(lab, listener, name))
               for listener in LISTENERS for name in SLOW if (listener, name) != ("tcp", "capture")]


# What they begin with, and what they go on with, a byte at a time; those without a rest to say read
# a byte at a time or nothing.
SLOW = {
    "half a line": (b"GET /v1/sta", b""),
    "half a header": (_request("/v1/status")[:-2], b""),
    "a header without an end": (_request("/v1/status")[:-2], b"X: " + b"x" * 4000),
    "half a body": (_request("/v1/command", "Content-Length: 90", body=b"{"), b""),
    "a body without an end": (_request("/v1/command", "Content-Length: 4000", body=b"{"),
                              b" " * 3990),
    "metrics": (_request("/metrics") * MANY, b""),
    "metrics, a byte at a time": (_request("/metrics") * MANY, b""),
    "status": (_request("/v1/status") * MANY, b""),
    "buckets": (_request("/v1/buckets") * MANY, b""),
    "flows": (_request("/v1/flows?limit=10000") * MANY, b""),
    "capture": (_request("/v1/capture"), b""),
    "events": (_request("/v1/events?since=0", "Accept: text/event-stream"), b""),
}


class _Slow:
    """One of them."""

    def __init__(self, lab, listener, name):
        self.name = f"{name} over {listener}"
        self.socket = _connect(lab, 2, listener)
        self.socket.setblocking(False)
        self._unsaid, self._rest = SLOW[name]
        self._reads = name.endswith("a byte at a time")

    def __enter__(self):
        self.go_on()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def go_on(self):
        """Says what fits, or a byte more; reads one."""
        with contextlib.suppress(OSError):
            if self._unsaid:
                self._unsaid = self._unsaid[self.socket.send(self._unsaid):]
            elif self._rest:
                self._rest = self._rest[self.socket.send(self._rest[:1]):]
        with contextlib.suppress(OSError):
            if self._reads:
                self.socket.recv(1)


@pytest.mark.parametrize("listener", LISTENERS)
def test_10000_connections_leave_those_before_them_and_operators_alone(lab, listener):
    descriptors = _descriptors(lab, 1)
    labels = {"listener": listener,
              "what": "process" if listener == "socket" else "connection"}
    refused = _metric(lab, 1, "covey_api_refused_total", **labels)
    with contextlib.ExitStack() as opened:
        opened.enter_context(_room_for_descriptors(CONNECTIONS + 1000))
        opened.enter_context(_undisturbed(lab))
        early = opened.enter_context(_connect(lab, 1, listener))
        early.sendall(_request("/v1/status"))
        assert _answer(early)[0] == 200
        many = [opened.enter_context(_connect(lab, 1, listener)) for _ in range(CONNECTIONS)]
        there = PLACES[listener] - 1
        wait_until(lambda: len(_readable(many)) >= CONNECTIONS - there, 30,
                   lambda: f"all but {there} to be refused: {len(_readable(many))}")
        turned_away = _readable(many)
        assert len(turned_away) == CONNECTIONS - there
        assert _descriptors(lab, 1) <= descriptors + PLACES[listener] + 2
        lab.covey(1, "query", check=True)
        early.sendall(_request("/v1/status"))
        assert _answer(early)[0] == 200
        for connection in turned_away:
            status, body = _answer(connection)
            assert status == 503
            assert PAGE.faults("ErrorReply", body) == []
            assert "too many connections" in body["error"]
        for connection in set(many) - set(turned_away):
            connection.sendall(_request("/v1/status"))
            assert _answer(connection)[0] == 200
        assert _metric(lab, 1, "covey_api_refused_total", **labels) == refused + len(turned_away)
    wait_until(lambda: all(_is_served(lab, 1, each) for each in LISTENERS), 15, "room again")
    wait_until(lambda: _descriptors(lab, 1) <= descriptors, 15, "no descriptor to be left")


def test_an_operator_without_room_is_told_why(lab):
    with contextlib.ExitStack() as opened:
        for _ in range(2):  # one process alone leaves room
            holder = opened.enter_context(subprocess.Popen(
                [sys.executable, "-c", HOLD, str(lab.state.directory / "h1.sock")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert holder.stdout.read(1) == b"!"
        for words in (("query",), ("events", "--follow"), ("capture", "/dev/null"), ("start",)):
            done = lab.covey(1, *words)
            assert done.returncode == 1, done
            assert done.stderr == "covey: too many connections, at most 32\n"
    wait_until(lambda: lab.query(1), 15, "room again")


def test_those_who_ask_for_all_they_can_disturb_nobody(lab):
    assert not failures(run_fleet(lab.namespace("client"), spread(
        settings.sources4(60), 2000, settings.VIP4), timeout=15))  # some to be told of
    print(f"{len(lab.ask(1, 'flows', '--limit', '10000'))} connections in each list")
    begun = time.monotonic()
    with contextlib.ExitStack() as opened:
        opened.enter_context(_undisturbed(lab))
        asking = [opened.enter_context(_connect(lab, 1, listener))
                  for listener in LISTENERS for _ in range(PLACES[listener] - 2)]
        requests = [_request(target) for target in
                    ("/v1/flows?limit=10000", "/v1/buckets", "/metrics", "/v1/flows?limit=10000")]
        for index, connection in enumerate(asking):
            connection.setblocking(False)
            connection.send(requests[index % len(requests)] * 40)
        received = 0
        while time.monotonic() < begun + 5:
            for connection in _readable(asking):
                with contextlib.suppress(OSError):
                    received += len(connection.recv(1 << 20))
            time.sleep(0.001)
        print(f"{received >> 20} MiB of answers")
        lab.covey(1, "query", check=True)


def test_slow_clients_are_given_up_and_nothing_else(lab, slow):
    def served_or_read():
        for client in slow:
            client.go_on()
        assert all(_is_served(lab, 2, listener) for listener in LISTENERS)
        # What is left is an event stream each, and who asks for this.
        counts = [_metric(lab, 2, "covey_api_connections", listener=each) for each in LISTENERS]
        return counts == [2, 1]

    with _undisturbed(lab):
        wait_until(served_or_read, 2 * IDLE_S, "slow clients to be given up", interval=1)
    dropped = sum(_metric(lab, 2, "covey_api_dropped_total", listener=each) for each in LISTENERS)
    assert dropped >= 2 * len([name for name in SLOW if name.startswith(("half", "a ", "metrics"))])
    for client in slow:
        if client.name.startswith("events"):
            client.socket.setblocking(True)
            assert client.socket.recv(12) == b"HTTP/1.1 200"
