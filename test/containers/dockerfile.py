# SPDX-License-Identifier: BSD-3-Clause
"""A Dockerfile as data: its stages, and what they install. Only the forms ours uses are known."""

import json
import re
import shlex

INSTRUCTIONS = ("FROM", "RUN", "WORKDIR", "COPY", "CMD", "ENTRYPOINT")
BASE = re.compile(r"debian:(?P<release>bookworm|trixie)(-\d{8})?-slim")


class Stage:
    """One stage: its base image, its name, and (instruction, argument) in order. What is built on
    another stage begins with the steps of that one."""

    def __init__(self, base, name, steps=()):
        self.base = base
        self.name = name
        self.steps = list(steps)

    def arguments(self, instruction):
        """What follows each such instruction."""
        return [argument for name, argument in self.steps if name == instruction]

    def release(self):
        """The name of the Debian release it begins with."""
        return BASE.fullmatch(self.base)["release"]

    def exec_form(self, instruction):
        """The words of the last such instruction; nothing without one."""
        return json.loads((self.arguments(instruction) or ["[]"])[-1])

    def installed(self):
        """What its RUN instructions let apt install: names of packages and paths of files."""
        found = []
        for line in self.arguments("RUN"):
            for command in re.split(r"&&|;", line):
                words = shlex.split(command)
                if words[:2] == ["apt-get", "install"]:
                    found += [word for word in words[2:] if not word.startswith("-")]
        return found

    def copies(self):
        """(stage or None, sources, destination) of each COPY."""
        for argument in self.arguments("COPY"):
            words = argument.split()
            origin = None
            if words[0].startswith("--from="):
                origin = words.pop(0).partition("=")[2]
            yield origin, words[:-1], words[-1]


def parse(text):
    """The stages by name; ValueError with the line that is not understood."""
    stages = {}
    stage = None
    lines = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ").splitlines()
    for line in filter(str.strip, lines):
        instruction, _, argument = line.partition(" ")
        if instruction not in INSTRUCTIONS:
            raise ValueError(f"{line}: one of {', '.join(INSTRUCTIONS)} is expected")
        if instruction == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", argument)
            if not match:
                raise ValueError(f"{line}: FROM IMAGE AS NAME is expected")
            below = stages.get(match[1])
            stage = stages[match[2]] = Stage(below.base if below else match[1], match[2],
                                             below.steps if below else ())
        elif stage is None:
            raise ValueError(f"{line}: FROM is expected first")
        else:
            stage.steps.append((instruction, argument.strip()))
    return stages
