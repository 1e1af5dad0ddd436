# SPDX-License-Identifier: BSD-3-Clause
"""With udp_track a UDP conversation stays on its host while buckets move; new ones are served."""

import pytest
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.datagrams import Talkers, udp_echo

BOTH = [(settings.VIP4, settings.sources4), (settings.VIP6, settings.sources6)]


@pytest.fixture(name="tracking_lab")
def _tracking_lab(fresh_lab):
    return fresh_lab(udp_track=True, buckets=64)  # so that conversations share buckets


def _give(lab, host, weight):
    assert lab.covey(host, "weight", "echo", str(weight)).returncode == 0
    lab.wait_converged()


def _handed_on(lab):
    return sum(lab.frames(host, "hand_on") for host in lab.hosts())


def _all_are_served(client, clients, vip):
    answers = [hosts for _, hosts in udp_echo(client, clients, vip, settings.ECHO_PORT, wait=1.0)]
    assert all(len(hosts) <= 1 for hosts in answers), answers
    assert sum(hosts == ["web1"] for hosts in answers) < 20  # it has no bucket, or one
    return all(answers)


@pytest.mark.parametrize("vip,sources", BOTH, ids=["ipv4", "ipv6"])
def test_conversations_stay_and_new_ones_are_served_while_buckets_move(tracking_lab, vip, sources):
    lab = tracking_lab
    client = lab.namespace("client")
    clients = sources(200)
    with Talkers(client, clients[:100], vip, settings.ECHO_PORT) as talkers:
        first = talkers.ask()
        assert {host for hosts in first for host in hosts} == {"web1", "web2", "web3"}
        assert all(len(hosts) == 1 for hosts in first)
        _give(lab, 1, 1)
        assert talkers.ask() == first
        handed_on = _handed_on(lab)
        # Half a second after a move, until which they are refused, but never answered twice.
        wait_until(lambda: _all_are_served(client, clients, vip), 10, "newcomers to be served")
        assert _handed_on(lab) > handed_on  # many fell into buckets where web1 holds others
        for host, weight in ((2, 1), (1, 100), (2, 100), (3, 1), (3, 100)):
            _give(lab, host, weight)
            assert talkers.ask() == first
