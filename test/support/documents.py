# SPDX-License-Identifier: BSD-3-Clause
"""The commands that the documents show, in the order in which somebody reads them.

These are the lines of every block that is marked `sh`, those of other blocks that begin with `$ `,
together with what they are shown to print, and what the comment of a line offers instead of it
(`# or: ...`).
"""

import dataclasses
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = (".", "conf", "docker", "docs", "test")


@dataclasses.dataclass(frozen=True)
class Command:
    """One command. `block` is the first command of its block, `after` says what its comment does;
    `shown` are the lines that the document has below it."""
    document: str
    number: int  # of its line
    block: str
    text: str
    after: str = ""
    shown: tuple = ()
    is_alternative: bool = False

    def place(self):
        """For messages."""
        return f"{self.document}:{self.number}: {self.text}"


def split(line):
    """A line without its comment, and the comment."""
    for found in re.finditer(r"\s#\s", line):
        before = line[:found.start()]
        if before.count("'") % 2 == 0 and before.count('"') % 2 == 0:
            return before.strip(), line[found.end():].strip()
    return line.strip(), ""


def _blocks(text):
    """(what it is marked as, [(line number, line)]) of each block of code."""
    mark, lines = None, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("```"):
            lines.append((number, line))
        elif mark is None:
            mark, lines = line[3:], []
        else:
            yield mark, lines
            mark = None


def _of_script(lines):
    """(line number, line, what is shown) of a block of commands alone."""
    return [(number, line, ()) for number, line in lines if line.strip()]


def _of_session(lines):
    """The same of a block with what is seen at a terminal."""
    found = []
    for number, line in lines:
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif found:
            found[-1][2].append(line)
    return [(number, line, tuple(shown)) for number, line, shown in found]


def commands_of(document, text):
    """All commands of a document."""
    for mark, lines in _blocks(text):
        found = _of_script(lines) if mark == "sh" else _of_session(lines) if not mark else []
        block = split(found[0][1])[0] if found else ""
        for number, line, shown in found:
            command, comment = split(line)
            yield Command(document, number, block, command, comment, shown)
            if comment.startswith("or: "):
                yield Command(document, number, block, comment[4:], is_alternative=True)


def all_commands():
    """The commands of all documents."""
    paths = sorted(path for folder in FOLDERS
                   for path in (TOP / folder).glob("*.md" if folder == "." else "**/*.md"))
    return [command for path in paths
            for command in commands_of(str(path.relative_to(TOP)),
                                       path.read_text(encoding="utf-8"))]
