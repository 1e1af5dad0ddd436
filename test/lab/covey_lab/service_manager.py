# SPDX-License-Identifier: BSD-3-Clause
"""What a service manager does to a daemon, as far as the daemon can tell: it listens to news.

The protocol is that of sd_notify(3): datagrams of lines NAME=value, from the process that was
started, and the kernel tells who sent each.
"""

import os
import queue
import socket
import struct
import threading
import time

from .shell import LabError

_CREDENTIALS = struct.Struct("3i")  # process, user, group


class ServiceManager:
    """A listener at `path`; `environment` is what a daemon is to be started with. It reads at all
    times, as systemd does: who sends to a full queue would have to wait, or lose what it says."""

    def __init__(self, path, patience=None):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._path = str(path)
        self._socket.bind(self._path)
        self.environment = {"NOTIFY_SOCKET": self._path}
        if patience is not None:
            self.environment["WATCHDOG_USEC"] = str(int(patience * 1e6))
        self.news = []  # (process id of the sender, {name: value}), as far as it was asked for
        self._heard = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        room = socket.CMSG_SPACE(_CREDENTIALS.size)
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(4096, room)
            if not data:
                return
            sender = _CREDENTIALS.unpack(ancillary[0][2])[0]
            self._heard.put((sender, dict(line.split("=", 1)
                                          for line in data.decode().splitlines())))

    def close(self):
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RD)
        self._reader.join()
        self._socket.close()
        os.unlink(self._path)

    def next(self, timeout):
        """The next news; None if there are none for so long."""
        try:
            sender, lines = self._heard.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return None
        self.news.append((sender, lines))
        return lines

    def wait(self, name, value="1", timeout=30):
        """Read on until `name` becomes what is wanted, a value or a function; those lines."""
        is_right = value if callable(value) else lambda said: said == value
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            lines = self.next(left)
            if lines and name in lines and is_right(lines[name]):
                return lines
        raise LabError(f"waited {timeout} s for news of {name}: the last were {self.news[-5:]}")

    def starves(self, name, seconds, timeout=60):
        """Read on until `name` has not come for so long; False if it never stops coming."""
        deadline = time.monotonic() + timeout
        last = time.monotonic()
        while time.monotonic() < deadline:
            left = last + seconds - time.monotonic()
            if left <= 0:
                return True
            if name in (self.next(left) or {}):
                last = time.monotonic()
        return False
