# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams in fragments, put on the segment in the order a test wants: the last one first.

A kernel sends fragments in order and at once; what a network makes of that has to be made by hand.
"""

import ipaddress
import socket
import struct

from ..netns import inside
from . import frames
from .datagrams import collect

_UNIT = 8
_FRAGMENT_BYTES = 1400 // _UNIT * _UNIT
_HEADROOM = 64


def reversed_udp_echo(place, sources, target, port, size=4000):
    """One datagram of `size` bytes from each source, its fragments in reverse order.

    `place` says where: (namespace, device, the MAC address to send to). Returns a list of
    (source, [hosts that answered]).
    """
    namespace, device, mac = place
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with inside(namespace):
        sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in sources]
    answers = [[] for _ in sources]
    payloads = [f"hello {index} ".encode().ljust(size, b"x") for index in range(len(sources))]
    try:
        packets = []
        for index, (one, source) in enumerate(zip(sockets, sources)):
            one.bind((source, 0))
            datagram = _datagram((source, one.getsockname()[1]), (target, port), payloads[index])
            packets += reversed(_fragments(source, target, datagram, index + 1))
        frames.send_frames(namespace, device, [_ethernet(mac, packet) for packet in packets])

        def take(index):
            data, _ = sockets[index].recvfrom(size + _HEADROOM)
            host, _, echoed = data.partition(b" ")
            whole = echoed == payloads[index]
            answers[index].append(host.decode() if whole else f"wrong answer {data[:40]!r}")

        collect(sockets, answers, take, wait=3.0, linger=0.3)
    finally:
        for one in sockets:
            one.close()
    return list(zip(sources, answers))


def _datagram(source, target, payload):
    addresses = (ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(target[0]).packed)
    header = struct.pack("!HHH", source[1], target[1], 8 + len(payload))
    pseudo = addresses + struct.pack("!II", 8 + len(payload), socket.IPPROTO_UDP)
    checksum = _checksum(pseudo + header + b"\0\0" + payload) or 0xFFFF
    return header + struct.pack("!H", checksum) + payload


def _checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _fragments(source, target, datagram, identification):
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    packets = []
    for offset in range(0, len(datagram), _FRAGMENT_BYTES):
        piece = datagram[offset:offset + _FRAGMENT_BYTES]
        more = offset + len(piece) < len(datagram)
        make = _packet6 if ":" in source else _packet4
        packets.append(make(addresses, piece, (offset, more, identification)))
    return packets


def _packet4(addresses, piece, place):
    offset, more, identification = place
    word = (0x2000 if more else 0) | offset // _UNIT
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(piece), identification, word, 64,
                       socket.IPPROTO_UDP)
    checksum = struct.pack("!H", _checksum(head + b"\0\0" + addresses))
    return head + checksum + addresses + piece


def _packet6(addresses, piece, place):
    offset, more, identification = place
    head = struct.pack("!IHBB", 0x60000000, 8 + len(piece), socket.IPPROTO_FRAGMENT, 64)
    fragment = struct.pack("!BBHI", socket.IPPROTO_UDP, 0, offset | more, identification)
    return head + addresses + fragment + piece


def _ethernet(mac, packet):
    octets = bytes(int(part, 16) for part in mac.split(":"))
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return octets + bytes.fromhex("02c100000001") + struct.pack("!H", kind) + packet
