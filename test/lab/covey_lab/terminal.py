# SPDX-License-Identifier: BSD-3-Clause
"""What the demo prints: headings, check marks, tables, bars, and what it is waiting for.

On a terminal a waiting line moves and is replaced by its outcome; elsewhere each wait is one
plain line. Colour never carries meaning alone and stays away with NO_COLOR or without a terminal.
"""

import os
import shutil
import sys
import threading
import time

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34",
           "magenta": "35", "cyan": "36"}
HOST_STYLES = ("cyan", "magenta", "yellow", "green", "blue")


class Terminal:
    """Writes to standard output."""

    def __init__(self):
        self.moving = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.moving and not os.environ.get("NO_COLOR")
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")

    def style(self, text, *names):
        """The text in colour, or as it is."""
        if not self.colour or not names:
            return text
        return f"\033[{';'.join(_STYLES[name] for name in names)}m{text}\033[0m"

    def line(self, text=""):
        """One line."""
        print(text, flush=True)

    def heading(self, number, total, text):
        """The beginning of a step."""
        self.line()
        self.line(self.style(f"[{number}/{total}]", "dim") + " " + self.style(text, "bold"))

    def result(self, good, text):
        """A statement that was checked."""
        mark = self.style("✓", "green", "bold") if good else self.style("✗ FAILED:", "red", "bold")
        self.line(f"  {mark} {text}")

    def note(self, text):
        """A remark."""
        self.line("  " + self.style(text, "dim"))

    def waiting(self, text):
        """A context manager that shows what is being waited for."""
        return Waiting(self, text)

    def table(self, rows, align):
        """A table; the first row is its head. `align` has one of < > per column."""
        plain = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in plain) for column in range(len(align))]
        for number, row in enumerate(plain):
            cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths)]
            text = "  " + "  ".join(cells).rstrip()
            self.line("  " + (self.style(text, "bold") if number == 0 else text))
            if number == 0:
                self.line("    " + self.style("  ".join("─" * width for width in widths), "dim"))

    def bar(self, share, style, width=30):
        """A horizontal bar for a share of 0..1."""
        filled = round(share * width)
        return self.style("█" * filled, style) + self.style("░" * (width - filled), "dim")


class Waiting:
    """A line that says what is waited for, how far it is and since when."""

    def __init__(self, terminal, text):
        self._terminal = terminal
        self._text = text
        self._shown = ""
        self._over = threading.Event()
        self._thread = None

    def update(self, text):
        """Say something newer."""
        self._text = text
        if not self._terminal.moving:
            self._plain()

    def _plain(self):
        if self._text != self._shown:
            self._shown = self._text
            self._terminal.line(f"  … {self._text}")

    def __enter__(self):
        self._begun = time.monotonic()
        if self._terminal.moving:
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
        else:
            self._plain()
        return self

    def __exit__(self, *_):
        self._over.set()
        if self._thread:
            self._thread.join()
            print("\r\033[K", end="", flush=True)

    def _spin(self):
        turn = 0
        while not self._over.wait(0.1):
            mark = self._terminal.style(_SPINNER[turn % len(_SPINNER)], "cyan")
            since = time.monotonic() - self._begun
            room = shutil.get_terminal_size().columns - 14
            print(f"\r\033[K  {mark} {self._text[:room]} "
                  + self._terminal.style(f"{since:.0f} s", "dim"), end="", flush=True)
            turn += 1
