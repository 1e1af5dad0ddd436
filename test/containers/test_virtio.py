# SPDX-License-Identifier: BSD-3-Clause
"""The profile `virtio` of docker/compose.yaml, running: hosts whose uplinks are virtio devices, on
a segment that is a program. Each test goes on where the one before has ended.
"""

import json
import re

import pytest
from cluster import HOSTS, wait_answered_by, wait_converged, wait_well
from conftest import BUILD, read_yaml
from engine import Engine
from project import started_with

CLIENT = "virtio-client"
SEGMENT = "virtio-segment"
ALL = [f"virtio-{host}" for host in HOSTS]
OTHERS = [ALL[0], ALL[2]]


@pytest.fixture(scope="module", name="engine")
def _engine(images):
    project = started_with(read_yaml("compose.yaml"), CLIENT)
    with Engine(project, images, BUILD / "virtio") as engine:
        engine.up()
        yield engine


def _wait_served_by(engine, hosts):
    wait_converged(engine, hosts)
    wait_answered_by(engine, hosts, CLIENT)


def test_the_hosts_become_a_cluster_and_serve(engine):
    wait_converged(engine, ALL)
    wait_well(engine, ALL)
    assert all(engine.is_healthy(host) for host in ALL)
    wait_answered_by(engine, ALL, CLIENT)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_host_is_reached_by_its_own_address(engine, number):
    address = read_yaml(f"conf/virtio-host{number}.yaml")["host"]["dedicated_ip"].split("/")[0]
    done = engine.execute(CLIENT, "curl", "-s", "--max-time", "10", f"http://{address}/")
    assert done.stdout == f"virtio-host{number}\n"


def test_no_kernel_is_between_them(engine):
    for host in ALL:
        shown = json.loads(engine.execute(host, "ip", "-json", "link").stdout)
        assert [link["ifname"] for link in shown] == ["lo", "covey0"]


@pytest.mark.parametrize("service", [ALL[0], SEGMENT])
def test_it_has_no_more_than_the_file_says(engine, service):
    status = engine.execute(service, "cat", "/proc/1/status").stdout
    assert int(re.search(r"(?m)^CapBnd:\s*(\S+)$", status)[1], 16) == 1 << 12  # CAP_NET_ADMIN
    assert re.search(r"(?m)^Seccomp:\s*2$", status) and re.search(r"(?m)^NoNewPrivs:\s*1$", status)
    assert engine.execute(service, "touch", "/usr/file").returncode != 0


def test_the_log_of_a_host_has_no_errors(engine):
    assert not re.search(r"(?i)\berror\b", engine.containers[ALL[0]].log.read_text())


def test_a_host_is_killed_and_the_others_serve_on(engine):
    assert engine.kill(ALL[1]) == 137
    _wait_served_by(engine, OTHERS)


def test_a_host_that_is_started_again_serves_again(engine):
    # Its web server is in the network of the container that is gone.
    engine.kill("virtio-web2")
    engine.start(ALL[1])
    engine.start("virtio-web2")
    _wait_served_by(engine, ALL)


def test_a_host_that_is_stopped_leaves_in_order(engine):
    assert engine.kill(ALL[1], "TERM") == 0
    _wait_served_by(engine, OTHERS)


def test_the_segment_ends_in_order_and_tells_what_it_did(engine):
    assert engine.kill(SEGMENT, "TERM") == 0
    ports = json.loads(engine.containers[SEGMENT].log.read_text().splitlines()[-1])
    assert list(ports) == ["eth0", *HOSTS]
    assert all(port["received"] > 0 and port["sent"] > 0 for port in ports.values())


# `virtio-host2` has been stopped by a test above.

def test_without_the_segment_a_host_says_what_is_missing(engine):
    refused = engine.start(ALL[1])
    assert refused.child.wait(120) == 1, refused.log.read_text()
    log = refused.log.read_text()
    assert "connect error, No such file or directory" in log
    assert "make device net_virtio_user0 (path=/run/segment/host2," in log
