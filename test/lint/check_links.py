# SPDX-License-Identifier: BSD-3-Clause
"""Relative links in documents resolve, anchors included, and files named in backticks exist."""

import os
import re

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:lib|app|test|docs|conf|docker)/[\w./-]+)`")
FENCE = re.compile(r"^```.*?^```", re.S | re.M)


def _prose(text):
    return FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def _anchors(text):
    """Anchors as forges make them from headings."""
    found = set()
    for title in re.findall(r"^#+ (.*)$", _prose(text), re.M):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        found.add(re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-"))
    return found


def _link_problem(tree, path, target):
    if re.match(r"[a-z]+:", target):
        return None
    file, _, anchor = target.partition("#")
    resolved = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
    if resolved.startswith("..") or not tree.exists(resolved):
        return f"link to {target} leads nowhere"
    if anchor and resolved.endswith(".md") and anchor not in _anchors(tree.text(resolved)):
        return f"{resolved} has no heading #{anchor}"
    return None


def check(tree):
    """Links and names outside code blocks."""
    problems = []
    for path in tree.matching(".md"):
        for number, line in enumerate(_prose(tree.text(path)).splitlines(), 1):
            for target in LINK.findall(line):
                problem = _link_problem(tree, path, target)
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
            for name in NAMED.findall(line):
                if not tree.exists(name):
                    problems.append(f"{path}:{number}: {name} does not exist")
    return problems


GOOD = {"a.md": "# A b, `c`\n[x](docs/b.md#two-words) [y](#a-b-c) [z](https://example.org/)\n",
        "docs/b.md": "## Two words\n[up](../a.md)\n```\n[no](gone.md)\n```\n`docs/b.md`\n"}
BAD = [
    (GOOD | {"a.md": "[x](docs/gone.md)\n"}, "leads nowhere"),
    (GOOD | {"a.md": "[x](docs/b.md#three)\n"}, "no heading #three"),
    (GOOD | {"a.md": "[x](../b.md)\n"}, "leads nowhere"),
    (GOOD | {"a.md": "see `lib/base/gone.h`\n"}, "gone.h does not exist"),
]
