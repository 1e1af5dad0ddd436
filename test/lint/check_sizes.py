# SPDX-License-Identifier: BSD-3-Clause
"""Files, functions and lines stay small enough to be read in one go."""

import ast
import re

from tree import code_only, line_of, without_preprocessor

MAX_FILE = 500
MAX_FUNCTION = 70
MAX_LINE = 100

CONTAINER = re.compile(r"^(?:inline\s+)?(?:class|struct|union|enum|namespace|extern)\b")
PREFIX = re.compile(r"^(?:template\s*<[^{}]*?>\s*(?=[A-Za-z\[])|\[\[[^\]]*\]\]\s*)+")


def _kind(header, parent):
    """What a brace opens, judged by the text before it since the last `;`, `{` or `}`."""
    if parent in ("function", "data", "nested"):
        return "nested"
    header = PREFIX.sub("", header.strip())
    if header == "" or header.startswith(","):
        return "continued"  # after `: a_{1}` comes `, b_{2}`, then the body
    if CONTAINER.match(header):
        return "container"
    at_top = re.sub(r"\([^()]*\)", "()", re.sub(r"\([^()]*\)", "()", header))
    assigned = re.search(r"(?<!operator)(?<![=!<>+\-*/|&^])=(?!=)", at_top)
    if assigned or "(" not in header:
        return "data"
    return "function"


def functions(text):
    """(first line, last line) of each function body in a C++ source, its signature included."""
    code = without_preprocessor(code_only(text))
    found, stack = [], []  # of (kind, line where it starts)
    start, previous = 0, None  # of the current header; the last closed function at this level
    for match in re.finditer(r"[{};]", code):
        sign = match.group(0)
        if sign == "{":
            header = code[start:match.start()]
            first = line_of(code, start + len(header) - len(header.lstrip()))
            kind = _kind(header, stack[-1][0] if stack else "container")
            if kind == "continued":
                kind, first = ("function", previous) if previous else ("container", first)
            stack.append((kind, first))
            previous = None
        elif sign == "}" and stack:
            kind, first = stack.pop()
            if kind == "function":
                found.append((first, line_of(code, match.start())))
                previous = first
        elif sign == ";":
            previous = None
        start = match.end()
    return _joined(found)


def _joined(found):
    """Initialiser braces and the body of one constructor are one function."""
    longest = {}
    for first, last in found:
        longest[first] = max(last, longest.get(first, 0))
    return sorted(longest.items())


def _python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check(tree):
    """Count lines; the numbers are limits, not targets."""
    problems = []
    sources = set(tree.matching(".cc", ".h", ".py")) | set(tree.scripts("python3"))
    for path in sorted(sources):
        text = tree.text(path)
        lines = text.splitlines()
        if len(lines) > MAX_FILE:
            problems.append(f"{path}:{len(lines)}: {len(lines)} lines (at most {MAX_FILE})")
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_LINE:
                problems.append(f"{path}:{number}: {len(line)} columns (at most {MAX_LINE})")
        try:
            found = functions(text) if path.endswith((".cc", ".h")) else _python_functions(text)
            for first, last in found:
                if last - first + 1 > MAX_FUNCTION:
                    problems.append(f"{path}:{first}: function of {last - first + 1} lines "
                                    f"(at most {MAX_FUNCTION})")
        except SyntaxError:
            pass  # check_scripts reports it
    return problems


def _cxx(lines):
    return "\n".join(f"  step({number});" for number in range(lines))


GOOD = {
    "lib/a.cc": f"void f() {{\n{_cxx(MAX_FUNCTION - 2)}\n}}\n"
                f"void g() const noexcept {{\n{_cxx(MAX_FUNCTION - 2)}\n}}\n",
    "lib/b.cc": "const int table[] = {\n" + "  1,\n" * 80 + "};\n",
    "lib/c.h": "class C {\n" + "  void f() { g(); }\n" * 80 + "};\n",
    "a.py": "def f():\n" + "    pass\n" * (MAX_FUNCTION - 1),
}
BAD = [
    ({"a.cc": "\n" * (MAX_FILE + 1)}, f"{MAX_FILE + 1} lines"),
    ({"a.py": "#" * (MAX_LINE + 1)}, f"{MAX_LINE + 1} columns"),
    ({"a.py": "def f():\n" + "    pass\n" * MAX_FUNCTION}, "a.py:1: function of 71"),
    ({"a.cc": f"int x;\nvoid f() {{\n{_cxx(69)}\n}}\n"}, "a.cc:2: function of 71"),
    ({"a.cc": f"namespace n {{\nR<int> N::f(int a = 1) const {{\n{_cxx(69)}\n}}\n}}\n"}, "a.cc:2:"),
    ({"a.cc": f"N::N(int a)\n    : a_{{a}},\n      b_(2) {{\n{_cxx(67)}\n}}\n"}, "a.cc:1: func"),
    ({"a.cc": f"N::N(int a) : a_(a) {{\n{_cxx(69)}\n}}\n"}, "a.cc:1: function of 71"),
    ({"a.cc": f'TEST_CASE("a b {{") {{\n{_cxx(69)}\n}}\n'}, "a.cc:1: function of 71"),
    ({"a.cc": f"bool operator==(A a, B b) {{\n{_cxx(69)}\n}}\n"}, "a.cc:1: function of 71"),
    ({"a.h": f"class C {{\n  template <typename T>\n  auto f(T t) -> int {{\n{_cxx(68)}\n"
             "  }\n};\n"}, "a.h:2: function of 71"),
]
