# SPDX-License-Identifier: BSD-3-Clause
"""Long downloads that must survive whatever happens to the cluster, and idle held connections.

Both keep one connection for their whole life: a reset, a stall or a wrong byte is a failure, and
nothing is ever tried again.
"""

import asyncio
import dataclasses
import hashlib
import socket
import time

from ..netns import Background, inside
from .http import name_of, read_head


@dataclasses.dataclass
class Download:
    """One download; `error` is empty while all is well."""
    source: str
    host: str = ""
    received: int = 0
    checksum: str = ""
    finished: bool = False
    error: str = ""


class Downloads:
    """Many paced downloads at once, on a thread of their own; read the list while they run."""

    def __init__(self, namespace, sources, target, port=80, rate="1500k", stall=15.0):
        self.items = [Download(source) for source in sources]
        self._where = (target, port, f"/20m?rate={rate}")
        self._stall = stall
        self._thread = Background(namespace, lambda: asyncio.run(self._work()), "downloads")

    async def _work(self):
        await asyncio.gather(*(self._one(item) for item in self.items))

    async def _one(self, item):
        writer = None
        try:
            target, port, path = self._where
            reader, writer = await asyncio.wait_for(asyncio.open_connection(
                target, port, local_addr=(item.source, 0), limit=256 * 1024), self._stall)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".encode())
            await self._receive(item, reader)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            item.error = name_of(error)
        finally:
            item.finished = True
            if writer:
                writer.close()

    async def _receive(self, item, reader):
        status, headers = await asyncio.wait_for(read_head(reader), self._stall)
        if status != 200:
            raise ValueError(f"status {status}")
        item.host = headers["x-covey-host"]
        length = int(headers["content-length"])
        digest = hashlib.sha256()
        while item.received < length:
            block = await asyncio.wait_for(reader.read(256 * 1024), self._stall)
            if not block:
                raise ValueError(f"cut off after {item.received} of {length} bytes")
            digest.update(block)
            item.received += len(block)
        item.checksum = digest.hexdigest()

    def running(self):
        """How many downloads are under way."""
        return sum(not item.finished for item in self.items)

    def started(self):
        """Whether every download has received something (or failed)."""
        return all(item.received or item.finished for item in self.items)

    def result(self, timeout):
        """Wait for the end of all and return them."""
        self._thread.result(timeout)
        return self.items


class Held:
    """Keep-alive connections that are asked again and again; the socket is never replaced."""

    def __init__(self, namespace, sources, target, port=80, timeout=5.0):
        self.hosts = []
        self._sockets = []
        self._timeout = timeout
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with inside(namespace):
            for source in sources:
                one = socket.socket(family, socket.SOCK_STREAM)
                one.settimeout(timeout)
                one.bind((source, 0))
                one.connect((target, port))
                self._sockets.append(one)
        for one in self._sockets:
            self.hosts.append(self._ask(one))

    def _ask(self, one):
        one.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
        answer = b""
        deadline = time.monotonic() + self._timeout
        while not (b"\r\n\r\n" in answer and answer.endswith(b"\n")
                   and len(answer.partition(b"\r\n\r\n")[2]) > 0):
            block = one.recv(4096)
            if not block:
                raise ConnectionResetError("the server closed a held connection")
            if time.monotonic() > deadline:
                raise TimeoutError("no whole answer")
            answer += block
        return answer.partition(b"\r\n\r\n")[2].decode().strip()

    def check(self, hosts):
        """Ask again on each connection served by one of `hosts`; the list of what went wrong."""
        wrong = []
        for index, host in enumerate(self.hosts):
            if host not in hosts:
                continue
            try:
                now = self._ask(self._sockets[index])
                if now != host:
                    wrong.append(f"connection {index}: moved from {host} to {now}")
            except OSError as error:
                wrong.append(f"connection {index} ({host}): {name_of(error)}")
        return wrong

    def close(self, hosts=None):
        """Close the connections of these hosts (default: all)."""
        for one, host in zip(self._sockets, self.hosts):
            if hosts is None or host in hosts:
                one.close()
