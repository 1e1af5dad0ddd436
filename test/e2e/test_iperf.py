# SPDX-License-Identifier: BSD-3-Clause
"""iperf3 against the virtual IP: its control connection and its data, over TCP or UDP, meet in one
server when one rule of affinity single covers both. Rates and losses are printed."""

import json

import pytest
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.shell import wait_until

PORT = 5201
SECONDS = 2
RULES = [settings.Rule("iperf", "both", str(PORT), affinity="single")]
BOTH = pytest.mark.parametrize("vip,source", [
    (settings.VIP4, settings.CLIENT4), (settings.VIP6, settings.CLIENT6)], ids=["ipv4", "ipv6"])


@pytest.fixture(name="lab", scope="module")
def _lab():
    with lab_of_its_own(rules=RULES) as lab:
        for host in lab.hosts():
            lab.spawn(f"iperf-{host}", lab.namespace(host),
                      ["iperf3", "--server", "--json", "--forceflush"], log=f"iperf-{host}.json")
            wait_until(lambda host=host: f":{PORT} " in lab.exec(host, ["ss", "-Hltn"]).stdout, 10,
                       f"iperf3 of host {host} to listen")
        yield lab


def _reports(lab, host):
    """What the server of a host has written down, one report for each test."""
    text = (lab.state.directory / f"iperf-{host}.json").read_text(encoding="utf-8").strip()
    reports = []
    while text:
        try:
            report, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            break  # it is being written
        reports.append(report)
        text = text[end:].lstrip()
    return reports


def _measure(lab, vip, source, *options):
    """One run; (the client's report, the one host whose server received anything)."""
    before = {host: len(_reports(lab, host)) for host in lab.hosts()}
    done = lab.exec("client", ["iperf3", "--client", vip, "--bind", source, "--json",
                               "--time", str(SECONDS), *options], timeout=60)
    report = json.loads(done.stdout)
    received = {}

    def written():
        for host in lab.hosts():
            for one in _reports(lab, host)[before[host]:]:
                received[host] = sum(stream["bytes"] for interval in one["intervals"]
                                     for stream in interval["streams"])
        return received

    wait_until(written, 10, "a server to write its report")
    assert len(received) == 1
    assert all(size > 0 for size in received.values())
    return report, next(iter(received))


@BOTH
def test_iperf_over_tcp_meets_one_server(lab, vip, source):
    report, host = _measure(lab, vip, source)
    rate = report["end"]["sum_received"]["bits_per_second"]
    print(f"host {host}: {rate / 1e6:.0f} Mbit/s, "
          f"{report['end']['sum_sent']['retransmits']} retransmits")


@BOTH
def test_iperf_over_udp_meets_one_server(lab, vip, source):
    report, host = _measure(lab, vip, source, "--udp", "--bitrate", "50M")
    rate = report["end"]["sum"]
    print(f"host {host}: {rate['bits_per_second'] / 1e6:.0f} Mbit/s sent, "
          f"{rate['lost_percent']:.2f} % lost, jitter {rate['jitter_ms']:.3f} ms")
