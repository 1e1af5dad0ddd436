#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""covey colours its answers at a terminal, and only there: check_colours.py COVEY"""

import os
import pathlib
import pty
import subprocess
import sys
import tempfile

import canned_daemon

ESCAPE = "\033["

# (at a terminal, NO_COLOR or nothing, arguments, whether it is coloured)
CASES = [
    (True, None, ["query"], True),
    (True, "", ["query"], True),  # https://no-color.org: present and not empty
    (True, "1", ["query"], False),
    (True, "0", ["query"], False),
    (True, None, ["--no-color", "query"], False),
    (True, None, ["query", "--no-color"], False),
    (True, None, ["--json", "query"], False),
    (True, None, ["params"], True),
    (False, None, ["query"], False),
    (False, "", ["params"], False),
]


def read_all(terminal):
    """Until the other end is closed, which is an error on a terminal."""
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:
        pass
    return shown


def shown_by(command, environment, at_terminal):
    """What the command prints, its errors apart."""
    if not at_terminal:
        return subprocess.run(command, env=environment, capture_output=True, check=True,
                              timeout=30).stdout.decode()
    reader, writer = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=writer) as program:
        os.close(writer)
        shown = read_all(reader)
    os.close(reader)
    assert program.returncode == 0, shown
    return shown.decode()


def main():
    """As test/run counts."""
    failed = 0
    with tempfile.TemporaryDirectory() as top:
        socket = str(pathlib.Path(top) / "socket")
        canned_daemon.serve(socket)
        for at_terminal, no_color, arguments, expected in CASES:
            environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
            if no_color is not None:
                environment["NO_COLOR"] = no_color
            shown = shown_by([sys.argv[1], "-s", socket, *arguments], environment, at_terminal)
            assert "web" in shown, shown
            if (ESCAPE in shown) != expected:
                print(f"{arguments}, terminal {at_terminal}, NO_COLOR {no_color!r}: {shown!r}")
                failed += 1
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
