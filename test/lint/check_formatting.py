# SPDX-License-Identifier: BSD-3-Clause
"""C++ is laid out as clang-format lays it out (`clang-format -i FILE` mends it)."""

import collections
import re
import subprocess

FOLDERS = ("lib", "app", "test")
AT_ONCE = 20


def check(tree):
    """One problem per file, with the number of places."""
    paths = tree.matching(".h", ".cc", under=FOLDERS)
    places = collections.Counter()
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start:start + AT_ONCE]
        result = subprocess.run(["clang-format", "--dry-run", "-Werror", *some], cwd=tree.root,
                                capture_output=True, text=True, check=False)
        places.update(re.findall(r"^(\S+?):\d+:\d+: error", result.stderr, re.M))
        if result.returncode and not places:
            return [f".clang-format:1: {result.stderr.strip().splitlines()[-1]}"]
    return [f"{path}:1: {count} places differ from clang-format" for path, count in places.items()]


_STYLE = "BasedOnStyle: Google\n"
GOOD = {".clang-format": _STYLE, "lib/a.cc": "int f() { return 1; }\n"}
BAD = [({".clang-format": _STYLE, "lib/a.cc": "int f( ){return 1;}\n"}, "differ from clang-format")]
