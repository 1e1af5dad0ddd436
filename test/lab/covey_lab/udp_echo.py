# SPDX-License-Identifier: BSD-3-Clause
"""UDP echo server: `python3 -m covey_lab.udp_echo NAME PORT` answers "NAME <what you sent>".

It answers from the very address the datagram was sent to (IP_PKTINFO), as a server behind a
virtual address must. Runs in the namespace of a host, over IPv4 and IPv6, until it is ended.
"""

import selectors
import socket
import sys

_IP_PKTINFO = 8
_SO_RCVBUFFORCE = 33
_ROOM = 1 << 23  # for a burst of long datagrams


def _listen(family, port):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    server.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    return server


def _answer(server, name):
    data, ancillary, _, peer = server.recvmsg(65535, 256)
    control = [(level, kind, value) for level, kind, value in ancillary
               if (level, kind) in ((socket.IPPROTO_IP, _IP_PKTINFO),
                                    (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO))]
    try:
        server.sendmsg([name + b" " + data], control, 0, peer)
    except OSError:
        pass  # the virtual address left with coveyd; the client sees silence, which is the truth


def main():
    """Serve for ever."""
    name, port = sys.argv[1].encode(), int(sys.argv[2])
    waiting = selectors.DefaultSelector()
    for family in (socket.AF_INET, socket.AF_INET6):
        waiting.register(_listen(family, port), selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            _answer(key.fileobj, name)


if __name__ == "__main__":
    main()
