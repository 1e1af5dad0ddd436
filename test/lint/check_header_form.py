# SPDX-License-Identifier: BSD-3-Clause
"""Licence line on every source; headers open with a short comment that names their thread."""

import re

LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
MIN_LINES, MAX_LINES = 2, 10  # the licence line and empty lines not counted
SOURCES = (".cc", ".h", ".py", "meson.build", "meson_options.txt", ".sh")


def _licence(tree, path):
    head = tree.text(path).splitlines()[:2]
    mark = "//" if path.endswith((".cc", ".h")) else "#"
    if not any(line == f"{mark} {LICENCE}" for line in head):
        return [f"{path}:1: the first line (after #!) must be `{mark} {LICENCE}`"]
    return []


def _opening(tree, path):
    lines = tree.text(path).splitlines()
    end = 1
    while end < len(lines) and lines[end].startswith("//"):
        end += 1
    comment = [line for line in lines[1:end] if line.strip("/ ")]
    problems = []
    if not MIN_LINES <= len(comment) <= MAX_LINES:
        problems.append(f"{path}:2: opening comment has {len(comment)} lines "
                        f"(allowed: {MIN_LINES}..{MAX_LINES})")
    if not re.search(r"\bThreads?:", " ".join(comment)):
        problems.append(f"{path}:2: opening comment does not say which thread (`Thread: ...`)")
    if end >= len(lines) or lines[end] != "#pragma once":
        problems.append(f"{path}:{end + 1}: `#pragma once` must follow the opening comment")
    return problems


def check(tree):
    """Form only; whether the words are true is for people."""
    problems = []
    sources = {*tree.matching(*SOURCES), *tree.scripts("python3"), *tree.scripts("bash")}
    for path in sorted(sources):
        if tree.text(path):
            problems += _licence(tree, path)
    for path in tree.matching(".h", under=("lib",)):
        problems += _opening(tree, path)
    return problems


_HEADER = f"// {LICENCE}\n// A thing.\n//\n// Owner: base. Thread: any.\n// It does not fly.\n"
GOOD = {"lib/base/a.h": _HEADER + "#pragma once\n", "app/a.cc": f"// {LICENCE}\n",
        "test/run": f"#!/usr/bin/python3\n# {LICENCE}\n"}
BAD = [
    ({"lib/base/a.h": _HEADER + "\n#pragma once\n"}, "`#pragma once` must follow"),
    ({"lib/base/a.h": _HEADER.replace("Thread", "Rope") + "#pragma once\n"}, "which thread"),
    ({"lib/base/a.h": f"// {LICENCE}\n// Thread: any.\n#pragma once\n"}, "has 1 lines"),
    ({"app/a.cc": "int main() {}\n"}, "a.cc:1: the first line"),
    ({"test/run": "#!/usr/bin/python3\nprint(1)\n"}, "run:1: the first line"),
]
