# SPDX-License-Identifier: BSD-3-Clause
"""A segment of virtio devices: lab-segment in the hub, a socket for each host, and a TAP that is
plugged into the bridge, where the client is. No cable leads to a host, so none can be pulled.
"""

import json

from . import topology
from .shell import wait_until

TAP = "segment"
_ROLE = "segment"


def _log(lab):
    return lab.state.directory / f"{_ROLE}.log"


def start(lab):
    """Start it and wait until hosts can connect."""
    sockets = [str(lab.options.segment_socket(host)) for host in lab.hosts()]
    lab.spawn(_ROLE, lab.namespace("hub"),
              [str(lab.options.tool("lab-segment")), "--tap", TAP, *sockets])
    wait_until(lambda: "ready" in _log(lab).read_text(encoding="utf-8"), 10,
               "lab-segment to be ready")
    topology.attach_device(lab.options, TAP)


def stop(lab):
    """End it; (its exit status, what each port did by name)."""
    status = lab.stop_process(_ROLE)
    return status, json.loads(_log(lab).read_text(encoding="utf-8").splitlines()[-1])
