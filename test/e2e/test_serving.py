# SPDX-License-Identifier: BSD-3-Clause
"""A cluster at rest: every request is answered once, by the host that should answer it."""

import ipaddress

import pytest
from conftest import WEIGHTS
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.datagrams import ping, udp_echo
from covey_lab.traffic.frames import Sniffer, source_is
from covey_lab.traffic.http import (Attempt, failures, hosts_by_source, run_fleet, served, spread)

BOTH = pytest.mark.parametrize("vip,sources", [
    (settings.VIP4, settings.sources4), (settings.VIP6, settings.sources6)], ids=["ipv4", "ipv6"])
ALL_NAMES = {"web1", "web2", "web3"}


def _assert_all_served(attempts):
    assert not failures(attempts), failures(attempts)[:5]


@BOTH
def test_600_connections_from_200_sources_are_each_served_by_one_host(lab, vip, sources):
    attempts = run_fleet(lab.namespace("client"), spread(sources(200), 600, vip))
    _assert_all_served(attempts)
    assert set(served(attempts)) == ALL_NAMES
    for attempt in attempts:
        assert attempt.body.decode().strip() == attempt.host


@BOTH
def test_shares_are_within_15_percent_of_the_weights(lab, vip, sources):
    # 3,000 connections: the standard deviation of the smallest share is then below 4 %.
    attempts = run_fleet(lab.namespace("client"), spread(sources(200), 3000, vip))
    _assert_all_served(attempts)
    counts = served(attempts)
    for host, weight in enumerate(WEIGHTS, 1):
        expected = len(attempts) * weight / sum(WEIGHTS)
        assert counts[f"web{host}"] == pytest.approx(expected, rel=0.15), counts


@BOTH
def test_a_server_sees_the_address_and_port_of_the_client(lab, vip, sources):
    attempts = run_fleet(lab.namespace("client"), spread(sources(40), 40, vip, path="/peer"))
    _assert_all_served(attempts)
    for attempt in attempts:
        assert attempt.body.decode().split() == [attempt.source, str(attempt.source_port)]


@BOTH
def test_with_single_affinity_a_source_always_gets_the_same_host(lab, vip, sources):
    attempts = run_fleet(lab.namespace("client"), spread(sources(80), 800, vip, port=8001))
    _assert_all_served(attempts)
    assert {len(hosts) for hosts in hosts_by_source(attempts).values()} == {1}
    assert set(served(attempts)) == ALL_NAMES


@BOTH
def test_with_network_affinity_all_of_a_network_get_the_same_host(lab, vip, sources):
    attempts = run_fleet(lab.namespace("client"), spread(sources(240), 720, vip, port=8002))
    _assert_all_served(attempts)
    prefix = 64 if ":" in vip else 24
    hosts_of = {}
    for source, hosts in hosts_by_source(attempts).items():
        network = ipaddress.ip_network(f"{source}/{prefix}", strict=False)
        hosts_of.setdefault(network, set()).update(hosts)
    assert len(hosts_of) > 30
    assert {len(hosts) for hosts in hosts_of.values()} == {1}
    assert set(served(attempts)) == ALL_NAMES


def test_a_single_host_rule_is_served_by_the_best_priority_only(lab):
    attempts = run_fleet(lab.namespace("client"),
                         spread(settings.sources4(60), 120, settings.VIP4, port=5432))
    _assert_all_served(attempts)
    assert served(attempts) == {"web1": 120}


def test_a_port_without_rule_goes_to_the_default_host(lab):
    attempts = run_fleet(lab.namespace("client"), spread(
        settings.sources4(60), 120, settings.VIP4, port=settings.DEFAULT_PORT))
    _assert_all_served(attempts)
    assert served(attempts) == {"web1": 120}
    assert lab.query(1)["host"]["default"] is True
    assert lab.query(2)["host"]["default"] is False


def test_a_disabled_rule_answers_nothing_not_even_a_refusal(lab):
    attempts = run_fleet(lab.namespace("client"), spread(
        settings.sources4(40), 40, settings.VIP4, port=23), timeout=1.0)
    assert {attempt.error for attempt in attempts} == {"timeout"}


@BOTH
def test_udp_through_a_rule_is_answered_exactly_once(lab, vip, sources):
    answers = udp_echo(lab.namespace("client"), sources(100), vip, settings.ECHO_PORT)
    assert [source for source, hosts in answers if len(hosts) != 1] == []
    assert {host for _, hosts in answers for host in hosts} == ALL_NAMES


@BOTH
def test_a_ping_gets_exactly_one_reply(lab, vip, sources):
    replies = ping(lab.namespace("client"), sources(100), vip)
    assert [pair for pair in replies if pair[1] != 1] == []


def test_the_cluster_mac_is_never_a_source_and_never_learned(lab):
    hub = lab.namespace("hub")
    sniffers = {host: Sniffer(hub, source_is(settings.masked_mac(host))) for host in lab.hosts()}
    cluster = Sniffer(hub, source_is(lab.options.cluster_mac()))
    run_fleet(lab.namespace("client"), spread(settings.sources4(100), 300, settings.VIP4))
    run_fleet(lab.namespace("client"), spread(settings.sources6(100), 300, settings.VIP6))
    ping(lab.namespace("client"), settings.sources4(50), settings.VIP4)
    counts = {host: sniffer.stop() for host, sniffer in sniffers.items()}
    assert cluster.stop() == 0
    assert all(count > 100 for count in counts.values()), counts
    shown = lab.exec("hub", ["bridge", "fdb", "show"]).stdout
    assert lab.options.cluster_mac() not in shown


def test_tcpdump_on_the_bridge_never_shows_the_cluster_mac_as_source(lab):
    # The same claim with another tool: 2,000 frames of traffic, read by tcpdump itself.
    path = lab.state.directory / "segment.pcap"
    dump = lab.spawn("tcpdump", lab.namespace("hub"), ["tcpdump", "-i", "br0", "-n", "-s", "64",
                     "-U", "-c", "2000", "-w", str(path)])
    log = lab.state.directory / "tcpdump.log"
    wait_until(lambda: "listening on" in log.read_text(), 10, "tcpdump to listen")
    run_fleet(lab.namespace("client"), spread(settings.sources4(100), 600, settings.VIP4))
    dump.wait(timeout=20)
    lab.state.remove_process("tcpdump")
    count = lab.exec("hub", ["tcpdump", "-r", str(path), "-n", "--count"]).stdout
    assert count.startswith("2000 packets")
    bad = lab.exec("hub", ["tcpdump", "-r", str(path), "-n", "-e", "ether", "src",
                           lab.options.cluster_mac()]).stdout
    assert bad == ""


@BOTH
def test_explain_names_the_host_that_really_serves_a_connection(lab, vip, sources):
    attempts = [Attempt(source, vip, 80, source_port=20000 + index)
                for index, source in enumerate(sources(30))]
    run_fleet(lab.namespace("client"), attempts)
    _assert_all_served(attempts)
    for attempt in attempts:
        brackets = "[{}]:{}" if ":" in vip else "{}:{}"
        said = lab.ask(2, "explain", "tcp", brackets.format(attempt.source, attempt.source_port),
                       brackets.format(vip, 80))
        assert said["rule"] == "web"
        assert said["affinity"] == "none"
        assert f"web{said['owner']}" == attempt.host or said["owner"] == attempt.host, said
        expected = ("deliver_owned", "deliver_flow") if attempt.host == "web2" \
            else ("drop_not_owner",)
        assert said["verdict"] in expected, said
