# SPDX-License-Identifier: BSD-3-Clause
"""Look at raw frames on the segment, and put crafted ones on it.

A Sniffer lets the kernel filter by source MAC address or EtherType (classic BPF), so it costs
nothing while nothing matches. It listens on every port of the hub, in both directions.
"""

import ctypes
import socket
import struct
import threading

from ..netns import inside

_ETH_P_ALL = 0x0003
_SO_ATTACH_FILTER = 26
_PACKET_OUTGOING = 4
_SNAP_BYTES = 2048


def _instruction(code, jump_true, jump_false, value):
    return struct.pack("HBBI", code, jump_true, jump_false, value)


def source_is(mac):
    """A filter for frames with this source MAC address."""
    octets = bytes(int(part, 16) for part in mac.split(":"))
    return [
        _instruction(0x20, 0, 0, 6),                                        # A = bytes 6..9
        _instruction(0x15, 0, 3, int.from_bytes(octets[:4], "big")),
        _instruction(0x28, 0, 0, 10),                                       # A = bytes 10..11
        _instruction(0x15, 0, 1, int.from_bytes(octets[4:], "big")),
        _instruction(0x06, 0, 0, _SNAP_BYTES),
        _instruction(0x06, 0, 0, 0),
    ]


def ethertype_is(ethertype):
    """A filter for frames with this EtherType."""
    return [
        _instruction(0x28, 0, 0, 12),
        _instruction(0x15, 0, 1, ethertype),
        _instruction(0x06, 0, 0, _SNAP_BYTES),
        _instruction(0x06, 0, 0, 0),
    ]


def _attach(one, program):
    code = ctypes.create_string_buffer(b"".join(program))
    head = struct.pack("HP", len(program), ctypes.addressof(code))
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)


def _bind_all(one):
    # All interfaces, all protocols: Python's own bind() insists on the name of an interface.
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(one.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "bind to all interfaces")


class Sniffer:
    """Counts the frames that match a filter and keeps the first ones, until stopped."""

    def __init__(self, namespace, program, keep=64):
        self.count = 0
        self.frames = []
        self._keep = keep
        self._stopping = threading.Event()
        with inside(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        _attach(self._socket, program)
        with inside(namespace):
            _bind_all(self._socket)  # only now, so that no frame escapes the filter
        self._socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._work, name="sniffer", daemon=True)
        self._thread.start()

    def _work(self):
        while not self._stopping.is_set():
            try:
                frame, address = self._socket.recvfrom(_SNAP_BYTES)
            except TimeoutError:
                continue
            if address[2] == _PACKET_OUTGOING:
                continue  # a copy of what came in on another port
            self.count += 1
            if len(self.frames) < self._keep:
                self.frames.append(frame)

    def stop(self):
        """Stop and return the number of frames seen."""
        self._stopping.set()
        self._thread.join()
        self._socket.close()
        return self.count


def send_frames(namespace, device, frames):
    """Send raw Ethernet frames from a device of a namespace."""
    with inside(namespace):
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with one:
        one.bind((device, 0))
        for frame in frames:
            one.send(frame)
