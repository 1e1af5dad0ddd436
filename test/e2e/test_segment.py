# SPDX-License-Identifier: BSD-3-Clause
"""Hostile and foreign frames on the segment change nothing but a counter."""

import ipaddress
import random
import struct

import pytest
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.frames import Sniffer, ethertype_is, send_frames
from covey_lab.traffic.http import failures, run_fleet, spread

FORGER = bytes.fromhex("0200000000ee")


def _recorded(lab, count=6):
    sniffer = Sniffer(lab.namespace("hub"), ethertype_is(settings.HEARTBEAT_ETHERTYPE))
    wait_until(lambda: len(sniffer.frames) >= count, 10, "heartbeats on the segment")
    sniffer.stop()
    return sniffer.frames[:count]


def _counters(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _counters(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _counters(inner, f"{path}.{index}")
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, value


def _grown(lab, host, before, words):
    return {path: value - before.get(path, 0) for path, value in _counters(lab.ask(host, "stats"))
            if value > before.get(path, 0) and any(word in path for word in words)}


def _agreement(lab):
    views = [lab.query(host) for host in lab.hosts()]
    return [(view["epoch"], view["converged"], view["since"],
             sorted(member["id"] for member in view["members"])) for view in views]


def _refused(lab, reason):
    return [lab.ask(host, "stats")["heartbeats"]["refused"][reason] for host in lab.hosts()]


def _echoes(lab, host):
    return lab.frames(host, "drop_own_echo")


def _octets(mac):
    return bytes(int(part, 16) for part in mac.split(":"))


def _undisturbed(lab, frames, words):
    agreed = _agreement(lab)
    before = {host: dict(_counters(lab.ask(host, "stats"))) for host in lab.hosts()}
    send_frames(lab.namespace("client"), "eth0", frames)
    for host in lab.hosts():
        wait_until(lambda host=host: sum(_grown(lab, host, before[host], words).values())
                   >= len(frames), 10,
                   lambda host=host: f"host {host} to count {len(frames)} frames with one of "
                                     f"{words}: {_grown(lab, host, before[host], [''])}")
    assert _agreement(lab) == agreed
    attempts = run_fleet(lab.namespace("client"), spread(settings.sources4(50), 100,
                                                         settings.VIP4))
    assert not failures(attempts)
    assert _agreement(lab) == agreed


REFUSED = (".heartbeats.refused",)
BAD_TAG = (".heartbeats.refused.bad_tag",)
NOT_OURS = (".heartbeats.refused.not_ours",)
CLUSTER_ID = 14 + 8  # the first of eight octets
SEQUENCE = 14 + 24  # its highest octet


def test_a_heartbeat_with_a_wrong_tag_changes_nothing_but_a_counter(lab):
    frames = []
    for frame in _recorded(lab):
        for octet in range(1, 17):
            forged = bytearray(frame)
            forged[-octet] ^= 0x40
            forged[SEQUENCE] |= 0x40  # far ahead: of what was said already no tag is looked at
            frames.append(bytes(forged[:6]) + FORGER + bytes(forged[12:]))
    _undisturbed(lab, frames, BAD_TAG)


def test_a_heartbeat_of_another_cluster_is_told_from_a_forged_one(lab):
    frames = []
    for frame in _recorded(lab):
        for octet in range(CLUSTER_ID, CLUSTER_ID + 8):
            other = bytearray(frame)
            other[octet] ^= 0x40
            other[SEQUENCE] |= 0x40
            frames.append(bytes(other[:6]) + FORGER + bytes(other[12:]))
    bad_tags = _refused(lab, "bad_tag")
    _undisturbed(lab, frames, NOT_OURS)
    assert _refused(lab, "bad_tag") == bad_tags


def test_a_frame_that_comes_back_to_its_sender_is_known_as_an_echo(lab):
    cluster = _octets(lab.options.cluster_mac())
    frames = [cluster + _octets(settings.masked_mac(host)) + frame[12:]
              for host in lab.hosts() for frame in _recorded(lab, 3)]
    before = {host: _echoes(lab, host) for host in lab.hosts()}
    send_frames(lab.namespace("client"), "eth0", frames)
    for host in lab.hosts():
        wait_until(lambda host=host: _echoes(lab, host) == before[host] + 3, 10,
                   lambda host=host: f"3 echoes on host {host}: {_echoes(lab, host)}, before: "
                                     f"{before[host]}")


def test_truncated_and_random_heartbeats_change_nothing_but_a_counter(lab):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    frames = []
    for frame in _recorded(lab):
        head = frame[:6] + FORGER + frame[12:14]
        frames += [head + frame[14:length] for length in (60, 80, len(frame) - 1)]
        frames += [head + chance.randbytes(chance.randrange(60, 1400)) for _ in range(10)]
    _undisturbed(lab, frames, REFUSED)


def test_a_replayed_heartbeat_changes_nothing(lab):
    agreed = _agreement(lab)
    frames = [frame[:6] + FORGER + frame[12:] for frame in _recorded(lab)]
    for _ in range(20):
        send_frames(lab.namespace("client"), "eth0", frames)
    attempts = run_fleet(lab.namespace("client"), spread(settings.sources4(50), 100,
                                                         settings.VIP4))
    assert not failures(attempts)
    assert _agreement(lab) == agreed


def test_malformed_frames_to_the_cluster_mac_disturb_nobody(lab):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    target = _octets(lab.options.cluster_mac())
    agreed = _agreement(lab)
    frames = []
    for ethertype in (0x0800, 0x86DD, 0x0806, 0x8100):
        for _ in range(100):
            frames.append(target + FORGER + ethertype.to_bytes(2, "big")
                          + chance.randbytes(chance.randrange(46, 1400)))
    send_frames(lab.namespace("client"), "eth0", frames)
    attempts = run_fleet(lab.namespace("client"), spread(settings.sources4(50), 100,
                                                         settings.VIP4))
    assert not failures(attempts)
    assert _agreement(lab) == agreed


GATEWAY_MACS = ("02:00:00:00:0a:01", "02:00:00:00:0a:02")  # of the router that fails, of its heir


def _arp_announcement(address, mac):
    packed = ipaddress.ip_address(address).packed
    return (b"\xff" * 6 + _octets(mac) + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
            + _octets(mac) + packed + bytes(6) + packed)


def _neighbour_announcement(address, mac):
    packed, everybody = (ipaddress.ip_address(text).packed for text in (address, "ff02::1"))
    message = (struct.pack("!BBHI", 136, 0, 0, 0x20000000) + packed + b"\x02\x01" + _octets(mac))
    pseudo = packed + everybody + struct.pack("!II", len(message), 58)
    total = sum(struct.unpack(f"!{len(pseudo + message) // 2}H", pseudo + message))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    message = message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
    return (bytes.fromhex("333300000001") + _octets(mac) + b"\x86\xdd"
            + struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + packed + everybody + message)


@pytest.mark.parametrize("address, announcement", [
    ("10.77.0.240", _arp_announcement), ("2001:db8:77::240", _neighbour_announcement)])
def test_every_host_learns_a_router_that_fails_over_at_once(lab, address, announcement):
    before, after = GATEWAY_MACS
    for host in lab.hosts():
        lab.exec(host, ["ip", "neighbour", "replace", address, "lladdr", before, "dev", "covey0",
                        "nud", "stale"])

    def learned():
        # Sent again and again: a kernel locks an entry for a second after it was written.
        send_frames(lab.namespace("client"), "eth0", [announcement(address, after)])
        shown = [lab.exec(host, ["ip", "neighbour", "show", address, "dev", "covey0"]).stdout
                 for host in lab.hosts()]
        return all(after in text for text in shown)

    wait_until(learned, 10, f"all hosts to find {address} at {after}")
    for host in lab.hosts():
        lab.exec(host, ["ip", "neighbour", "del", address, "dev", "covey0"])
