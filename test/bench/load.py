# SPDX-License-Identifier: BSD-3-Clause
"""Load on the virtual IP of a lab, for the benchmarks that have one."""

import re

from covey_lab import settings
from covey_lab.shell import wait_until

VIP = settings.VIP4
MILLISECONDS = {"us": 1e-3, "ms": 1, "s": 1e3}


def wrk(lab, seconds, *options):
    """What wrk prints of 32 connections; keep-alive, as fast as it goes unless told otherwise."""
    return lab.exec("client", ["wrk", "-t1", "-c32", f"-d{seconds}s", *options,
                               f"http://{VIP}/"], timeout=60).stdout


def requests_of(printed):
    """Thousands a second."""
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1]) / 1000


def latency_of(printed, per_cent):
    """Milliseconds."""
    found = re.search(rf"^\s+{per_cent}%\s+([\d.]+)(us|ms|s)$", printed, re.M)
    return float(found[1]) * MILLISECONDS[found[2]]


def wait_for_answers(lab):
    """Of the virtual IP, whoever had it before."""
    lab.exec("client", ["ip", "neigh", "flush", "all"])
    wait_until(lambda: lab.exec("client", ["curl", "-sf", "-m1", f"http://{VIP}/"],
                                check=False).returncode == 0, 20, "an answer")
