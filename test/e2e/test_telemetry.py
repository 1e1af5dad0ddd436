# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's telemetry socket of a host: Covey's figures beside DPDK's own, and DPDK's own tool."""

import json
import socket

import pytest
from covey_lab.shell import run

LIMIT = 16 * 1024


class Client:
    """What a collector is to the telemetry socket of a host."""

    def __init__(self, lab, host):
        daemon = lab.coveyd(host).child()
        path = f"/run/covey/dpdk/covey-{daemon.pid}/dpdk_telemetry.v2"
        self.prefix = f"covey-{daemon.pid}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(10)
        self._socket.connect(path)
        self._socket.recv(LIMIT)  # who answers

    def ask(self, command):
        self._socket.sendall(command.encode())
        return json.loads(self._socket.recv(LIMIT))[command.partition(",")[0]]

    def close(self):
        self._socket.close()


@pytest.fixture(name="client")
def _client(lab):
    client = Client(lab, 1)
    yield client
    client.close()


def test_the_figures_are_those_of_the_command_line(lab, client):
    view = lab.query(1)
    cluster = client.ask("/covey/cluster")
    assert (cluster["host"], cluster["state"], cluster["members"]) == (1, "converged", 3)
    assert cluster["epoch"] == view["epoch"]
    assert client.ask("/covey/hosts") == [member["id"] for member in view["members"]]
    assert client.ask("/covey/host,3")["weight"] == 50
    rules = {row["rule"]: row for row in lab.ask(1, "params")}
    assert client.ask("/covey/rules") == list(rules)
    assert client.ask("/covey/rule,web")["buckets_owned"] == rules["web"]["buckets"]["owned"]
    stats = lab.ask(1, "stats")
    assert list(client.ask("/covey/verdicts")) == list(stats["verdicts"])
    assert client.ask("/covey/ports") == list(stats["ports"])
    assert client.ask("/covey/worker,0")["loops"] >= stats["workers"][0]["loops"]


def test_every_command_is_announced_with_its_help_and_bad_ones_are_null(client):
    announced = [path for path in client.ask("/") if path.startswith("/covey/")]
    assert len(announced) == 12
    for path in announced:
        (text,) = client.ask(f"/help,{path}").values()
        assert "arameter" in text
    for bad in ("/covey/host,99", "/covey/worker,x", "/covey/rule," + "n" * 900,
                "/covey/verdicts,1"):
        assert client.ask(bad) is None, bad
    assert client.ask("/ethdev/list") is not None


def test_with_the_tool_of_dpdk(lab, client):
    said = run("env", "RUNTIME_DIRECTORY=/run/covey", "sh", "-c",
               f"echo /covey/host,2 | dpdk-telemetry.py -f {client.prefix}").stdout
    assert json.loads(said)["/covey/host"]["name"] == lab.query(2)["host"]["name"]


def test_a_daemon_that_is_asked_without_a_pause_stops_as_usual(lab):
    client = Client(lab, 2)
    lab.coveyd(2).child().signal(15)
    answers = 0
    try:
        while True:
            client.ask("/covey/cluster")
            answers += 1
    except (OSError, ValueError):
        pass
    assert answers > 0
    assert lab.forget_process("coveyd-2") == 0
