# SPDX-License-Identifier: BSD-3-Clause
"""Proves of every check that it accepts its good example and refuses each of its bad ones."""

import os
import pathlib
import tempfile

from tree import Tree


def _run(module, files):
    with tempfile.TemporaryDirectory(prefix="covey-lint-") as directory:
        for path, text in files.items():
            target = pathlib.Path(directory, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
            if text.startswith("#!"):
                os.chmod(target, 0o755)
        return module.check(Tree(directory))


def check_module(name, module):
    """Problems of the check itself."""
    if not module.BAD:
        return [f"check_{name}: has no bad example"]
    problems = [f"check_{name}: refuses its good example: {found}"
                for found in _run(module, module.GOOD)]
    for files, words in module.BAD:
        found = _run(module, files)
        if not any(words in problem for problem in found):
            problems.append(f"check_{name}: no problem contains {words!r}: {found}")
    return problems
