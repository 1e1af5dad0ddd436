# SPDX-License-Identifier: BSD-3-Clause
"""A real QUIC stack (ngtcp2) under `quic: cid`: clients change their address, buckets move, hosts
come, go and die, and each connection stays with the host that its connection ID names."""

import collections
import contextlib

import pytest
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.quic import Servers, Talkers

BY_ID = settings.Rule("quic", "udp", str(settings.QUIC_PORT), quic="cid")
BY_ADDRESS = settings.Rule("plain", "udp", str(settings.QUIC_PORT))


@pytest.fixture(name="cluster", scope="module")
def _cluster():
    # Followed, so that a host which drains knows of its conversations and waits for them.
    with lab_of_its_own(weights=[], rules=[BY_ID], udp_track=True, udp_idle="2s") as lab:
        yield lab


@pytest.fixture(name="lab")
def _lab(cluster):
    for host in cluster.hosts():
        if not cluster.running(f"coveyd-{host}"):
            cluster.power_on(host)
        cluster.covey(host, "start")
    cluster.wait_converged()
    return cluster


@contextlib.contextmanager
def _rule_instead(lab, rule):
    before = lab.options.rules
    _follow(lab, [rule])
    yield
    _follow(lab, before)


def _follow(lab, rules):
    lab.options.rules = rules
    for host in lab.hosts():
        lab.configure(host)
        lab.covey(host, "reload", check=True)
    for host in lab.hosts():
        wait_until(lambda host=host: rules[0].name in [one["rule"] for one
                                                       in lab.ask(host, "params")],
                   15, f"host {host} to follow rule {rules[0].name}")


def _weight(lab, host, weight):
    lab.covey(host, "weight", "quic", str(weight), check=True)
    lab.wait_converged()


def _owner(lab, place):
    """The host that takes new flows from there."""
    return lab.ask(1, "explain", "udp", f"{place.address}:{place.port}",
                   f"{settings.VIP4}:{settings.QUIC_PORT}")["owner"]


def _assert_all_held(record, count):
    assert record.how() == {"ok": count}
    assert all(one.host == one.named == record.first_hosts()[one.number] for one in record.ends)


def test_connections_stay_on_their_host_while_clients_and_buckets_move(lab, long):
    count, rounds = (200, 5) if long else (30, 1)
    servers = Servers(lab)
    lab.covey(3, "stop", check=True)
    lab.wait_converged([1, 2])
    talkers = Talkers(lab, count)
    for _ in range(rounds):
        lab.covey(3, "start", check=True)  # joins, and gets a third of all buckets
        lab.wait_converged()
        talkers.more(moves=3)
        _weight(lab, 1, 10)
        talkers.more(moves=1)
        lab.covey(2, "drainstop", check=True)
        lab.wait_converged()
        assert lab.query(2)["host"]["state"] == "draining"
        talkers.more(moves=3)
        _weight(lab, 1, 100)
        lab.covey(2, "start", check=True)
        lab.wait_converged()
        talkers.more(moves=1)
        lab.covey(3, "stop", check=True)  # it has none of these connections
        lab.wait_converged([1, 2])
        talkers.more(moves=1)
    record = talkers.stop()
    last = {place.number: place for place in record.places}.values()
    elsewhere = sum(_owner(lab, place) != place.named for place in last)
    counted = servers.stop()
    print(f"{count} connections on {dict(collections.Counter(record.first_hosts().values()))}, "
          f"{dict(record.kinds())}, servers saw {dict(counted)}, {elsewhere} were at last in a "
          f"bucket of another host, the longest answer took "
          f"{max(one.worst for one in record.ends):.2f} s")
    _assert_all_held(record, count)
    assert set(record.first_hosts().values()) == {1, 2}
    assert set(record.kinds()) == {"rebind", "migrate", "jump"}
    assert counted["moves"] >= count * rounds * 5  # of nine; QUIC need not have tried each path
    assert counted["resets"] == 0
    assert elsewhere > 0


def test_without_quic_cid_connections_are_lost_when_their_clients_move(lab):
    with _rule_instead(lab, BY_ADDRESS):
        servers = Servers(lab)
        talkers = Talkers(lab, 20)
        talkers.wait(lambda record: record.how()["reset"] >= 10, "half of them to be reset")
        record = talkers.stop()
    counted = servers.stop()
    print(f"ended {dict(record.how())}, servers saw {dict(counted)}")
    assert counted["resets"] >= 10


def test_when_a_host_dies_its_connections_are_reset_and_no_others(lab):
    servers = Servers(lab, retries=True)
    talkers = Talkers(lab, 30)
    talkers.more(moves=1)
    first = talkers.record().first_hosts()
    lost = {number for number, host in first.items() if host == 2}
    lab.power_off(2)
    lab.forget_process("quic-2")
    lab.wait_converged([1, 3])
    talkers.wait(lambda record: len(record.ends) >= len(lost), "those of the dead host to end")
    talkers.more(moves=2)
    record = talkers.stop()
    servers.stop()
    print(f"{len(lost)} of {len(first)} were the dead host's; ended {dict(record.how())}")
    assert lost
    assert {one.number for one in record.ends if one.end != "ok"} == lost
    assert record.how() == {"reset": len(lost), "ok": len(first) - len(lost)}


def test_a_host_that_drains_waits_for_its_quic_connections(lab):
    servers = Servers(lab)
    talkers = Talkers(lab, 30)
    lab.covey(1, "drainstop", check=True)
    talkers.more(moves=6)  # longer than a silent conversation is known
    assert lab.query(1)["host"]["state"] == "draining"
    record = talkers.stop()
    servers.stop()
    _assert_all_held(record, 30)
    wait_until(lambda: lab.query(1)["host"]["state"] == "stopped", 30, "host 1 to stop")
