# SPDX-License-Identifier: BSD-3-Clause
"""The kinds of cluster MAC, each with what it asks of a switch; and what is sent to groups.

`--mode` runs the whole suite in one of them.
"""

import contextlib
import socket
import struct

import pytest
import test_serving as base
from covey_lab import settings, topology
from covey_lab.netns import inside
from covey_lab.shell import wait_until
from covey_lab.traffic.frames import Sniffer, ethertype_is, source_is
from covey_lab.traffic.http import failures, run_fleet, served, spread

IGMP_TYPES = {0x12: "v1 report", 0x16: "v2 report", 0x17: "leave", 0x22: "v3 report"}
MLD_TYPES = {131: "v1 report", 132: "done", 143: "v2 report"}
GROUP6 = "ff02::1:ff00:50"  # where neighbours ask for the IPv6 address
MEMBERS = {"p1", "p2", "p3"}


def _serves(lab):
    """The heart of test_serving.py, over both families."""
    for vip, sources in ((settings.VIP4, settings.sources4), (settings.VIP6, settings.sources6)):
        base.test_600_connections_from_200_sources_are_each_served_by_one_host(lab, vip, sources)
        base.test_udp_through_a_rule_is_answered_exactly_once(lab, vip, sources)
        base.test_a_ping_gets_exactly_one_reply(lab, vip, sources)
    base.test_the_cluster_mac_is_never_a_source_and_never_learned(lab)


def _survives_a_death(lab):
    lab.kill(2, 9)
    lab.wait_converged([1, 3])
    attempts = run_fleet(lab.namespace("client"), spread(settings.sources4(100), 300,
                                                         settings.VIP4))
    assert not failures(attempts), failures(attempts)[:5]
    assert set(served(attempts)) == {"web1", "web3"}


def _types(frames, ethertype, protocol):
    """First bytes of the messages of a protocol, which are the last header of their frames."""
    types = []
    for frame in frames:
        packet = frame[14:]
        if ethertype == 0x0800 and packet[9] == protocol:
            types.append(packet[(packet[0] & 15) * 4])
        if ethertype == 0x86DD and packet[6] == 0 and packet[40] == protocol:
            types.append(packet[48])
    return types


class _Watch:
    """What one host says about groups, as long as the body of a with statement lasts."""

    def __init__(self, lab, host):
        self._sniffer = Sniffer(lab.namespace("hub"), source_is(settings.masked_mac(host)),
                                keep=100_000)

    def igmp(self):
        """The kinds of IGMP messages so far."""
        frames = [frame for frame in self._sniffer.frames if frame[12:14] == b"\x08\x00"]
        return {IGMP_TYPES[one] for one in _types(frames, 0x0800, 2)}

    def mld(self):
        """The kinds of MLD messages so far."""
        frames = [frame for frame in self._sniffer.frames if frame[12:14] == b"\x86\xdd"]
        return {MLD_TYPES[one] for one in _types(frames, 0x86DD, 58) if one in MLD_TYPES}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sniffer.stop()


def _queries_heard(lab):
    return [lab.frames(host, "group_query") for host in lab.hosts()]


def _wait_for_listeners(lab, group, ports):
    wait_until(lambda: topology.listeners(lab.options, group) == ports, 20,
               lambda: f"{ports} to listen to {group}: {topology.listeners(lab.options, group)}")


def test_mode_multicast_serves_and_no_question_has_a_group_as_its_sender(fresh_lab):
    lab = fresh_lab(mode="multicast")
    arp = Sniffer(lab.namespace("hub"), ethertype_is(0x0806), keep=100_000)
    _serves(lab)
    _survives_a_death(lab)
    arp.stop()
    questions = [frame for frame in arp.frames if frame[20:22] == b"\0\1"]
    answers = [frame for frame in arp.frames if frame[20:22] == b"\0\2"]
    cluster = bytes(int(part, 16) for part in lab.options.cluster_mac().split(":"))
    assert cluster in {frame[22:28] for frame in answers}
    assert questions and not [frame for frame in questions if frame[22] & 1]


