# SPDX-License-Identifier: BSD-3-Clause
"""Other ways to the segment than af_packet: the same cluster, briefly."""

import os
import signal

import pytest
from conftest import options
from covey_lab import segment, settings, topology
from covey_lab.lab import Lab
from covey_lab.shell import wait_until
from covey_lab.traffic.http import failures, run_fleet, served, spread

ALL = {"web1", "web2", "web3"}
PORT = "net_virtio_user0"


def _served_by(lab, sources, target, count):
    """The hosts that served a fleet, all of which must be served."""
    attempts = run_fleet(lab.namespace("client"), spread(sources, count, target))
    assert not failures(attempts), failures(attempts)[:5]
    return set(served(attempts))


@pytest.mark.skipif(not topology.has_af_xdp(), reason="this kernel has no AF_XDP")
def test_two_hosts_serve_over_af_xdp():
    with Lab(options(tag=f"xdp{os.getpid()}", hosts=2, uplink="af_xdp:up0")) as lab:
        assert _served_by(lab, settings.sources4(100), settings.VIP4, 400) == {"web1", "web2"}
        assert lab.kill(2) == 0
        lab.wait_converged([1])
        assert "covey0" not in lab.exec(2, ["ip", "-br", "link"]).stdout
        assert _served_by(lab, settings.sources6(100), settings.VIP6, 200) == {"web1"}


@pytest.fixture(scope="module", name="virtio")
def _virtio():
    with Lab(options(tag=f"vio{os.getpid()}", uplink=settings.VIRTIO)) as lab:
        yield lab


# The tests of this segment go on where the one before has ended.

def test_hosts_serve_on_a_segment_of_virtio_devices(virtio):
    assert _served_by(virtio, settings.sources4(100), settings.VIP4, 400) == ALL
    assert _served_by(virtio, settings.sources6(100), settings.VIP6, 400) == ALL


def test_long_answers_pass_it_whole(virtio):
    blob = (virtio.state.directory / "blob").read_bytes()
    attempts = run_fleet(virtio.namespace("client"),
                         spread(settings.sources4(4), 4, settings.VIP4, path="/20m"), timeout=60)
    assert not failures(attempts), failures(attempts)[:5]
    assert all(attempt.body == blob for attempt in attempts)


def test_a_host_of_it_is_killed_and_comes_back(virtio):
    virtio.kill(2, signal.SIGKILL)
    virtio.wait_converged([1, 3])
    assert _served_by(virtio, settings.sources4(100), settings.VIP4, 200) == ALL - {"web2"}
    virtio.start(2)
    virtio.wait_converged()
    assert _served_by(virtio, settings.sources4(100), settings.VIP4, 400) == ALL


def test_when_it_ends_its_hosts_see_no_link_and_end_as_usual(virtio):
    status, ports = segment.stop(virtio)
    assert status == 0
    assert {name: port["received"] > 0 and port["sent"] > 0 for name, port in ports.items()} \
        == dict.fromkeys([segment.TAP, *(f"segment-h{host}" for host in virtio.hosts())], True)
    for host in virtio.hosts():
        wait_until(lambda host=host: not virtio.ask(host, "stats")["ports"][PORT]["link_up"], 10,
                   f"host {host} to see that the segment has gone")
        assert virtio.kill(host) == 0
