# SPDX-License-Identifier: BSD-3-Clause
"""What the checks look at: the files of the repository, and C++ text without comments and strings.

A check is a module check_<name>.py with
  check(tree) -> list of problems, each "path:line: what is wrong", empty when all is well;
  GOOD        a tiny tree {path: text} the check must accept;
  BAD         a list of ({path: text}, words) it must refuse, naming a problem with these words.
"""

import os
import pathlib
import re

SKIPPED_DIRECTORIES = {".git", ".cache", ".pytest_cache", "__pycache__", ".vscode", ".idea"}


class Tree:
    """The source files under `root`, named by their path from there."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = sorted(self._walk())
        self._texts = {}

    def _walk(self):
        for directory, names, files in os.walk(self.root):
            relative = pathlib.Path(directory).relative_to(self.root)
            top = directory == str(self.root)
            names[:] = [name for name in names if name not in SKIPPED_DIRECTORIES
                        and not (top and name.startswith("build"))
                        and not (name == "corpus" and relative.name == "fuzz")]
            for name in files:
                if not name.endswith(".pyc") and name != "compile_commands.json":
                    yield (relative / name).as_posix()

    def matching(self, *suffixes, under=()):
        """Paths that end in one of `suffixes` and lie in one of the folders `under` (none: all)."""
        return [path for path in self.paths if path.endswith(suffixes)
                and (not under or path.startswith(tuple(folder + "/" for folder in under)))]

    def exists(self, path):
        """Whether the file or folder is there."""
        return (self.root / path).exists()

    def text(self, path):
        """The whole text of a file; bytes that are not UTF-8 are replaced."""
        if path not in self._texts:
            with open(self.root / path, encoding="utf-8", errors="replace", newline="") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def lines(self, path):
        """(number, text) of each line."""
        return list(enumerate(self.text(path).splitlines(), 1))

    def scripts(self, interpreter):
        """Files whose first line calls `interpreter`, whatever their names."""
        found = []
        for path in self.paths:
            if (self.root / path).is_symlink():
                continue
            with open(self.root / path, "rb") as file:
                first = file.readline(80)
            if first.startswith(b"#!") and re.search(rb"\b" + interpreter.encode(), first):
                found.append(path)
        return found


TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<mark>[^(\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')""", re.S | re.X)


def _blank(match):
    text = match.group(0)
    newlines = "\n" * text.count("\n")
    return newlines if match.group("comment") else '""' + newlines


def code_only(text):
    """C++ text whose comments and literals are blanked; every line keeps its number."""
    return TOKEN.sub(_blank, text)


def without_preprocessor(code):
    """`code` with preprocessor directives, continued lines included, made empty."""
    lines, continued = [], False
    for line in code.split("\n"):
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.rstrip().endswith("\\")
        lines.append("" if directive else line)
    return "\n".join(lines)


def line_of(text, position):
    """Number of the line that holds the character at `position`."""
    return text.count("\n", 0, position) + 1
