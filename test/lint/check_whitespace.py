# SPDX-License-Identifier: BSD-3-Clause
"""No tabs (but in Makefiles), no space at line ends, exactly one newline at the end of a file."""

TEXTS = (".cc", ".h", ".py", ".md", ".yaml", ".yml", ".sh", "meson.build", "meson_options.txt",
         ".service", ".ini", ".clang-format", ".clang-tidy", ".editorconfig", "Makefile")


def check(tree):
    """Look at every text we write by hand."""
    problems = []
    paths = set(tree.matching(*TEXTS)) | set(tree.scripts("python3")) | set(tree.scripts("bash"))
    for path in sorted(paths):
        text = tree.text(path)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                problems.append(f"{path}:{number}: space at the end of the line")
            if "\t" in line and not path.endswith("Makefile"):
                problems.append(f"{path}:{number}: tab")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            problems.append(f"{path}:{text.count(chr(10))}: must end with exactly one newline")
    return problems


GOOD = {"a.cc": "int a;\n\nint b;\n", "Makefile": "all:\n\ttrue\n"}
BAD = [
    ({"a.cc": "int a; \n"}, "space at the end"),
    ({"a.py": "if a:\n\tb\n"}, "a.py:2: tab"),
    ({"a.md": "text"}, "exactly one newline"),
    ({"a.md": "text\n\n"}, "exactly one newline"),
    ({"a.md": "text\r\n"}, "space at the end"),
]
