# SPDX-License-Identifier: BSD-3-Clause
"""A connection that only a kernel's half-open socket believes in is none. In a lab of its own:
kernels repeat for a minute what such a socket says."""

import random

from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.flood import SYN, flood, route_nowhere, segments_from_nowhere

SENDERS = 100


def _count(lab, state):
    return sum(lab.ask(host, "stats")["flows"][state] for host in lab.hosts())


def _await_half_open(lab, count):
    wait_until(lambda: _count(lab, "half_open") == count, 20,
               lambda: f"{count} half-open connections, not {_count(lab, 'half_open')}")


def test_a_syn_that_comes_again_late_with_another_number_makes_no_connection(fresh_lab):
    lab = fresh_lab(rules=[settings.talk_rule()])
    route_nowhere(lab)
    # By then the SYN-ACK is forgotten, but the kernel still remembers the first SYN.
    frames = segments_from_nowhere(lab, random.Random(4), 2 * SENDERS, SYN, settings.TALK_PORT, 2)
    flood(lab, frames[0::2], SENDERS, 1)
    _await_half_open(lab, SENDERS)
    _await_half_open(lab, 0)
    flood(lab, frames[1::2], SENDERS, 1)
    _await_half_open(lab, SENDERS)
    assert _count(lab, "established") == 0
