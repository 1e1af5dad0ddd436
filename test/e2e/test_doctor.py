# SPDX-License-Identifier: BSD-3-Clause
"""covey doctor: nothing on a healthy cluster, and each trap alone when it is set."""

import contextlib
import json
import signal

import pytest
from covey_lab import config, settings, topology
from covey_lab.shell import wait_until


def _diagnose(lab, host, *args):
    """What doctor says inside of a host."""
    program = str(lab.options.program("covey"))
    socket = str(lab.state.directory / f"h{host}.sock")
    done = lab.exec(host, [program, "-s", socket, "--json", "doctor", *args], check=False)
    assert done.returncode in (0, 1), done.stderr
    diagnosis = json.loads(done.stdout)
    assert done.returncode == (1 if diagnosis["faults"] else 0)
    return diagnosis


def _faults(lab, host, *args):
    # A machine that is busy otherwise may be late: that is no trap of ours, and has a test below.
    return {(row["id"], row["where"]) for row in _diagnose(lab, host, *args)["findings"]
            if row["severity"] == "fault" and row["id"] != "control_late"}


def _wait_for_faults(lab, host, wanted):
    """Until exactly these are found; a host needs a moment to notice."""
    last = [None]

    def found():
        last[0] = _faults(lab, host, "--time", "500ms")
        return last[0] == wanted

    wait_until(found, 30, lambda: f"doctor to find {wanted}, it finds {last[0]}")


@contextlib.contextmanager
def _changed(lab, role, do, undo):
    """One command and its opposite, in a namespace."""
    lab.exec(role, do.split())
    try:
        yield
    finally:
        lab.exec(role, undo.split())


def test_a_healthy_cluster_has_no_fault(default_lab):
    lab = default_lab
    for host in lab.hosts():
        _wait_for_faults(lab, host, set())
    words = lab.exec(1, [str(lab.options.program("covey")), "-s",
                         str(lab.state.directory / "h1.sock"), "doctor"], check=False).stdout
    assert " fault" in words.splitlines()[-1]
    assert max(map(len, words.splitlines())) <= 80


VIP = settings.VIP4
# What is done on host 1 and how it is undone, and what is found, where.
TRAPS = [
    (f"ip addr add {VIP}/32 dev lo", f"ip addr del {VIP}/32 dev lo", "vip_elsewhere", "lo"),
    (f"ip addr add {VIP}/32 dev up0", f"ip addr del {VIP}/32 dev up0", "vip_elsewhere", "up0"),
    (f"ip addr del {VIP}/24 dev covey0", f"ip addr add {VIP}/24 dev covey0", "vip_missing",
     "covey0"),
    ("ip addr add 10.99.0.1/24 dev up0", "ip addr del 10.99.0.1/24 dev up0", "address_on_uplink",
     "up0"),
    ("sysctl -w net.ipv4.conf.covey0.rp_filter=1", "sysctl -w net.ipv4.conf.covey0.rp_filter=2",
     "rp_filter_strict", "covey0"),
    ("sysctl -w net.ipv4.conf.up0.arp_ignore=0", "sysctl -w net.ipv4.conf.up0.arp_ignore=8",
     "kernel_answers_arp", "up0"),
    ("sysctl -w net.ipv6.conf.up0.disable_ipv6=0", "sysctl -w net.ipv6.conf.up0.disable_ipv6=1",
     "kernel_speaks_ipv6", "up0"),
    ("ip link set up0 mtu 1400", "ip link set up0 mtu 1500", "mtu_too_small", "up0"),
    ("ip link set covey0 mtu 1400", "ip link set covey0 mtu 1500", "mtu_too_small", "covey0"),
]


@pytest.mark.parametrize("do, undo, found, where", TRAPS, ids=[f"{it[2]}-{it[3]}" for it in TRAPS])
def test_what_is_set_on_an_interface_is_found_alone(default_lab, do, undo, found, where):
    lab = default_lab
    with _changed(lab, 1, do, undo):
        _wait_for_faults(lab, 1, {(found, where)})
    if found == "vip_missing":
        topology.add_host_routes(lab.options, 1)
    _wait_for_faults(lab, 1, set())


def test_a_local_interface_that_is_down_is_found_alone(default_lab):
    lab = default_lab
    with _changed(lab, 1, "ip link set covey0 down", "ip link set covey0 up"):
        _wait_for_faults(lab, 1, {("local_down", "covey0")})
    lab.exec(1, ["ip", "addr", "replace", f"{settings.VIP6}/64", "dev", "covey0", "nodad"])
    topology.add_host_routes(lab.options, 1)
    _wait_for_faults(lab, 1, set())


def test_a_firewall_that_drops_is_found_alone(default_lab):
    lab = default_lab
    chain = "add chain inet filter input { type filter hook input priority 0; policy drop; }"
    lab.exec(1, ["nft", "add", "table", "inet", "filter"])
    try:
        lab.exec(1, ["nft", chain])
        _wait_for_faults(lab, 1, {("firewall_drops", "nftables table inet filter")})
    finally:
        lab.exec(1, ["nft", "delete", "table", "inet", "filter"])
    _wait_for_faults(lab, 1, set())


