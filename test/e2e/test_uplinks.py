# SPDX-License-Identifier: BSD-3-Clause
"""Other ways to the segment than af_packet: the same cluster, briefly."""

import os

import pytest
from conftest import options
from covey_lab import settings, topology
from covey_lab.lab import Lab
from covey_lab.traffic.http import failures, run_fleet, served, spread


@pytest.mark.skipif(not topology.has_af_xdp(), reason="this kernel has no AF_XDP")
def test_two_hosts_serve_over_af_xdp():
    with Lab(options(tag=f"xdp{os.getpid()}", hosts=2, uplink="af_xdp:up0")) as lab:
        attempts = run_fleet(lab.namespace("client"),
                             spread(settings.sources4(100), 400, settings.VIP4))
        assert not failures(attempts), failures(attempts)[:5]
        assert set(served(attempts)) == {"web1", "web2"}
        assert lab.kill(2) == 0
        lab.wait_converged([1])
        assert "covey0" not in lab.exec(2, ["ip", "-br", "link"]).stdout
        attempts = run_fleet(lab.namespace("client"),
                             spread(settings.sources6(100), 200, settings.VIP6))
        assert not failures(attempts), failures(attempts)[:5]
