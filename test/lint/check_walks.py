# SPDX-License-Identifier: BSD-3-Clause
"""The two walks exist, and visit files that exist, in the order in which things happen."""

import re

# A stop is a set of files; any one of them, named in backticks, makes the stop.
WALKS = {
    "docs/packet-walk.md": [
        {"dataplane/worker.cc"}, {"dataplane/rx.cc"}, {"packet/parse.cc"}, {"forwarding/decide.cc"},
        {"bucket/bucket_table.h"}, {"flow/flow_cache.h"}, {"forwarding/verdict.h"},
        {"localstack/tap.cc", "dataplane/tx.cc"}],
    "docs/heartbeat-walk.md": [
        {"forwarding/decide.cc"}, {"dataplane/mailbox.cc"}, {"control/convergence_driver.cc"},
        {"heartbeat/codec.cc"}, {"convergence/node.cc"}, {"convergence/ownership.cc"},
        {"app/coveyd/wiring.cc"}, {"dataplane/publish.h"}],
}
FILE = re.compile(r"`(?:lib/)?((?:app/)?[a-z_]+/[a-z_/]+\.(?:h|cc))`")


def _exists(tree, name):
    return tree.exists(name if name.startswith("app/") else f"lib/{name}")


def _walk(tree, document, stops):
    if not tree.exists(document):
        return [f"{document}:1: is missing"]
    problems, waiting = [], list(stops)
    for number, line in tree.lines(document):
        for name in FILE.findall(line):
            if not _exists(tree, name):
                problems.append(f"{document}:{number}: {name} does not exist")
            if waiting and name in waiting[0] and _exists(tree, name):
                waiting.pop(0)
    if waiting:
        problems.append(f"{document}:1: no stop at {' or '.join(sorted(waiting[0]))} "
                        "after the ones before it")
    return problems


def check(tree):
    """Both walks."""
    return [problem for document, stops in WALKS.items()
            for problem in _walk(tree, document, stops)]


def _tree_of(orders):
    files = {}
    for document, stops in orders.items():
        names = [sorted(stop)[0] for stop in stops]
        files[document] = "".join(f"{i}. `{name}`\n" for i, name in enumerate(names, 1))
        files.update({name if name.startswith("app/") else f"lib/{name}": "" for name in names})
    return files


GOOD = _tree_of(WALKS)
BAD = [
    ({path: text for path, text in GOOD.items() if path != "docs/packet-walk.md"}, "is missing"),
    ({path: text for path, text in GOOD.items() if path != "lib/dataplane/rx.cc"},
     "rx.cc does not exist"),
    (GOOD | {"docs/heartbeat-walk.md": "`heartbeat/codec.cc`, then `forwarding/decide.cc`\n"},
     "no stop at dataplane/mailbox.cc"),
]
