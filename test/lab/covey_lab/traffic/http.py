# SPDX-License-Identifier: BSD-3-Clause
"""HTTP clients that open one connection per request from a chosen source and note who served it.

fetch() is the one place that speaks HTTP. A Fleet makes a known list of requests; a Probe goes on
until it is stopped and tells for which time no new connection was served. All run on a thread of
their own inside the client's namespace.
"""

import asyncio
import collections
import dataclasses
import time

from ..netns import Background, call_inside


@dataclasses.dataclass
class Attempt:
    """One request on one new connection; `error` is empty when it was served."""
    source: str
    target: str
    port: int
    path: str = "/"
    source_port: int = 0
    started: float = 0.0
    elapsed: float = 0.0
    host: str = ""
    status: int = 0
    body: bytes = b""
    error: str = ""


def name_of(error):
    """A short stable word for what went wrong."""
    words = {TimeoutError: "timeout", ConnectionResetError: "reset",
             ConnectionRefusedError: "refused", asyncio.IncompleteReadError: "cut off"}
    for kind, word in words.items():
        if isinstance(error, kind):
            return word
    return f"{type(error).__name__}: {error}"


async def read_head(reader):
    """Read an answer's head; (status, headers with lower-case names)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(head[0].split()[1]), headers


async def _exchange(attempt):
    reader, writer = await asyncio.open_connection(
        attempt.target, attempt.port, local_addr=(attempt.source, attempt.source_port))
    try:
        attempt.source_port = writer.get_extra_info("sockname")[1]
        writer.write(f"GET {attempt.path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
                     .encode("ascii"))
        attempt.status, headers = await read_head(reader)
        attempt.host = headers.get("x-covey-host", "")
        attempt.body = await reader.readexactly(int(headers.get("content-length", 0)))
        if attempt.status != 200:
            attempt.error = f"status {attempt.status}"
        if await reader.read(1):
            attempt.error = "bytes after the answer"
    finally:
        writer.close()


async def fetch(attempt, timeout):
    """Carry out one attempt; never raises for what the network does, it fills in `error`."""
    attempt.started = time.monotonic()
    try:
        await asyncio.wait_for(_exchange(attempt), timeout)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        attempt.error = name_of(error)
    attempt.elapsed = time.monotonic() - attempt.started
    return attempt


def run_fleet(namespace, attempts, concurrency=32, timeout=5.0, on_done=lambda count: None):
    """Make all attempts, `concurrency` at a time, and return them filled in, in the same order."""
    async def work():
        waiting = collections.deque(attempts)
        done = 0

        async def lane():
            nonlocal done
            while waiting:
                await fetch(waiting.popleft(), timeout)
                done += 1
                on_done(done)

        await asyncio.gather(*(lane() for _ in range(concurrency)))
        return attempts

    return call_inside(namespace, lambda: asyncio.run(work()),
                       timeout=60 + timeout * len(attempts) / concurrency)


def spread(sources, count, target, port=80, path="/"):
    """`count` attempts that use the sources in turn."""
    return [Attempt(sources[index % len(sources)], target, port, path) for index in range(count)]


def served(attempts):
    """How many attempts each host served."""
    return collections.Counter(attempt.host for attempt in attempts if not attempt.error)


def failures(attempts):
    """The attempts that were not served."""
    return [attempt for attempt in attempts if attempt.error]


def hosts_by_source(attempts):
    """For each source address the set of hosts that served it."""
    seen = collections.defaultdict(set)
    for attempt in attempts:
        if not attempt.error:
            seen[attempt.source].add(attempt.host)
    return seen


class Probe:
    """New connections at a steady pace until stopped, each with its own short time limit.

    Attempts overlap, so that one lost SYN, which the kernel repeats only after a second, never
    hides that the next connection already works.
    """

    def __init__(self, namespace, sources, target, port=80, interval=0.01, timeout=0.5):
        self.attempts = []
        self._make = lambda index: Attempt(sources[index % len(sources)], target, port)
        self._interval = interval
        self._timeout = timeout
        self._stopping = False
        self._thread = Background(namespace, lambda: asyncio.run(self._work()), "probe")

    async def _work(self):
        running = set()
        begun = time.monotonic()
        index = 0
        while not self._stopping:
            attempt = self._make(index)
            self.attempts.append(attempt)
            task = asyncio.create_task(fetch(attempt, self._timeout))
            running.add(task)
            task.add_done_callback(running.discard)
            index += 1
            await asyncio.sleep(max(0.0, begun + index * self._interval - time.monotonic()))
        if running:
            await asyncio.wait(running)

    def stop(self):
        """Stop, wait for the attempts under way, and return all attempts."""
        self._stopping = True
        self._thread.result(self._timeout + 30)
        return self.attempts


def outage(attempts, since):
    """(seconds, failures): from `since` until all later attempts were served; how many were not.

    Zero seconds when nothing failed.
    """
    failed = [attempt for attempt in attempts
              if attempt.error and attempt.started + attempt.elapsed >= since]
    if not failed:
        return 0.0, 0
    last = max(attempt.started for attempt in failed)
    after = [attempt.started for attempt in attempts if attempt.started > last]
    return max(0.0, (min(after) if after else time.monotonic()) - since), len(failed)
