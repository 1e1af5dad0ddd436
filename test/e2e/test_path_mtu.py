# SPDX-License-Identifier: BSD-3-Clause
"""A client behind a router whose link to it is narrow: what the router says of packets that are too
long reaches the host that sent them, and no other."""

import dataclasses

import pytest
from conftest import lab_of_its_own
from covey_lab import services, settings, topology
from covey_lab.shell import ip, ip_batch
from covey_lab.traffic.download import Downloads

NARROW = 1280


@dataclasses.dataclass(frozen=True)
class Way:
    """The addresses on one way to the client, and where a host counts what the router says."""
    vip: str
    router: str
    near_client: str
    client: str
    network: str
    counter: tuple


WAYS = {
    "ipv4": Way(settings.VIP4, "10.77.0.200", "10.80.0.1/24", "10.80.0.2/24", "10.80.0.0/24",
                ("/proc/net/snmp", "Icmp", "InDestUnreachs")),
    "ipv6": Way(settings.VIP6, "2001:db8:77::200", "2001:db8:80::1/64", "2001:db8:80::2/64",
                "2001:db8:80::/64", ("/proc/net/snmp6", "Icmp6InPktTooBigs")),
}


@pytest.fixture(name="lab", scope="module")
def _lab():
    with lab_of_its_own(weights=[]) as lab:
        lab.add_station("router", [f"{WAYS['ipv4'].router}/24", f"{WAYS['ipv6'].router}/64"])
        topology.add_namespace(lab.options, lab.state, "far")
        router, far = lab.namespace("router"), lab.namespace("far")
        topology.lay_cable((router, "narrow"), (far, "eth0"))
        ip("-n", router, "link", "set", "narrow", "mtu", str(NARROW))  # the client's end stays wide
        lab.exec("router", ["sysctl", "-qw", "net.ipv4.ip_forward=1",
                            "net.ipv6.conf.all.forwarding=1"])
        for way in WAYS.values():
            nodad = " nodad" if ":" in way.vip else ""
            gateway = way.near_client.partition("/")[0]
            ip_batch(router, [f"address add {way.near_client} dev narrow{nodad}"])
            ip_batch(far, [f"address add {way.client} dev eth0{nodad}"])
            family = "-6" if nodad else "-4"
            ip(family, "-n", far, "route", "add", "default", "via", gateway)
            for host in lab.hosts():
                ip(family, "-n", lab.namespace(host), "route", "add", way.network, "via",
                   way.router, "dev", "covey0")
        yield lab


def _heard(lab, way):
    """{name of host: how often its kernel heard of a packet that was too long}."""
    path, *names = way.counter
    found = {}
    for host in lab.hosts():
        rows = [line.split() for line in lab.exec(host, ["cat", path]).stdout.splitlines()]
        if len(names) == 1:
            value = dict(rows)[names[0]]
        else:
            head, values = (row for row in rows if row[0] == f"{names[0]}:")
            value = dict(zip(head, values))[names[1]]
        found[settings.host_name(host)] = int(value)
    return found


def _download(lab, way, count):
    """Names of the hosts that served 20 MB each, and of those that heard the router meanwhile."""
    before = _heard(lab, way)
    source = way.client.partition("/")[0]
    items = Downloads(lab.namespace("far"), [source] * count, way.vip, rate="50m").result(120)
    assert [one for one in items if one.error] == []
    assert {one.checksum for one in items} == {services.blob_checksum(lab.state.directory)}
    after = _heard(lab, way)
    return {one.host for one in items}, {name for name in after if after[name] > before[name]}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_host_learns_that_the_path_to_its_client_is_narrow(lab, way):
    served, heard = _download(lab, way, 1)
    assert len(served) == 1
    assert heard == served
    more, heard = _download(lab, way, 8)
    assert len(more) > 1
    # A host that knows the path already sends nothing that is too long.
    assert heard == more - served