def test_a_key_file_that_others_may_read_is_found_alone(default_lab):
    lab = default_lab
    key = lab.state.directory / "h1.key"
    key.chmod(0o644)
    try:
        _wait_for_faults(lab, 1, {("key_file_open", str(key))})
    finally:
        key.chmod(0o600)
    _wait_for_faults(lab, 1, set())


def test_services_that_do_not_listen_are_found_alone(default_lab):
    lab = default_lab
    lab.stop_process("nginx-1")
    try:
        _wait_for_faults(lab, 1, {("nobody_listens", rule)
                                  for rule in ("web", "sticky", "network", "db")})
    finally:
        lab.spawn("nginx-1", lab.namespace(1),
                  ["nginx", "-p", str(lab.state.directory),
                   "-e", str(lab.state.directory / "nginx-1.log"),
                   "-c", str(lab.state.directory / "nginx-1.conf")])
    _wait_for_faults(lab, 1, set())


def test_a_host_that_fell_silent_is_found_by_the_others(default_lab):
    lab = default_lab
    lab.kill(3, signal.SIGKILL)
    lab.wait_converged([1, 2])
    _wait_for_faults(lab, 1, {("host_silent", "host 3 (web3)")})
    lab.start(3)
    lab.wait_converged()
    _wait_for_faults(lab, 1, set())


def _start_differently(lab, host, change):
    """Start a daemon whose configuration or key is not that of the others."""
    lab.kill(host)
    path = lab.configure(host)
    change(path)
    lab.spawn(f"coveyd-{host}", lab.namespace(host),
              [str(lab.options.program("coveyd")), "-f", str(path)], log=f"h{host}.log")


def test_a_host_with_another_configuration_is_found_with_the_difference(default_lab):
    lab = default_lab
    def change(path):
        path.write_text(path.read_text().replace("affinity: single", "affinity: none"))

    _start_differently(lab, 3, change)
    _wait_for_faults(lab, 1, {("host_refused", "host 3 (web3)")})
    refused = [row for row in _diagnose(lab, 1)["findings"] if row["id"] == "host_refused"]
    assert "affinity" in refused[0]["what"], refused
    lab.kill(3)
    lab.start(3)
    lab.wait_converged()
    _wait_for_faults(lab, 1, set())


def test_a_host_with_another_key_is_found(default_lab):
    lab = default_lab
    key = lab.state.directory / "h3.key"
    right = key.read_text()
    _start_differently(lab, 3, lambda _: key.write_text("ab" * 32 + "\n"))
    try:
        # Which of the two it is depends on what another key derives.
        def found():
            faults = _faults(lab, 1, "--time", "1s")
            return {name for name, _ in faults} == {"heartbeats_refused"}

        wait_until(found, 30, "doctor to find the heartbeats of another key")
    finally:
        lab.kill(3)
        key.write_text(right)
        lab.start(3)
    lab.wait_converged()
    _wait_for_faults(lab, 1, set())


def test_an_uplink_without_carrier_is_found_and_not_what_follows_from_it(default_lab):
    lab = default_lab
    port = topology.port(1)
    with _changed(lab, "hub", f"ip link set {port} down", f"ip link set {port} up"):
        _wait_for_faults(lab, 1, {("uplink_no_carrier", "up0")})
    lab.wait_converged()
    _wait_for_faults(lab, 1, set())


def test_a_daemon_that_was_paused_is_found_late(default_lab):
    lab = default_lab
    lab.pause(1)
    lab.wait_converged([2, 3])
    lab.resume(1)
    lab.wait_converged()
    late = [row for row in _diagnose(lab, 1)["findings"] if row["id"] == "control_late"]
    assert late[0]["severity"] == "fault"
    _wait_for_faults(lab, 1, set())


def test_without_a_daemon_the_machine_is_judged_by_the_file(default_lab):
    lab = default_lab
    socket = str(lab.state.directory / "h3.sock")
    conf = str(lab.state.directory / "h3.yaml")
    lab.kill(3)
    try:
        assert _faults(lab, 3) == {("daemon_unreachable", socket)}
        assert _diagnose(lab, 3)["configuration"] == "none"
        assert _faults(lab, 3, "-f", conf) == {("daemon_unreachable", socket)}
        assert _diagnose(lab, 3, "-f", conf)["configuration"] == "file"
        table = "nftables table netdev covey_up0"
        with _changed(lab, 3, "nft add table netdev covey_up0",
                      "nft delete table netdev covey_up0"):
            assert _faults(lab, 3, "-f", conf) == {("daemon_unreachable", socket),
                                                   ("stale_claim", table)}
        bad = lab.state.directory / "bad.yaml"
        bad.write_text(config.render(lab.options, 3).replace("mtu: 1500", "mtu: many"))
        assert _faults(lab, 3, "-f", str(bad)) == {("daemon_unreachable", socket),
                                                   ("configuration_invalid", str(bad))}
    finally:
        lab.start(3)
    lab.wait_converged()
    # Another socket than that of the daemon that has the uplink.
    program = str(lab.options.program("covey"))
    done = lab.exec(3, [program, "-s", "/run/no-such.sock", "--json", "doctor", "-f", conf],
                    check=False)
    assert {row["id"] for row in json.loads(done.stdout)["findings"]
            if row["severity"] == "fault"} == {"daemon_unreachable", "uplink_in_use"}
