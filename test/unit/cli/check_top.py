#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`covey top` at terminals of several sizes: check_top.py COVEY

A pseudo terminal whose screen is kept by pyte, and a daemon whose answers are made up. Resizes,
every end, colours, strange environments, and a daemon that goes and comes back. The last line
counts the cases.
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import socketserver
import struct
import sys
import tempfile
import termios
import threading
import time

import pyte

DEADLINE_S = 20
MEMBERS = [{"id": number, "name": name, "state": "converged", "default": number == 1,
            "weight": 50, "age_ms": number, "in_view": True, "drains": []}
           for number, name in enumerate(("web1", "web2", "wéb3"), 1)]
EVENTS = [{"id": number, "time": "2026-01-02T03:04:05.678Z", "event": "converged", "host": 1,
           "detail": f"event {number}"} for number in range(1, 31)]
REFUSED = {"refused": {}}


def stats(asked):
    """Counters that grow with each question."""
    return {
        "verdicts": {"deliver_owned": {"frames": 10 * asked, "bytes": 1000 * asked},
                     "drop_no_flow": {"frames": 10 * asked, "bytes": 1000 * asked}},
        "ports": {},
        "workers": [{"busy_pct": 1, "cycles_per_packet": 1, "packets_per_poll": 1,
                     "packets": 20 * asked, "bursts": asked, "loops": asked,
                     "busy_cycles": 30 * asked, "idle_cycles": 10 * asked, "sleeps": 0}],
        "control": {"timers": 0, "late": {}, "worst_us": 0, "worst_lately_us": 0},
        "heartbeats": {"sent": 0, "send_failed": 0, "received": 0, "fragments": 0, "lost": 0,
                       **REFUSED},
        "commands": {"sent": 0, "received": 0, "obeyed": 0, "challenged": 0, "repeated": 0,
                     "replayed": 0, "limited": 0, **REFUSED},
        "flows": {"established": 1234, "half_open": 0, "created": asked, "expired": 0,
                  "evicted": 0, "untracked": 0, "capacity": 4096}}


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers at a socket until it is closed."""
    daemon_threads = True
    allow_reuse_address = True
    asked = 0

    def __init__(self, path):
        super().__init__(path, _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """As when the daemon ends: nobody listens, and the file is gone."""
        self.shutdown()
        self.server_close()
        os.unlink(self.server_address)

    def answer(self, path):
        """What a daemon would say."""
        if path == "/v1/stats":
            self.asked += 1
            return stats(self.asked)
        return {"/v1/status": {"cluster": "web", "host": {"id": 1, "name": "web1",
                                                          "state": "converged", "default": True},
                               "epoch": 7, "converged": True, "since": "t", "reason": "",
                               "members": MEMBERS, "islands": 0, "rules": [],
                               "health": []},
                "/v1/buckets": {"host": 1, "epoch": 7, "maps": [
                    {"rule": "web", "map_class": 1, "owners": [1, 1, 2, 3]}]},
                "/v1/events": EVENTS}[path]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline().split()[1].decode()
        body = json.dumps(self.server.answer(path), ensure_ascii=False).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                         % len(body) + body)


class Screen:
    """A terminal that is known as "screen", by a library; and what its modes are."""
    MODES = re.compile(rb"\x1b\[\?(1049|25)([hl])")

    def __init__(self, columns, rows):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.modes, self.tail = {}, b""

    def feed(self, output):
        """Takes output of the program, wherever it was cut."""
        self.stream.feed(output)
        seen = self.tail + output
        self.modes.update(self.MODES.findall(seen))
        self.tail = seen[-7:]

    @property
    def lines(self):
        """What is seen, without the blanks at the end of a line."""
        return [line.rstrip() for line in self.screen.display]

    def colours(self, row):
        """Of the words of a row."""
        cells = self.screen.buffer[row]
        return {cells[match.start()].fg
                for match in re.finditer(r"\S+", self.screen.display[row])}

    def is_other(self):
        """Whether the lines of before are kept aside."""
        return self.modes.get(b"1049") == b"h"

    def is_right(self):
        """They are back, and so is the cursor."""
        return not self.is_other() and self.modes.get(b"25", b"h") == b"h"


class Top:
    """`covey top` at a terminal of its own."""

    def __init__(self, covey, path, columns, rows, **environment):
        self.child, self.ours = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
            os.execve(covey, [covey, "-s", path, "top", "--interval", "50ms"],
                      {**plain, "TERM": "screen", **environment})
        self.screen, self.size = Screen(columns, rows), (columns, rows)
        os.set_blocking(self.ours, False)

    def resize(self, columns, rows):
        """As somebody who drags the corner of a window."""
        self.size = (columns, rows)
        self.screen.screen.resize(rows, columns)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """What came lately, to the screen; False at the end."""
        try:
            self.screen.feed(os.read(self.ours, 1 << 20))
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return False
        return True

    def wait_for(self, condition):
        """Until the screen is as wanted, or the time is up."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end and self.read():
            if condition(self.screen.lines):
                return True
        return False

    def is_whole(self, lines):
        """There is a head, a foot, and rates if the terminal is high enough for them."""
        rates = [line for line in lines if line.startswith("packets/s")]
        return (lines[0].startswith("web: host 1") and lines[-1] != "" and
                len(rates) == 1 and not rates[0].endswith("-"))

    def ended(self):
        """The exit status; the terminal was put right before."""
        echo = termios.tcgetattr(self.ours)[3]
        while self.read():
            echo = termios.tcgetattr(self.ours)[3]
        status = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        os.close(self.ours)
        wanted = termios.ECHO | termios.ICANON | termios.ISIG
        return status if self.screen.is_right() and echo & wanted == wanted else "bad"


