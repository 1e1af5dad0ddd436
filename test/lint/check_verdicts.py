# SPDX-License-Identifier: BSD-3-Clause
"""docs/operations.md has one row per verdict, in order and in the words of verdict.h."""

import re

SOURCE = "lib/forwarding/verdict.h"
DOCUMENT = "docs/operations.md"
VERDICT = re.compile(r'^\s*X\((\w+),\s*"([^"]*)"\)', re.M)
ROW = re.compile(r"^\| `((?:deliver|reply|hand|drop|send|to|gateway|group)_\w+)` \| ([^|]*?) \|")


def check(tree):
    """Compare the two lists, whole."""
    if not tree.exists(SOURCE) or not tree.exists(DOCUMENT):
        return [f"{DOCUMENT}:1: {SOURCE} or {DOCUMENT} is missing"]
    verdicts = VERDICT.findall(tree.text(SOURCE))
    rows = [(number, *match.groups()) for number, line in tree.lines(DOCUMENT)
            if (match := ROW.match(line))]
    words = dict(verdicts)
    problems = [f"{DOCUMENT}:{number}: `{name}` is no verdict" for number, name, _ in rows
                if name not in words]
    problems += [f"{DOCUMENT}:{number}: `{name}` means: {words[name]}"
                 for number, name, text in rows if name in words and words[name] != text]
    named = [name for _, name, _ in rows]
    problems += [f"{DOCUMENT}:1: verdict `{name}` has no row"
                 for name in words if name not in named]
    if not problems and named != list(words):
        problems.append(f"{DOCUMENT}:{rows[0][0]}: rows are not in the order of {SOURCE}")
    if not verdicts:
        problems.append(f"{SOURCE}:1: no verdicts found")
    return problems


GOOD = {SOURCE: '  X(deliver_owned, "mine")  \\\n  X(drop_icmp, "echo, or error")\n',
        DOCUMENT: "| verdict | means |\n"
                  "| `deliver_owned` | mine | |\n| `drop_icmp` | echo, or error |\n"}
BAD = [
    (GOOD | {DOCUMENT: "| `deliver_owned` | mine |\n"}, "`drop_icmp` has no row"),
    (GOOD | {DOCUMENT: GOOD[DOCUMENT] + "| `drop_gone` | old |\n"}, "`drop_gone` is no verdict"),
    (GOOD | {DOCUMENT: GOOD[DOCUMENT].replace("mine", "yours")}, "means: mine"),
    (GOOD | {DOCUMENT: "| `drop_icmp` | echo, or error |\n| `deliver_owned` | mine |\n"}, "order"),
    (GOOD | {SOURCE: ""}, "no verdicts found"),
]
