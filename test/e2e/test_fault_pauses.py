# SPDX-License-Identifier: BSD-3-Clause
"""A host that freezes and wakes up: with the default timers nobody ever meets two hosts at once."""

import os
import subprocess
import sys
import time

import pytest
from covey_lab.state import Process
from covey_lab.traffic.strict import StrictClient
from strict import agreement, assert_one_host_each, last_event, names_since

RATE = 200
SPIN = "import os\nwhile os.getppid() == int(os.environ['OWNER']):\n    pass\n"


@pytest.fixture(name="spinners")
def _spinners():
    """Two programs per processor that do nothing but use it, at normal priority."""
    programs = [subprocess.Popen([sys.executable, "-c", SPIN],
                                 env={**os.environ, "OWNER": str(os.getpid())})
                for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for program in programs:
        Process.of(program.pid).stop()
        program.wait()


def _pause(lab, host, seconds):
    lab.pause(host)
    time.sleep(seconds)
    lab.resume(host)


def test_no_connection_has_two_hosts_when_one_freezes_and_wakes_up(default_lab, long):
    lab = default_lab
    spans = range(1, 21) if long else (1, 2, 4)
    client = StrictClient(lab, rate=RATE, pairs=400, timeout=3.0, reset=False)
    client.more(RATE)
    for turn, seconds in enumerate(spans):
        host = 1 + turn % 3
        _pause(lab, host, seconds)
        lab.wait_converged()
        began = time.monotonic()
        client.more(3 * RATE)
        assert set(client.record().served(began)) == {"web1", "web2", "web3"}
    record = client.stop()
    assert_one_host_each(record)


def test_busy_processors_do_not_make_a_host_look_dead(default_lab, spinners, long):
    lab = default_lab
    before = agreement(lab)
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    client = StrictClient(lab, rate=50, pairs=2000, timeout=5.0)
    client.more(50 * (600 if long else 45), timeout=900)
    record = client.stop()
    assert agreement(lab) == before
    assert names_since(lab, marks) == {host: [] for host in lab.hosts()}
    assert_one_host_each(record)
