# SPDX-License-Identifier: BSD-3-Clause
"""docker/compose.yaml, running: three hosts, their web servers and a client, as containers.

The tests of the life of the project go on where the one before has ended.
"""

import re

import pytest
from cluster import CURL, HOSTS, answers, wait_answered_by, wait_converged, wait_well
from conftest import BUILD, DOCKER, read_yaml
from covey_lab.shell import run
from engine import Engine
from project import started_by_default


@pytest.fixture(scope="module", name="engine")
def _engine(images):
    project = started_by_default(read_yaml("compose.yaml"))
    with Engine(project, images, BUILD / "compose") as engine:
        engine.up()
        yield engine


def test_the_hosts_become_a_cluster(engine):
    wait_converged(engine, HOSTS)
    wait_well(engine)
    assert all(engine.is_healthy(host) for host in HOSTS)


def test_a_client_reaches_all_of_them_by_one_address(engine):
    wait_answered_by(engine, HOSTS)


def test_the_machine_of_the_engine_reaches_them_too(engine):
    done = run("ip", "netns", "exec", engine.namespace("hub"), *CURL, check=False, timeout=120)
    assert answers(done) == set(HOSTS)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_reached_by_the_address_the_engine_gave_it(engine, host):
    address = engine.services[host]["networks"]["segment"]["ipv4_address"]
    done = engine.execute("client", "curl", "-s", "--max-time", "10", f"http://{address}/")
    assert done.stdout == f"{host}\n"


def test_it_has_no_more_than_the_file_says(engine):
    status = engine.execute("host1", "cat", "/proc/1/status").stdout
    bounding = int(re.search(r"(?m)^CapBnd:\s*(\S+)$", status)[1], 16)
    assert bounding == 1 << 12 | 1 << 13  # CAP_NET_ADMIN and CAP_NET_RAW
    assert re.search(r"(?m)^Seccomp:\s*2$", status) and re.search(r"(?m)^NoNewPrivs:\s*1$", status)
    assert engine.execute("host1", "touch", "/usr/file").returncode != 0
    assert engine.execute("host1", "sysctl", "-w", "net.ipv4.ip_forward=1").returncode != 0


def test_the_log_of_a_host_has_no_errors(engine):
    assert not re.search(r"(?i)\berror\b", engine.containers["host1"].log.read_text())


def test_when_a_web_server_ends_its_host_takes_no_new_connections(engine):
    engine.kill("web3")
    wait_answered_by(engine, ("host1", "host2"))


def test_when_it_is_back_its_host_is_too(engine):
    engine.start("web3")
    wait_answered_by(engine, HOSTS)


def test_a_container_is_killed_and_the_others_serve_on(engine):
    assert engine.kill("host2") == 137
    wait_converged(engine, ("host1", "host3"))
    wait_answered_by(engine, ("host1", "host3"))


def test_a_container_that_is_started_again_serves_again(engine):
    # Its web server is in the network of the container that is gone.
    engine.kill("web2")
    engine.start("host2")
    engine.start("web2")
    wait_converged(engine, HOSTS)
    wait_answered_by(engine, HOSTS)


def test_a_container_that_is_stopped_leaves_in_order(engine):
    assert engine.kill("host1", "TERM") == 0
    wait_converged(engine, ("host2", "host3"))
    wait_answered_by(engine, ("host2", "host3"))


# What a host is given in compose.yaml is what it needs: without any of it, it says so and ends.
# `host1` has been stopped by the test above.

COVEYD = ["coveyd", "--test-memory"]


def _without_capability(name):
    def change(configuration):
        for held in configuration["process"]["capabilities"].values():
            if name in held:
                held.remove(name)
    return change


def _without_sysctl(name):
    return lambda configuration: configuration["linux"]["sysctl"].pop(name)


def _without_device(configuration):
    configuration["linux"]["devices"].clear()


@pytest.mark.parametrize("change, said", [
    (_without_capability("CAP_NET_ADMIN"), 'take interface "eth0" from the kernel'),
    (_without_capability("CAP_NET_RAW"), "open (packet socket): Operation not permitted"),
    (_without_device, "open /dev/net/tun"),
    (_without_sysctl("net.ipv4.conf.default.rp_filter"), "covey0/rp_filter: Read-only"),
    (_without_sysctl("net.ipv4.conf.default.arp_ignore"), "covey0/arp_ignore: Read-only"),
    (_without_sysctl("net.ipv6.conf.all.disable_ipv6"), "covey0/disable_ipv6: Read-only"),
], ids=["NET_ADMIN", "NET_RAW", "tun", "rp_filter", "arp_ignore", "disable_ipv6"])
def test_without_what_it_needs_it_says_what_is_missing(engine, change, said):
    def less(configuration):
        change(configuration)
        configuration["process"]["args"] = COVEYD

    refused = engine.start("host1", less)
    assert refused.child.wait(120) == 1, refused.log.read_text()
    assert said in refused.log.read_text()


def test_with_an_ipv6_address_it_needs_the_settings_of_the_readme(engine, tmp_path):
    told = (DOCKER / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"(?s)for `net\.ipv6\.conf\.default`:(.*?)\.\n", told)
    settings = dict(re.findall(r"`(\w+)=(\d)`", line))
    written = tmp_path / "host1.yaml"
    text = (DOCKER / "conf" / "host1.yaml").read_text(encoding="utf-8")
    written.write_text(text.replace("0.50/24]", '0.50/24, "2001:db8:77::50/64"]'), encoding="utf-8")

    def with_ipv6(configuration):
        sysctl = configuration["linux"]["sysctl"]
        del sysctl["net.ipv6.conf.all.disable_ipv6"]
        sysctl.update({f"net.ipv6.conf.default.{name}": value for name, value in settings.items()})
        configuration["process"]["args"] = COVEYD
        (mount,) = (mount for mount in configuration["mounts"]
                    if mount["destination"] == "/etc/covey/coveyd.yaml")
        mount["source"] = str(written)

    engine.start("host1", with_ipv6)
    engine.wait(lambda: "2001:db8:77::50/64" in engine.execute(
        "host1", "ip", "-6", "address", "show", "dev", "covey0").stdout, "covey0 to have it")
    assert len(settings) == 5
