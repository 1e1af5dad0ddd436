# SPDX-License-Identifier: BSD-3-Clause
"""strongSwan behind the virtual IP: a client's tunnel stays with the host that has its keys, while
another host joins and leaves and its bucket moves."""

import signal

import pytest
from conftest import lab_of_its_own
from covey_lab import services, settings, strongswan
from covey_lab.traffic.download import Downloads

# Who downloads cannot ping as well: ESP in user space reads its socket too slowly for bursts of
# TCP, and what does not fit there is lost on the client, whatever the cluster does.
DOWNLOADERS = [1, 2, 3]
PINGERS = [4, 5, 6]
COMES_AND_GOES = 3
STAY = [1, 2]
RULES = [settings.Rule("ike", "udp", "500", affinity="single")]


@pytest.fixture(name="lab", scope="module")
def _lab():
    # Host 3 takes most buckets whenever it is there.
    with lab_of_its_own(weights=[10, 10, 100], rules=RULES) as lab:
        for host in lab.hosts():
            strongswan.serve(lab, host)
        yield lab


def _host_behind(lab, role):
    """The host at the other end of a client's tunnel."""
    return lab.exec(role, ["curl", "-s", "-m", "5", f"http://{strongswan.INNER}/"]).stdout.strip()


def _owner(lab, client):
    return lab.ask(1, "explain", "udp", f"{client.address}:4500",
                   f"{settings.VIP4}:4500")["owner"]


def _start_ping(lab, role):
    lab.spawn(f"ping-{role}", lab.namespace(role), ["ping", "-i", "0.1", strongswan.INNER])


def _end_ping(lab, role):
    """(sent, received) of a ping."""
    lab.state.processes[f"ping-{role}"].signal(signal.SIGINT)
    lab.forget_process(f"ping-{role}")
    log = (lab.state.directory / f"ping-{role}.log").read_text(encoding="ascii")
    words = next(line for line in log.splitlines() if "packets transmitted" in line).split()
    return int(words[0]), int(words[3])


def _join(lab):
    lab.covey(COMES_AND_GOES, "start", check=True)
    lab.wait_converged()


def _leave(lab):
    lab.covey(COMES_AND_GOES, "stop", check=True)
    lab.wait_converged(STAY)


def test_tunnels_carry_traffic_while_another_host_joins_and_leaves(lab):
    _leave(lab)
    clients = [strongswan.Client(lab, number) for number in DOWNLOADERS + PINGERS]
    downloaders, pingers = clients[:len(DOWNLOADERS)], clients[len(DOWNLOADERS):]
    for client in clients:
        client.connect()
    before = {client.role: client.tunnels() for client in clients}
    assert {len(tunnels) for tunnels in before.values()} == {1}
    hosts = {client.role: _host_behind(lab, client.role) for client in clients}
    assert set(hosts.values()) <= {settings.host_name(host) for host in STAY}
    downloads = [Downloads(lab.namespace(client.role), [client.inner_address()],
                           strongswan.INNER, rate="2m") for client in downloaders]
    for client in pingers:
        _start_ping(lab, client.role)
    for _ in range(2):
        _join(lab)
        for some in (downloaders, pingers):
            assert COMES_AND_GOES in {_owner(lab, client) for client in some}
        assert {role: _host_behind(lab, role) for role in hosts} == hosts
        _leave(lab)
        assert {role: _host_behind(lab, role) for role in hosts} == hosts
    items = [item for one in downloads for item in one.result(90)]
    pings = [_end_ping(lab, client.role) for client in pingers]
    assert not [item for item in items if item.error], items
    assert {item.checksum for item in items} == {services.blob_checksum(lab.state.directory)}
    assert all(0 < sent - 1 <= received for sent, received in pings), pings
    assert {client.role: client.tunnels() for client in clients} == before
