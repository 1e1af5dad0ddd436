# SPDX-License-Identifier: BSD-3-Clause
"""A segment that is cut and whole again, under each policy: who owns what on each side, and that
nobody is answered twice once the sides have found each other."""

from covey_lab import settings, topology
from covey_lab.shell import wait_until
from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each, events, last_event, names_since, owners

LEFT, RIGHT = [1, 2, 3], [4, 5]


def _five(fresh_lab, partition):
    return fresh_lab(hosts=5, weights=[], partition=partition)


def _island_reported(lab, host, mark):
    return "island_suspected" in names_since(lab, {host: mark})[host]


def _heal_and_check(lab):
    """After the heal: one cluster, one owner for each bucket, one answer for each connection."""
    lab.heal()
    lab.wait_converged()
    assert owners(lab, lab.hosts()) == {1, 2, 3, 4, 5}
    client = StrictClient(lab, rate=300, pairs=2000, timeout=5.0, reset=False)
    client.more(900)
    record = client.stop()
    assert not record.failures(), record.failures()[:5]
    assert_one_host_each(record)
    assert set(record.served()) == {settings.host_name(host) for host in lab.hosts()}


def test_with_serve_each_side_owns_everything_and_both_report_the_island(fresh_lab):
    lab = _five(fresh_lab, "serve")
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    lab.partition([LEFT, RIGHT])
    for side in (LEFT, RIGHT):
        lab.wait_converged(side)
        assert owners(lab, side) == set(side)
    for host in lab.hosts():
        wait_until(lambda host=host: _island_reported(lab, host, marks[host]), 10,
                   lambda host=host: f"host {host} to report the island: {events(lab, host)}")
    _heal_and_check(lab)


def test_with_majority_only_the_larger_side_serves_and_both_report_the_island(fresh_lab):
    lab = _five(fresh_lab, "majority")
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    client = StrictClient(lab, rate=200, pairs=400, timeout=3.0, reset=False)
    client.more(200)
    lab.partition([LEFT, RIGHT])
    lab.wait_converged(LEFT)
    assert owners(lab, LEFT) == set(LEFT)
    for host in RIGHT:
        wait_until(lambda host=host: _stands_aside(lab, host), 10,
                   lambda host=host: f"host {host} to stand aside: {lab.query(host)}")
    for host in lab.hosts():
        wait_until(lambda host=host: _island_reported(lab, host, marks[host]), 10,
                   lambda host=host: f"host {host} to report the island: {events(lab, host)}")
    client.more(200)
    _heal_and_check_under(lab, client)


def _stands_aside(lab, host):
    view = lab.query(host)
    return view["host"]["state"] == "isolated" and "smaller side" in view["reason"] \
        and lab.ask(host, "queryport", "80")["buckets"]["owned"] == 0


def _heal_and_check_under(lab, client):
    """With majority the client may go on all the time: there is never a second owner."""
    lab.heal()
    lab.wait_converged()
    client.more(400)
    assert_one_host_each(client.stop())
    _heal_and_check(lab)


def test_with_majority_half_of_the_hosts_serve_if_they_have_the_lowest(fresh_lab):
    lab = fresh_lab(hosts=4, weights=[], partition="majority")
    lab.partition([[2, 3, "client"], [1, 4]])
    lab.wait_converged([1, 4])
    assert owners(lab, [1, 4]) == {1, 4}
    for host in (2, 3):
        wait_until(lambda host=host: _stands_aside(lab, host), 10,
                   lambda host=host: f"host {host} to stand aside: {lab.query(host)}")
    lab.heal()
    lab.wait_converged()
    assert owners(lab, lab.hosts()) == {1, 2, 3, 4}


def test_with_gateway_a_host_that_cannot_reach_it_owns_nothing(fresh_lab):
    lab = fresh_lab(hosts=3, weights=[], partition="gateway")
    assert owners(lab, lab.hosts()) == {1, 2, 3}
    client = StrictClient(lab, rate=200, pairs=400, timeout=3.0, reset=False)
    client.more(200)
    # Host 3 and the gateway do not hear each other's ARP any more; everything else passes.
    topology.block(lab.options, [(3, "client", "ether type arp"), ("client", 3, "ether type arp")])
    wait_until(lambda: owners(lab, lab.hosts()) == {1, 2}, 15,
               lambda: f"host 3 to give up its buckets: {lab.query(3)}")
    assert "gateway_changed" in [event["event"] for event in events(lab, 3)]
    lab.block([])
    wait_until(lambda: owners(lab, lab.hosts()) == {1, 2, 3}, 15,
               lambda: f"host 3 to get buckets again: {lab.query(3)}")
    client.more(200)
    assert_one_host_each(client.stop())
