# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that come and go on purpose: no client notices, however often it uses its ports again."""

import pytest
from covey_lab.traffic.strict import StrictClient
from strict import assert_answered_once, assert_one_host_each


def _leave_and_return(lab, verb, count):
    for turn in range(count):
        host = 1 + turn % len(lab.hosts())
        assert lab.covey(host, verb, timeout=60).returncode == 0
        lab.wait_converged([other for other in lab.hosts() if other != host])
        assert lab.covey(host, "start").returncode == 0
        lab.wait_converged()


@pytest.mark.parametrize("pairs", [20000, 200], ids=["fresh ports", "ports used again"])
def test_no_connection_fails_when_hosts_drain_and_come_back(lab, pairs, long):
    client = StrictClient(lab, rate=250, pairs=pairs, timeout=5.0, reset=False)
    client.more(200)
    _leave_and_return(lab, "drainstop", 100 if long else 10)
    client.more(200)
    record = client.stop()
    assert not record.failures(), record.failures()[:5]
    assert_one_host_each(record)
    assert set(record.served()) == {"web1", "web2", "web3"}


def test_after_stop_every_new_connection_is_served(lab, long):
    # `stop` abandons what is under way; what begins afterwards is somebody else's.
    client = StrictClient(lab, rate=250, pairs=20000, timeout=5.0, reset=False)
    client.more(200)
    _leave_and_return(lab, "stop", 100 if long else 10)
    client.more(200)
    record = client.stop()
    assert {one.end for one in record.failures()} <= {"reset", "stalled"}, record.failures()
    assert all(one.ended - one.started < 5.5 for one in record.connections)
    assert_answered_once(record)
    # What a host left behind when it stopped is ended by the heir of its bucket, by a reset.
    early = [(one, answer) for one, answer in record.strangers() if answer.time < one.ended]
    assert not early, early[:5]
