# SPDX-License-Identifier: BSD-3-Clause
"""Shell scripts parse, Python files compile, and scripts that start with #! may be run."""

import os
import subprocess


def _shell(tree, path):
    result = subprocess.run(["bash", "-n", str(tree.root / path)], capture_output=True, text=True,
                            check=False)
    return [f"{path}:1: {result.stderr.strip().splitlines()[0]}"] if result.returncode else []


def _python(tree, path):
    try:
        compile(tree.text(path), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return [f"{path}:{getattr(error, 'lineno', 1)}: {error}"]
    return []


def check(tree):
    """Parse only; nothing is run."""
    problems = []
    shell, python = tree.scripts(r"(?:ba)?sh\b"), tree.scripts("python3")
    for path in sorted(set(shell) | set(tree.matching(".sh"))):
        problems += _shell(tree, path)
    for path in sorted(set(python) | set(tree.matching(".py"))):
        problems += _python(tree, path)
    for path in sorted(set(shell) | set(python)):
        if not os.access(tree.root / path, os.X_OK):
            problems.append(f"{path}:1: starts with #! but is not executable")
        if path in python and not tree.text(path).startswith("#!/usr/bin/python3\n"):
            problems.append(f"{path}:1: write #!/usr/bin/python3: apt's modules are only there")
    return problems


GOOD = {"run": "#!/bin/bash\necho ok\n", "tool": "#!/usr/bin/python3\nprint(1)\n",
        "m.py": "a = 1\n"}
BAD = [
    ({"run": "#!/bin/bash\nif true; then\n"}, "run:1:"),
    ({"m.py": "def f(:\n"}, "m.py:1:"),
    ({"tool": "#!/usr/bin/env python3\n"}, "write #!/usr/bin/python3"),
]
