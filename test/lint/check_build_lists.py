# SPDX-License-Identifier: BSD-3-Clause
"""Every .cc file is named in a meson.build of its folder or of one above."""

import os
import re

FOLDERS = ("lib", "app", "test")
TOKEN = re.compile(r"'([^'\n]*)'|(#[^\n]*)")  # comments too: they may hold apostrophes


def _built(tree, path):
    folder = os.path.dirname(path)
    while folder:
        build = f"{folder}/meson.build"
        if tree.exists(build):
            names = [name for name, _ in TOKEN.findall(tree.text(build))]
            relative = os.path.relpath(path, folder)
            # A loop over names, as in test/fuzz: the stem stands alone and '.cc' is put behind it.
            if relative in names or relative.removesuffix(".cc") in names:
                return True
        folder = os.path.dirname(folder)
    return False


def check(tree):
    """Names only; whether the target is right, the linker tells."""
    return [f"{path}:1: is in no meson.build" for path in tree.matching(".cc", under=FOLDERS)
            if not _built(tree, path)]


GOOD = {"lib/a/meson.build": "# the library's files\nfiles('a.cc')\n", "lib/a/a.cc": "",
        "test/f/meson.build": "t = {'one': []}\nexecutable(name + '.cc')\n", "test/f/one.cc": ""}
BAD = [
    (GOOD | {"lib/a/b.cc": ""}, "lib/a/b.cc:1: is in no meson.build"),
    (GOOD | {"app/x/main.cc": ""}, "app/x/main.cc"),
]
