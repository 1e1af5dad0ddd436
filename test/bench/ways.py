# SPDX-License-Identifier: BSD-3-Clause
"""The ways from the lab's client to the services behind its one host.

Each way is a context manager that gives the processes which move frames. Inside, the virtual IP
answers through it; afterwards the host is as it was before, ready for the next way.
"""

import contextlib
import dataclasses
import subprocess
import time

from covey_lab import topology
from covey_lab.shell import wait_until
from covey_lab.state import Process
from load import VIP, wait_for_answers

HOST = 1
TESTPMD_MAC = "02:00:00:00:7a:01"


@contextlib.contextmanager
def covey(lab, **changes):
    """coveyd, with `changes` to the options of the lab."""
    before = lab.options
    lab.options = dataclasses.replace(before, **changes)
    topology.set_offloads(lab.options, "off" if lab.options.has_wires() else "on")
    lab.start(HOST)
    lab.wait_converged()
    wait_for_answers(lab)
    yield lab.coveyd(HOST).family()
    lab.kill(HOST)
    lab.options = before


@contextlib.contextmanager
def bridge(lab, offloads="off"):
    """The kernel of the host alone; `offloads` of all ports are "on" or "off"."""
    topology.set_offloads(lab.options, offloads)
    lab.exec(HOST, ["ip", "address", "add", f"{VIP}/24", "dev", "up0"])
    wait_for_answers(lab)
    yield []
    lab.exec(HOST, ["ip", "address", "del", f"{VIP}/24", "dev", "up0"])


@contextlib.contextmanager
def net_tap(lab):
    """dpdk-testpmd; what coveyd does for the interfaces is done by hand."""
    topology.set_offloads(lab.options, "off")
    lab.exec(HOST, ["nft", "add table netdev bench; add chain netdev bench in "
                    "{ type filter hook ingress device up0 priority 0; policy drop; }"])
    process = subprocess.Popen(
        ["ip", "netns", "exec", lab.namespace(HOST), "dpdk-testpmd", "-l", "0,1", "--no-huge",
         "-m", "256", "--no-pci", "--no-shconf", "--file-prefix=covey-bench-local",
         "--vdev=net_af_packet0,iface=up0,blocksz=65536,framesz=2048,framecnt=2048",
         f"--vdev=net_tap0,iface=covey0,mac={TESTPMD_MAC}", "--", "--forward-mode=io",
         "--burst=64", "--total-num-mbufs=16384", "--stats-period=10"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: lab.exec(HOST, ["ip", "link", "show", "covey0"],
                                    check=False).returncode == 0, 20, "net_tap")
        time.sleep(1)  # it sets its interface up in several steps
        lab.exec(HOST, ["ip", "link", "set", "covey0", "up"])
        lab.exec(HOST, ["ip", "address", "add", f"{VIP}/24", "dev", "covey0"])
        wait_for_answers(lab)
        yield Process.of(process.pid).family()
    finally:
        process.terminate()
        process.wait(timeout=20)
        lab.exec(HOST, ["nft", "delete table netdev bench"])
