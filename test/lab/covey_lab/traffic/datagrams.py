# SPDX-License-Identifier: BSD-3-Clause
"""Datagram clients that wait for a second answer: UDP echo and ping.

One request must bring exactly one answer. Both therefore keep listening for a while after the
first answer has come, and report how many answers each request got.
"""

import os
import select
import socket
import struct
import time

from ..netns import inside

ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST6, ECHO_REPLY6 = 128, 129
_LONGEST = 65535


def udp_echo(namespace, sources, target, port, size=0, wait=2.0, linger=0.3):
    """Send one datagram of at least `size` bytes from each source.

    Returns a list of (source, [hosts that answered]).
    """
    with Talkers(namespace, sources, target, port) as talkers:
        return list(zip(sources, talkers.ask(size, wait, linger)))


class Talkers:
    """UDP clients that keep their ports."""

    def __init__(self, namespace, sources, target, port):
        self._target = (target, port)
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with inside(namespace):
            self._sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in sources]
        for one, source in zip(self._sockets, sources):
            one.bind((source, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            one.close()

    def ask(self, size=0, wait=2.0, linger=0.3):
        """Send one datagram each; a list of the hosts that answered each."""
        answers = [[] for _ in self._sockets]
        for index, one in enumerate(self._sockets):
            one.sendto(_greeting(index, size), self._target)

        def take(index):
            data, peer = self._sockets[index].recvfrom(_LONGEST)
            host, _, echoed = data.partition(b" ")
            is_right = echoed == _greeting(index, size) and peer[:2] == self._target
            answers[index].append(host.decode() if is_right
                                  else f"wrong answer {data[:40]!r} from {peer}")

        collect(self._sockets, answers, take, wait, linger)
        return answers


def _greeting(index, size):
    return f"hello {index}".encode().ljust(size, b".")


def ping(namespace, sources, target, size=16, wait=2.0, linger=0.5):
    """Send one echo request from each source; a list of (source, number of replies).

    `size` is the number of bytes behind the header of the request.
    """
    six = ":" in target
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    with inside(namespace):
        sockets = [socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                                 protocol) for _ in sources]
    replies = [[] for _ in sources]
    identifier = os.getpid() & 0xFFFF
    try:
        for index, (one, source) in enumerate(zip(sockets, sources)):
            one.bind((source, 0))
            one.sendto(_echo_request(six, (identifier, index), size), (target, 0))

        def take(index):
            data, peer = sockets[index].recvfrom(_LONGEST)
            body = data if six else data[(data[0] & 15) * 4:]
            kind, _, _, seen, sequence = struct.unpack_from("!BBHHH", body)
            if peer[0] == target and (kind, seen, sequence) == (
                    ECHO_REPLY6 if six else ECHO_REPLY, identifier, index):
                replies[index].append(peer[0])

        collect(sockets, replies, take, wait, linger)
    finally:
        for one in sockets:
            one.close()
    return [(source, len(got)) for source, got in zip(sources, replies)]


def _echo_request(six, numbers, size):
    body = struct.pack("!HH", *numbers) + b"covey lab ping!!".ljust(size, b".")
    if six:
        return struct.pack("!BBH", ECHO_REQUEST6, 0, 0) + body  # the kernel fills the checksum
    head = struct.pack("!BBH", ECHO_REQUEST, 0, 0) + body
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBH", ECHO_REQUEST, 0, total) + body


def collect(sockets, answers, take, wait, linger):
    """Wait until each socket has an answer or `wait` is over, then `linger` for duplicates.

    Calls take(index) for each socket that has something to read.
    """
    numbers = {one.fileno(): index for index, one in enumerate(sockets)}
    poll = select.poll()
    for number in numbers:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + wait
    complete = False
    while (left := deadline - time.monotonic()) > 0:
        for number, _ in poll.poll(max(1, left * 1000)):
            take(numbers[number])
        if not complete and all(answers):
            complete = True
            deadline = time.monotonic() + linger
