# SPDX-License-Identifier: BSD-3-Clause
"""Another way to the hosts' network stacks than the TAP: vhost-net, where the kernel has it."""

import os
import signal

import pytest
from conftest import options
from covey_lab import config, settings
from covey_lab.lab import Lab
from covey_lab.traffic.download import Held
from covey_lab.traffic.http import failures, run_fleet, served, spread

_VHOST_NET = "/dev/vhost-net"
_HAS_VHOST_NET = os.path.exists(_VHOST_NET)


@pytest.mark.skipif(_HAS_VHOST_NET, reason=f"this machine has {_VHOST_NET}")
def test_without_vhost_net_coveyd_says_what_to_do_and_leaves_nothing_behind(lab):
    assert lab.kill(2, signal.SIGTERM) == 0
    before = lab.exec(2, ["nft", "list", "ruleset"]).stdout
    path = lab.state.directory / "vhost.yaml"
    path.write_text(config.render(options(local="virtio_user"), 2), encoding="utf-8")
    refused = lab.exec(2, [str(options().program("coveyd")), "-f", str(path)], check=False)
    assert refused.returncode == 1, refused
    said = refused.stderr + refused.stdout
    for words in ("ports.local.kind virtio_user", _VHOST_NET, "modprobe vhost_net", "kind: tap"):
        assert words in said, said
    assert lab.exec(2, ["nft", "list", "ruleset"]).stdout == before
    assert "covey0" not in lab.exec(2, ["ip", "-br", "link"]).stdout


@pytest.mark.skipif(not _HAS_VHOST_NET, reason=f"needs {_VHOST_NET} (modprobe vhost_net)")
@pytest.mark.parametrize("offload", [True, False])
def test_two_hosts_serve_behind_vhost_net(offload):
    with Lab(options(tag=f"vhost{os.getpid()}", hosts=2, local="virtio_user",
                     offload=offload)) as lab:
        for addresses, vip in ((settings.sources4(100), settings.VIP4),
                               (settings.sources6(100), settings.VIP6)):
            attempts = run_fleet(lab.namespace("client"), spread(addresses, 400, vip))
            assert not failures(attempts), failures(attempts)[:5]
            assert set(served(attempts)) == {"web1", "web2"}
        held = Held(lab.namespace("client"), settings.sources4(40), settings.VIP4)
        assert held.check({"web1", "web2"}) == []
        held.close()
        assert lab.kill(2) == 0
        lab.wait_converged([1])
        assert "covey0" not in lab.exec(2, ["ip", "-br", "link"]).stdout
