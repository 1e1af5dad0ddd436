# SPDX-License-Identifier: BSD-3-Clause
"""Somebody on the segment floods it with heartbeats: recorded, cut off, damaged, sealed with
another key. Nothing changes but counters, and no heartbeat of a member is missed."""

import hashlib
import random
import struct

from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.flood import flood
from covey_lab.traffic.frames import Sniffer, ethertype_is
from covey_lab.traffic.strict import StrictClient
from strict import agreement, assert_one_host_each, last_event, names_since

FORGER = bytes.fromhex("0200000000ee")
RATE = 50_000
HEADER, TAG = 32, 16


def _recorded(lab, count=30):
    sniffer = Sniffer(lab.namespace("hub"), ethertype_is(settings.HEARTBEAT_ETHERTYPE))
    wait_until(lambda: len(sniffer.frames) >= count, 20, "heartbeats on the segment")
    sniffer.stop()
    # From an address of the forger's own: with a member's the bridge would learn him in its place.
    return [frame[:6] + FORGER + frame[12:] for frame in sniffer.frames[:count]]


def _with_another_key(frame):
    """The same words as if said anew, under a tag that another key makes."""
    payload = frame[14:]
    length = struct.unpack("!H", payload[30:32])[0]
    sequence = struct.unpack("!I", payload[24:28])[0] + 1_000_000
    sealed = payload[:24] + struct.pack("!I", sequence) + payload[28:HEADER + length]
    tag = hashlib.blake2b(sealed, digest_size=TAG, key=b"the key of somebody else").digest()
    return frame[:14] + sealed + tag


def _damaged(frame, chance):
    body = bytearray(frame)
    body[14 + chance.randrange(len(body) - 14)] ^= 1 << chance.randrange(8)
    return bytes(body)


def _hostile(lab, chance):
    frames = []
    for frame in _recorded(lab):
        frames += [frame, frame[:14 + chance.randrange(1, len(frame) - 14)],
                   _damaged(frame, chance), _with_another_key(frame)]
    chance.shuffle(frames)
    return frames


def _refused(lab, host):
    return lab.ask(host, "stats")["heartbeats"]["refused"]


def test_a_flood_of_hostile_heartbeats_changes_nothing_but_counters(default_lab, long):
    lab = default_lab
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    frames = _hostile(lab, random.Random(seed))
    before = agreement(lab)
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    counted = {host: _refused(lab, host) for host in lab.hosts()}
    client = StrictClient(lab, rate=50, pairs=2000, timeout=5.0, reset=False)
    client.more(50)
    sent = flood(lab, frames, RATE, 60 if long else 5)
    print(f"{sent['sent']} frames at {sent['rate']:.0f}/s")
    client.more(50)
    record = client.stop()
    assert sent["sent"] == RATE * (60 if long else 5)
    assert agreement(lab) == before
    assert names_since(lab, marks) == {host: [] for host in lab.hosts()}
    for host in lab.hosts():
        grown = {name: value - counted[host].get(name, 0)
                 for name, value in _refused(lab, host).items()}
        assert grown["replayed"] > 0, grown
        assert grown["bad_tag"] > 0, grown
        assert grown["malformed"] + grown["not_ours"] + grown["bad_version"] > 0, grown
    assert_one_host_each(record)
