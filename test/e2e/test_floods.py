# SPDX-License-Identifier: BSD-3-Clause
"""Floods against the virtual IP from senders that do not exist: who is connected stays connected,
and no host remembers a connection that is none."""

import random

import pytest
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.flood import ACK, SYN, flood, route_nowhere, segments_from_nowhere
from covey_lab.traffic.talk import Talkers

RATE = 40_000
TALKERS = 200
MOST_HALF_OPEN = 65_536
RULES = [*settings.default_rules(), settings.talk_rule()]


@pytest.fixture(name="lab", scope="module")
def _lab():
    with lab_of_its_own(rules=RULES) as lab:
        route_nowhere(lab)
        yield lab


def _flows(lab):
    return {host: lab.ask(host, "stats")["flows"] for host in lab.hosts()}


def _arrived(lab):
    """Frames that the hosts have seen, most of them from the segment."""
    return sum(counts["frames"] for host in lab.hosts()
               for counts in lab.ask(host, "stats")["verdicts"].values())


def _total(flows, name):
    return sum(one[name] for one in flows.values())


@pytest.mark.parametrize("flags,times", [(ACK, 1), (SYN, 1), (SYN, 2)],
                         ids=["ACK", "SYN", "two different SYNs"])
def test_200_connections_outlive_a_flood_and_no_host_remembers_it(lab, flags, times, long):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    frames = segments_from_nowhere(lab, random.Random(seed), 100_000, flags, settings.TALK_PORT,
                                   times)
    talkers = Talkers(lab, TALKERS)
    wait_until(lambda: _total(_flows(lab), "established") == TALKERS, 10,
               lambda: f"{TALKERS} connections to be known: {_flows(lab)}")
    before, arrived = _flows(lab), _arrived(lab)
    answers = talkers.record().status.answers
    sent = flood(lab, frames, RATE, 60 if long else 5)
    during, arrived = _flows(lab), _arrived(lab) - arrived
    answers = talkers.record().status.answers - answers
    talkers.more(2)
    record = talkers.stop()
    print(f"{sent['sent']} frames at {sent['rate']:.0f}/s, half open "
          f"{[one['half_open'] for one in during.values()]}, {answers} answers meanwhile, the "
          f"longest after {record.worst():.2f} s")
    assert not record.failures(), record.failures()[:5]
    assert len(record.ends) == TALKERS
    assert answers > 0
    assert arrived > sent["sent"]  # at three hosts each, but for what a busy machine loses
    for host, flows in during.items():
        assert flows["established"] == before[host]["established"]
        assert flows["half_open"] <= MOST_HALF_OPEN
        if flags == ACK:
            assert flows["created"] == before[host]["created"]
