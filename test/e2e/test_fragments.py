# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams longer than the MTU: all fragments reach one host, whatever their order."""

import pytest
from covey_lab import settings
from covey_lab.traffic.datagrams import ping, udp_echo
from covey_lab.traffic.fragments import reversed_udp_echo

BOTH = pytest.mark.parametrize("vip,sources", [
    (settings.VIP4, settings.sources4), (settings.VIP6, settings.sources6)], ids=["ipv4", "ipv6"])
ALL_NAMES = {"web1", "web2", "web3"}


def _at_a_time(count, sources):
    # More long datagrams at once than this and the queues of kernels on the way overflow.
    return [sources[first:first + count] for first in range(0, len(sources), count)]


def _assert_each_answered_once(answers):
    assert [pair for pair in answers if len(pair[1]) != 1] == []
    assert {host for _, hosts in answers for host in hosts} == ALL_NAMES


@BOTH
def test_1000_datagrams_of_8_kilobytes_are_each_answered_by_exactly_one_host(lab, vip, sources):
    client = lab.namespace("client")
    ping(client, sources(1), vip)  # from here on the address is resolved
    answers = []
    for some in _at_a_time(25, sources(200) * 5):
        answers += udp_echo(client, some, vip, settings.ECHO_PORT, size=8000, linger=0.1)
    assert len(answers) == 1000
    _assert_each_answered_once(answers)


@BOTH
def test_a_ping_of_4000_bytes_gets_exactly_one_reply(lab, vip, sources):
    for some in _at_a_time(20, sources(100)):
        replies = ping(lab.namespace("client"), some, vip, size=4000)
        assert [pair for pair in replies if pair[1] != 1] == []


@BOTH
def test_fragments_in_reverse_order_are_answered_by_exactly_one_host(lab, vip, sources):
    place = (lab.namespace("client"), "eth0", lab.options.cluster_mac())
    answers = []
    for some in _at_a_time(20, sources(200)):
        answers += reversed_udp_echo(place, some, vip, settings.ECHO_PORT)
    _assert_each_answered_once(answers)


@BOTH
def test_fragments_that_a_cable_reorders_are_answered_by_exactly_one_host(lab, vip, sources):
    client = lab.namespace("client")
    lab.spoil_wire("client", reorder=30, seed=1)
    ping(client, sources(1), vip)
    answers = []
    for some in _at_a_time(20, sources(100)):
        answers += udp_echo(client, some, vip, settings.ECHO_PORT, size=8000)
    _assert_each_answered_once(answers)
    assert lab.mend_wire("client")["held"] > 100
