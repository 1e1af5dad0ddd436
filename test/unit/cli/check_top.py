#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`covey top` at terminals of several sizes: check_top.py COVEY

A pseudo terminal whose screen is kept here, and a daemon whose answers are made up. Resizes, every
end, and a daemon that goes and comes back. The last line counts the cases.
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

DEADLINE_S = 20
MEMBERS = [{"id": number, "name": f"web{number}", "state": "converged", "default": number == 1,
            "weight": 50, "age_ms": number, "in_view": True, "drains": []} for number in (1, 2, 3)]
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
        body = json.dumps(self.server.answer(path)).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                         % len(body) + body)


class Screen:
    """What a terminal shows that knows the sequences that `top` uses, and no others."""
    PIECE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(\r+\n)|([^\x1b\r])")
    UNFINISHED = re.compile(r"(\x1b(\[\??[0-9;]*)?|\r+)\Z")

    def __init__(self):
        self.lines, self.row = [""], 0
        self.is_other = self.is_cursor_hidden = False
        self.unknown = []
        self.rest = ""

    def feed(self, text):
        """Takes output of the program, wherever it was cut."""
        text = self.rest + text
        unfinished = self.UNFINISHED.search(text)
        self.rest = unfinished.group() if unfinished else ""
        text = text[:len(text) - len(self.rest)]
        at = 0
        while at < len(text):
            piece = self.PIECE.match(text, at)
            if piece is None:
                self.unknown.append(text[at:at + 10])
                return
            at = piece.end()
            argument, command, newline, letter = piece.groups()
            if newline or letter:
                self.write(newline, letter)
            elif (argument, command) == ("", "H"):
                self.row = 0
            elif (argument, command) == ("", "K"):
                self.lines[self.row] = ""
            elif argument in ("?1049", "?25"):
                is_set = command == "h"
                if argument == "?1049":
                    self.is_other = is_set
                else:
                    self.is_cursor_hidden = not is_set
            elif command != "m":
                self.unknown.append(piece.group())

    def write(self, newline, letter):
        """A letter at the end of the line, or the next line."""
        if letter:
            self.lines[self.row] += letter
            return
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


class Top:
    """`covey top` at a terminal of its own."""

    def __init__(self, covey, path, columns, rows):
        self.child, self.ours = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(covey, [covey, "-s", path, "top", "--interval", "50ms"])
        self.before = None
        self.screen, self.size = Screen(), (columns, rows)
        os.set_blocking(self.ours, False)

    def resize(self, columns, rows):
        """As somebody who drags the corner of a window."""
        self.size = (columns, rows)
        self.screen.lines = [""]
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """What came lately, to the screen; False at the end."""
        try:
            self.screen.feed(os.read(self.ours, 1 << 20).decode())
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
        """Fills the terminal, with rates, and nothing is too wide."""
        columns, rows = self.size
        return (len(lines) == rows and all(len(line) <= columns for line in lines)
                and any(line.startswith("packets/s") and not line.endswith("-") for line in lines))

    def ended(self):
        """The exit status; the terminal was put right before."""
        echo = termios.tcgetattr(self.ours)[3]
        while self.read():
            echo = termios.tcgetattr(self.ours)[3]
        status = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        os.close(self.ours)
        wanted = termios.ECHO | termios.ICANON | termios.ISIG
        is_right = not self.screen.is_other and not self.screen.is_cursor_hidden
        return status if is_right and not self.screen.unknown and echo & wanted == wanted else "bad"


def check_sizes(covey, path):
    """The same view in a usual terminal, a small one and a tiny one, in one run."""
    top = Top(covey, path, 80, 24)
    yield "80x24", top.wait_for(top.is_whole)
    lines = top.screen.lines
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
    top.resize(1, 1)
    yield "1x1", top.wait_for(lambda lines: lines == ["w"])
    os.write(top.ours, b"xyzq")
    yield "q", top.ended() == 0


def check_ends(covey, path):
    """Whatever ends it, the terminal is as it was."""
    for name, end in (("Ctrl-C", None), ("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT)):
        top = Top(covey, path, 80, 24)
        yield f"{name}: begins", top.wait_for(top.is_whole) and top.screen.is_other
        if end is None:
            os.write(top.ours, b"\x03")
        else:
            os.kill(top.child, end)
        yield name, top.ended() == 0


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
                      check_daemon(covey, path, daemon)):
            for name, is_good in check:
                passed, failed = passed + is_good, failed + (not is_good)
                if not is_good:
                    print(f"wrong: {name}")
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
