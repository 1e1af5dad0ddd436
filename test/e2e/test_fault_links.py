# SPDX-License-Identifier: BSD-3-Clause
"""Cables that work badly, or in one direction only: members never share a bucket."""

import random

import pytest
from covey_lab.shell import wait_until
from covey_lab.traffic.strict import StrictClient
from strict import agreement, assert_one_host_each, last_event, names_since, owners


def test_frames_that_are_lost_repeated_and_reordered_change_no_membership(default_lab, long):
    lab = default_lab
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    before = agreement(lab)
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    for host in lab.hosts():
        lab.spoil_wire(host, loss=5, duplicate=5, reorder=5, seed=seed + host)
    client = StrictClient(lab, rate=100, pairs=400, timeout=8.0, reset=False)
    client.more(100 * (300 if long else 10), timeout=600)
    record = client.stop()
    counts = [lab.mend_wire(host) for host in lab.hosts()]
    assert all(count["lost"] > 100 and count["duplicated"] > 100 and count["held"] > 100
               for count in counts), counts
    assert not record.answered_by_two(), list(record.answered_by_two().items())[:5]
    assert not record.strangers(), record.strangers()[:5]
    assert agreement(lab) == before
    assert names_since(lab, marks) == {host: [] for host in lab.hosts()}


CUTS = {
    "one to another": [(3, 1)],
    "one to all others": [(3, 1), (3, 2)],
    "two ways in a circle": [(1, 2), (2, 3)],
}


@pytest.mark.parametrize("rules", CUTS.values(), ids=CUTS)
def test_a_cut_in_one_direction_leaves_one_owner_for_each_bucket(default_lab, rules):
    lab = default_lab
    client = StrictClient(lab, rate=200, pairs=400, timeout=3.0, reset=False)
    client.more(200)
    lab.block([(source, target, "ether type 0x88b5") for source, target in rules])
    members = wait_until(lambda: _settled(lab), 20, lambda: f"members to settle: {_views(lab)}")
    client.more(400)
    lab.block([])
    lab.wait_converged()
    client.more(200)
    record = client.stop()
    assert_one_host_each(record)
    assert 0 < len(members) < 3, members
    assert owners(lab, lab.hosts()) == {1, 2, 3}


def _views(lab):
    return {host: lab.query(host) for host in lab.hosts()}


def _settled(lab):
    """The members, once they agree, own every bucket, and the others own none; else None."""
    views = _views(lab)
    members = {host for host, view in views.items() if view["converged"]}
    seen = [{one["id"] for one in views[host]["members"] if one["in_view"]} for host in members]
    if not members or any(one != members for one in seen) or len(members) == 3:
        return None
    if owners(lab, sorted(members)) != members:
        return None
    outside = [lab.ask(host, "queryport", "80")["buckets"]["owned"]
               for host in lab.hosts() if host not in members]
    return members if not any(outside) else None