@pytest.mark.parametrize("version", [2, 3])
def test_mode_igmp_joins_its_group_and_answers_whoever_asks(fresh_lab, version):
    lab = fresh_lab(mode="igmp", querier=version)
    group = settings.cluster_group()
    _wait_for_listeners(lab, group, MEMBERS)
    _wait_for_listeners(lab, GROUP6, MEMBERS)
    wait_until(lambda: all(_queries_heard(lab)), 20, "every host to have heard a query")
    heard = _queries_heard(lab)
    with _Watch(lab, 1) as watch:
        wait_until(lambda: f"v{version} report" in watch.igmp()
                   and f"v{version - 1} report" in watch.mld(), 20,
                   lambda: f"answers, seen: {watch.igmp()} and {watch.mld()}")
        # Only what the asker speaks: an older version is not used for nothing.
        assert watch.igmp() == {f"v{version} report"}
    wait_until(lambda: all(now > then for now, then in zip(_queries_heard(lab), heard)), 20,
               "every host to count queries")
    _serves(lab)
    with _Watch(lab, 3) as watch:
        assert lab.kill(3) == 0
        _wait_for_listeners(lab, group, {"p1", "p2"})
        assert version != 2 or "leave" in watch.igmp()
    lab.start(3)
    lab.wait_converged()
    _wait_for_listeners(lab, group, MEMBERS)
    _survives_a_death(lab)


def test_a_bridge_that_asks_lets_neighbours_find_the_ipv6_address_in_mode_unicast(fresh_lab):
    lab = fresh_lab(mode="unicast", querier=3)
    _wait_for_listeners(lab, GROUP6, MEMBERS)
    client = lab.namespace("client")
    lab.exec("client", ["ip", "-6", "neighbour", "flush", "dev", "eth0"])
    attempts = run_fleet(client, spread(settings.sources6(100), 300, settings.VIP6))
    assert not failures(attempts), failures(attempts)[:5]


GROUP_PORT = 9997
WANTED_GROUPS = ("239.1.2.3", "ff05::1234")


def _interface_index(lab, role, name):
    with inside(lab.namespace(role)):
        return socket.if_nametoindex(name)


def _listener(lab, host, family):
    """A socket of a host that wants everything on GROUP_PORT, also of a group it has joined."""
    index = _interface_index(lab, host, "covey0")
    with inside(lab.namespace(host)):
        one = socket.socket(family, socket.SOCK_DGRAM)
    one.settimeout(0)
    if family == socket.AF_INET:
        one.bind(("0.0.0.0", GROUP_PORT))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                       socket.inet_aton(WANTED_GROUPS[0]) + struct.pack("=4si", bytes(4), index))
    else:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(("::", GROUP_PORT))
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                       socket.inet_pton(family, WANTED_GROUPS[1]) + struct.pack("=I", index))
    return one


def _say(lab, target):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    index = _interface_index(lab, "client", "eth0")
    with inside(lab.namespace("client")):
        one = socket.socket(family, socket.SOCK_DGRAM)
    with one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if family == socket.AF_INET:
            one.bind((settings.CLIENT4, 0))
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                           struct.pack("=4s4si", bytes(4), bytes(4), index))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        else:
            one.bind((settings.CLIENT6, 0))
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        one.sendto(target.encode(), (target, GROUP_PORT))


def _heard(sockets):
    texts = set()
    for one in sockets:
        with contextlib.suppress(BlockingIOError):
            while True:
                texts.add(one.recv(100).decode())
    return texts


TO_ALL = ("255.255.255.255", "10.77.0.255", *WANTED_GROUPS)


def test_what_is_sent_to_groups_reaches_the_stacks_of_hosts_that_want_it(fresh_lab):
    lab = fresh_lab()
    lab.options.multicast = "deliver"  # of one host alone: the others need not agree
    assert lab.kill(1) == 0
    lab.start(1)
    lab.wait_converged()
    sockets = {host: [_listener(lab, host, family) for family in (socket.AF_INET, socket.AF_INET6)]
               for host in lab.hosts()}
    heard = {host: set() for host in lab.hosts()}
    dropped = lab.frames(2, "drop_not_for_us")
    delivered = lab.frames(1, "deliver_broadcast")
    for target in TO_ALL:
        _say(lab, target)

    def all_heard():
        for host, ones in sockets.items():
            heard[host] |= _heard(ones)
        return heard[1] == set(TO_ALL) \
            and lab.frames(2, "drop_not_for_us") >= dropped + len(TO_ALL)

    wait_until(all_heard, 10, lambda: f"host 1 to hear {TO_ALL}: {heard}")
    assert heard[2] == heard[3] == set()
    assert lab.frames(1, "deliver_broadcast") >= delivered + len(TO_ALL)
    for ones in sockets.values():
        for one in ones:
            one.close()
