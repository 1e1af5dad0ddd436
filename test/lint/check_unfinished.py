# SPDX-License-Identifier: BSD-3-Clause
"""No notes to oneself in the tree: what is missing belongs in the tracker."""

import re

TEXTS = (".cc", ".h", ".py", ".md", ".yaml", ".yml", ".sh", "meson.build", "meson_options.txt",
         "Makefile", "Dockerfile", ".service")
# Spelt in halves so that this file passes its own check.
WORDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "T" + "BD"]
PATTERN = re.compile(r"(?<![A-Za-z_])(" + "|".join(WORDS) + r")(?![A-Za-z_])")


def check(tree):
    """Search whole texts, comments included."""
    problems = []
    paths = set(tree.matching(*TEXTS)) | set(tree.scripts("python3")) | set(tree.scripts("bash"))
    for path in sorted(paths):
        for number, line in tree.lines(path):
            match = PATTERN.search(line)
            if match:
                problems.append(f"{path}:{number}: `{match.group(1)}`")
    return problems


GOOD = {"a.cc": "// mktemp -d /tmp/covey.XX" + "XXXX\n", "a.md": "todos los hosts\n"}
BAD = [({"a.cc": f"// {word}: later\n"}, word) for word in WORDS] + [
    ({"test/x/run": f"#!/bin/bash\n# {WORDS[1]}\n"}, "run:2"),
    ({"Makefile": f"# {WORDS[0]}\n"}, "Makefile:1"),
]
