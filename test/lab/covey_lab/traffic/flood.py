# SPDX-License-Identifier: BSD-3-Clause
"""Floods from the client's wire: any frames at a steady rate, and TCP segments from senders that
do not exist."""

import ipaddress
import json
import struct

from .. import settings

NOWHERE = "10.79.0.0/16"  # addresses of which none answers
SYN, ACK = 0x02, 0x10
_MAC = bytes.fromhex("02c100000001")


def route_nowhere(lab):
    """Let the hosts answer who does not exist, by way of the client's wire."""
    for host in lab.hosts():
        lab.exec(host, ["ip", "route", "add", NOWHERE, "via", settings.CLIENT4, "dev", "covey0"])


def flood(lab, frames, rate, seconds):
    """Send the frames from the client's device, again and again; what lab-flood says of it."""
    path = lab.state.directory / "flood.frames"
    path.write_bytes(b"".join(struct.pack("!H", len(frame)) + frame for frame in frames))
    done = lab.exec("client", [str(lab.options.tool("lab-flood")), "--device", "eth0",
                               "--frames", str(path), "--rate", str(rate),
                               "--seconds", str(seconds)], timeout=seconds * 3 + 60)
    return json.loads(done.stdout)


def segments_from_nowhere(lab, chance, count, flags, port, times=1):
    """`count` TCP segments to a port of the virtual IP, from senders drawn by `chance`; each sends
    `times` of them one after the other, with the same ports and different numbers."""
    to = bytes(int(part, 16) for part in lab.options.cluster_mac().split(":"))
    virtual_ip = ipaddress.ip_address(settings.VIP4).packed
    network = ipaddress.ip_network(NOWHERE)
    head = struct.pack("!BBHHHBB", 0x45, 0, 40, 0, 0x4000, 64, 6)
    tail = struct.pack("!HHHH", 0x5000 | flags, 64240, 0, 0)
    frames = []
    for index in range(count):
        if index % times == 0:
            source = int(network.network_address) + chance.randrange(network.num_addresses)
            addresses = source.to_bytes(4, "big") + virtual_ip
            ports = struct.pack("!HH", chance.randrange(1024, 65536), port)
        numbers = ports + struct.pack("!Q", chance.getrandbits(64))
        checksum = _checksum(addresses + b"\0\x06\0\x14" + numbers + tail)
        frames.append(to + _MAC + b"\x08\0" + head + _checksum(head + addresses) + addresses
                      + numbers + tail[:4] + checksum + tail[6:])
    return frames


def _checksum(data):
    total = int.from_bytes(data, "big") % 0xFFFF  # the one's complement sum of its words
    return struct.pack("!H", 0xFFFF - total)
