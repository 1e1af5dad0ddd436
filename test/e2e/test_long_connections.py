# SPDX-License-Identifier: BSD-3-Clause
"""Long connections that check every byte, while the cluster changes under them and hosts die."""

import collections
import random
import signal
import time

import pytest
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.frames import Sniffer, source_is
from covey_lab.traffic.talk import Talkers

HOSTS = 4
LONGEST_STALL = 3.0  # seconds
LONGEST_END = 2.0
TALK = settings.talk_rule()
STICKY = settings.talk_rule(affinity="single")


@pytest.fixture(name="lab")
def _lab():
    with lab_of_its_own(hosts=HOSTS, weights=[], rules=[TALK]) as lab:
        yield lab


def _restart(lab, host):
    lab.kill(host, signal.SIGTERM)
    lab.start(host)
    lab.wait_converged()


class Changes:
    """Changes that leave every host alive, drawn by chance, each kind about equally often."""

    def __init__(self, lab, talkers, chance):
        self._lab = lab
        self._talkers = talkers
        self._chance = chance
        self._drained = set()
        self.done = collections.Counter()

    def one(self):
        """Make one change and wait until the cluster has agreed on it; what it was."""
        possible = ["weight", "rule drain", "rule", "restart"]
        possible += ["drain"] if len(self._drained) < HOSTS - 2 else []
        possible += ["join"] if self._drained else []
        fewest = min(self.done[kind] for kind in possible)
        kind = self._chance.choice([one for one in possible if self.done[one] == fewest])
        self.done[kind] += 1
        said = getattr(self, "_" + kind.replace(" ", "_"))()
        self._lab.wait_converged()
        return f"{kind}: {said}"

    def _active(self):
        return self._chance.choice([host for host in self._lab.hosts()
                                    if host not in self._drained])

    def _weight(self):
        host, weight = self._active(), self._chance.randrange(1, 101)
        self._lab.covey(host, "weight", "talk", str(weight), check=True)
        return f"{weight} for host {host}"

    def _rule_drain(self):
        host = self._active()
        self._lab.covey(host, "weight", "talk", "0", check=True)
        return f"host {host}"

    def _rule(self):
        return self._follow(STICKY if self._lab.options.rules == [TALK] else TALK)

    def _follow(self, rule):
        self._lab.options.rules = [rule]
        for host in self._lab.hosts():
            self._lab.configure(host)
            self._lab.covey(host, "reload", check=True)
        for host in self._lab.hosts():
            wait_until(lambda host=host: self._affinity(host) == rule.affinity, 15,
                       f"host {host} to follow affinity {rule.affinity}")
        return f"affinity {rule.affinity}"

    def _affinity(self, host):
        return next(one["affinity"] for one in self._lab.ask(host, "params")
                    if one["rule"] == "talk")

    def _drain(self):
        host = self._active()
        self._lab.covey(host, "drainstop", check=True)
        self._drained.add(host)
        return f"host {host}"

    def _join(self):
        host = self._chance.choice(sorted(self._drained))
        self._lab.covey(host, "start", check=True)
        self._drained.remove(host)
        return f"host {host}"

    def _restart(self):
        host = self._active()
        _restart(self._lab, host)
        return f"host {host}"


def _assert_held(record, count):
    assert not record.failures(), record.failures()[:5]
    assert len(record.ends) == count
    assert record.missed == 0, "the client did not see all frames"
    assert not record.strangers, record.strangers[:5]
    assert not record.answered_by_two(), record.answered_by_two()[:5]


def test_long_connections_outlive_every_change_that_leaves_their_host_alive(lab, long):
    count, changes = (1000, 50) if long else (200, 8)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    talkers = Talkers(lab, count)
    change = Changes(lab, talkers, random.Random(seed))
    for _ in range(changes):
        print(change.one())
        talkers.more(1)
    record = talkers.stop()
    print(f"{sum(one.answers for one in record.ends)} answers on {count} connections, "
          f"{dict(record.served())}, the longest after {record.worst():.2f} s")
    _assert_held(record, count)
    assert set(record.served()) == {settings.host_name(host) for host in lab.hosts()}
    assert record.worst() < LONGEST_STALL


def test_connections_that_talk_outlive_the_restart_of_every_daemon(lab):
    talkers = Talkers(lab, 200)
    for host in lab.hosts():
        _restart(lab, host)
        talkers.more(1)
    record = talkers.stop()
    print(f"the longest answer after {record.worst():.2f} s")
    _assert_held(record, 200)
    assert record.worst() < LONGEST_STALL


def test_when_a_host_dies_its_connections_end_at_once_and_no_others(lab, long):
    count, deaths = (1000, 10) if long else (200, 2)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(deaths):
        _one_death(lab, chance.choice(lab.hosts()), count)


def _one_death(lab, dead, count):
    others = [host for host in lab.hosts() if host != dead]
    talkers = Talkers(lab, count)
    held = {source for source, host in talkers.record().first_hosts.items()
            if host == settings.host_name(dead)}
    died = time.monotonic()
    lab.power_off(dead)
    voice = Sniffer(lab.namespace("hub"), source_is(settings.masked_mac(dead)))
    lab.wait_converged(others)
    wait_until(lambda: len(talkers.record().ends) >= len(held), 30,
               lambda: f"{len(held)} connections to end: {len(talkers.record().ends)}")
    talkers.more(2)
    assert voice.stop() == 0, "a dead host has spoken"
    record = talkers.stop()
    ended = record.failures()
    latest = max(one.ended - max(died, one.waits_since or died) for one in ended)
    print(f"host {dead} died with {len(held)} connections, the last one was reset "
          f"{latest:.2f} s after its client had last spoken")
    assert {one.source for one in ended} == held
    assert {one.end for one in ended} == {"reset"}, collections.Counter(one.end for one in ended)
    assert {one.source for one in record.strangers} <= held
    assert all(one.is_reset for one in record.strangers)
    assert record.missed == 0
    assert latest <= LONGEST_END
    lab.power_on(dead)
    lab.wait_converged()
