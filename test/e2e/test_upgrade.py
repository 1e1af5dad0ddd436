# SPDX-License-Identifier: BSD-3-Clause
"""A cluster is upgraded host by host, to a coveyd whose heartbeats say more, and back again."""

import pytest
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.download import Held
from covey_lab.traffic.heartbeats import captured
from covey_lab.traffic.http import Probe, failures, served

SOURCES = settings.sources4(200)


def _said_versions(capture):
    """{host: minor versions of its heartbeats}."""
    said = {}
    for host, minor in capture.rows("covey.status == complete", "covey.host", "covey.minor"):
        said.setdefault(int(host), set()).add(int(minor))
    return said


def _drain(lab, host):
    assert lab.covey(host, "drainstop", "--timeout", "20s", timeout=40).returncode == 0
    wait_until(lambda: lab.query(host)["host"]["state"] == "stopped", 30, "the host to drain")


def _restart_as(lab, host, program, how):
    """As docs/operations.md has it: stop the old coveyd, drained or not, and start the new one."""
    if how == "drained":
        _drain(lab, host)
    assert lab.kill(host) == 0
    lab.options.coveyd = program
    lab.start(host)
    if how == "drained":
        lab.covey(host, "start")
    lab.wait_converged()


@pytest.mark.parametrize("how", ["restarted", "drained"])
def test_a_rolling_upgrade_and_the_way_back_fail_no_request(lab, how):
    # Connections that never end would keep a host from ever being drained.
    held = Held(lab.namespace("client"), settings.sources4(60 if how == "restarted" else 0),
                settings.VIP4)
    probe = Probe(lab.namespace("client"), SOURCES, settings.VIP4, timeout=5.0)
    try:
        with captured(lab) as capture:
            for program in (str(lab.options.tool("coveyd-next")), ""):
                for host in lab.hosts():
                    _restart_as(lab, host, program, how)
            before = len(probe.attempts)
            wait_until(lambda: len(probe.attempts) >= before + 200, 30, "the probe to go on")
    finally:
        lab.options.coveyd = ""
        attempts = probe.stop()
    assert not failures(attempts), failures(attempts)[:5]
    assert set(served(attempts)) == {"web1", "web2", "web3"}
    assert _said_versions(capture) == {host: {3, 4} for host in lab.hosts()}
    assert held.check({"web1", "web2", "web3"}) == []
    held.close()