def check_sizes(covey, path):
    """The same view in a usual terminal, a small one and a tiny one, in one run."""
    top = Top(covey, path, 80, 24)
    yield "80x24", top.wait_for(top.is_whole)
    lines = top.screen.lines
    yield "colours", [top.screen.colours(row) for row in (0, 2, 3)] == [
        {"default", "green"}, {"default"}, {"default", "green"}]
    yield "head", lines[0] == "web: host 1 (web1) converged, epoch 7"
    yield "hosts", lines[2:4] == ["host  name  state                weight  buckets %      heard",
                                  "   1  web1  converged (default)      50       50.0  this host"]
    yield "load", "workers busy  75.0 %" in lines and "flows         1,234" in lines
    yield "drops", any(line.startswith("drops/s") and "drop_no_flow" in line for line in lines)
    yield "newest event last", lines[-1].endswith("event 30") and lines[-2].endswith("event 29")
    top.resize(40, 10)
    yield "40x10", top.wait_for(top.is_whole)
    yield "40x10 hosts", top.screen.lines[4].startswith("   2  web2  converged")
    top.resize(120, 40)
    yield "120x40", top.wait_for(top.is_whole) and top.screen.lines[-1].endswith("event 30")
    top.resize(2, 1)
    yield "2x1", top.wait_for(lambda lines: lines == ["we"])
    os.write(top.ours, b"xyzq")
    yield "q", top.ended() == 0


def check_ends(covey, path):
    """Whatever ends it, the terminal is as it was."""
    for name, end in (("Ctrl-C", None), ("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT)):
        top = Top(covey, path, 80, 24)
        yield f"{name}: begins", top.wait_for(top.is_whole) and top.screen.is_other()
        if end is None:
            os.write(top.ours, b"\x03")
        else:
            os.kill(top.child, end)
        yield name, top.ended() == 0


def check_environments(covey, path):
    """What the environment says of the terminal."""
    top = Top(covey, path, 80, 24, LC_ALL="C", LINES="5", COLUMNS="20", NO_COLOR="1")
    yield "size of its own", top.wait_for(top.is_whole)
    yield "letters in any locale", top.screen.lines[5].startswith("   3  wéb3  converged")
    yield "NO_COLOR", [top.screen.colours(row) for row in (0, 3)] == [{"default"}, {"default"}]
    os.write(top.ours, b"q")
    yield "q in it", top.ended() == 0
    top = Top(covey, path, 80, 24, TERM="vt100")
    yield "a terminal without colours", top.wait_for(top.is_whole)
    os.write(top.ours, b"q")
    yield "q there", top.ended() == 0
    top = Top(covey, path, 80, 24, TERM="no-such")
    top.wait_for(lambda lines: False)
    said = "\n".join(top.screen.lines).strip()
    yield "an unknown terminal", top.ended() == 2 and said == (
        'covey: TERM: no terminal is known as "no-such"; top --once needs none')


def check_daemon(covey, path, daemon):
    """The daemon ends, which is said; it comes back, and all is well."""
    top = Top(covey, path, 80, 24)
    yield "daemon is there", top.wait_for(top.is_whole)
    daemon.close()
    yield "daemon is gone", top.wait_for(lambda lines: len(lines) > 4 and
                                         lines[1].startswith("cannot reach coveyd at ") and
                                         "web2" in lines[4])
    daemon = Daemon(path)
    yield "daemon is back", top.wait_for(lambda lines: top.is_whole(lines) and lines[1] == "")
    os.write(top.ours, b"q")
    yield "q after that", top.ended() == 0
    daemon.close()
    top = Top(covey, path, 80, 24)
    yield "no daemon at all", not top.wait_for(top.is_whole) and top.ended() == 4


def main():
    """Runs the cases, prints those that are wrong, counts."""
    covey = str(pathlib.Path(sys.argv[1]).resolve())
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="covey-top-") as directory:
        path = f"{directory}/sock"
        daemon = Daemon(path)
        for check in (check_sizes(covey, path), check_ends(covey, path),
                      check_environments(covey, path),
                      check_daemon(covey, path, daemon)):
            for name, is_good in check:
                passed, failed = passed + is_good, failed + (not is_good)
                if not is_good:
                    print(f"wrong: {name}")
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
