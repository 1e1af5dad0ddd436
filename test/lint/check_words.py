# SPDX-License-Identifier: BSD-3-Clause
"""Words that must not occur: clocks, chance, threads and output in pure code; new in any code."""

import re

from tree import code_only, line_of

PURE = ("base", "packet", "bucket", "flow", "forwarding", "heartbeat", "convergence")
EXCEPTIONS = {("lib/base/base.cc", "output")}  # a failed assertion says so before it aborts

# (folders, name of the rule, pattern, why)
RULES = [
    (PURE, "clock", r"\b(\w*_clock|clock_gettime|gettimeofday|time)\s*(::now)?\s*\(|_clock::now",
     "pure code is told the time"),
    (PURE, "chance", r"\b(s?rand|random|drand48|getrandom)\s*\(|\b(random_device|mt19937(_64)?)\b",
     "chance enters as a seed in an input"),
    (PURE, "threads", r"std::(j?thread|(\w+_)?mutex|condition_variable(_any)?|async|future|promise"
                      r"|\w+_lock|lock_guard|counting_semaphore|latch|barrier)\b|\bpthread_\w+",
     "pure code runs on its caller's thread"),
    (PURE, "sleep", r"\b(u|nano)?sleep(_for|_until)?\s*\(", "pure code never waits"),
    (PURE, "platform", r"\brte_\w+|\bboost::", "the shells own the platform"),
    (PURE, "output", r"\b(v|f|vf)?printf\s*\(|\bf?puts\s*\(|std::(cout|cerr|clog)\b|\bfmt::print\b",
     "pure code returns values"),
    (PURE, "environment", r"\b(secure_)?getenv\s*\(|std::[io]?fstream\b|\bfopen\s*\(",
     "pure code is given its inputs"),
    (PURE, "throw", r"\bthrow\b", "errors are values"),
    (("convergence",), "unordered", r"\bunordered_\w+",
     "iteration order differs between hosts"),
    (("convergence", "bucket"), "floating point", r"\b(float|double)\b",
     "rounding differs between hosts"),
    ((), "new", r"(?<!operator )\bnew\b\s*[\w:(]", "ownership is a unique_ptr"),
    ((), "delete", r"(?<!operator )(?<!=)(?<!= )\bdelete\b\s*(\[\s*\])?\s*[\w(*]",
     "ownership is a unique_ptr"),
    ((), "views", r"\bstd::(ranges::)?views::", "clang 14 cannot compile them"),
    ((), "using namespace", r"\busing\s+namespace\s+(?!std::\w*literals)",
     "names say where they live"),
    ((), "assert", r"(?<!static_)\bassert\s*\(", "COVEY_ASSERT stays on in release builds"),
]


def _concerns(path, folders):
    return not folders or any(path.startswith(f"lib/{folder}/") for folder in folders)


def check(tree):
    """Search the code, not its comments and strings."""
    problems = []
    for path in tree.matching(".h", ".cc", under=("lib", "app")):
        code = code_only(tree.text(path))
        for folders, name, pattern, why in RULES:
            if not _concerns(path, folders) or (path, name) in EXCEPTIONS:
                continue
            for match in re.finditer(pattern, code):
                problems.append(f"{path}:{line_of(code, match.start())}: "
                                f"`{match.group(0).strip()}` ({name}: {why})")
    return problems


def _one(library, line):
    return {f"lib/{library}/a.cc": line + "\n"}


GOOD = {
    "lib/bucket/a.cc": '// double, rand() and new things\nconst char* s = "float rand() throw";\n'
                       "C(const C&) = delete;\nint operand(int);\nint newer(int);\n",
    "lib/control/a.cc": "auto t = std::chrono::steady_clock::now();\nstd::thread t2;\n",
    "lib/base/base.cc": "std::fprintf(stderr, 0);\n",
    "lib/heartbeat/a.cc": "double ratio;\nMap new_one(renew(1));\nbase::TimePoint time;\n",
}
BAD = [
    (_one("flow", "auto t = std::chrono::steady_clock::now();"), "clock"),
    (_one("forwarding", "int x = rand();"), "chance"),
    (_one("bucket", "std::random_device d;"), "chance"),
    (_one("packet", "std::mutex m;"), "threads"),
    (_one("packet", "std::thread t(f);"), "threads"),
    (_one("convergence", "usleep(1);"), "sleep"),
    (_one("forwarding", "rte_mbuf* m = nullptr;"), "platform"),
    (_one("convergence", "boost::asio::io_context c;"), "platform"),
    (_one("heartbeat", 'std::printf("x");'), "output"),
    (_one("packet", 'fprintf(stderr, "x");'), "output"),
    (_one("base", 'std::getenv("X");'), "environment"),
    (_one("base", "throw 1;"), "throw"),
    (_one("convergence", "std::unordered_map<int, int> m;"), "unordered"),
    (_one("bucket", "double share = 0.5;"), "floating point"),
    (_one("convergence", "float x;"), "floating point"),
    (_one("control", "auto* p = new Thing(1);"), "new"),
    (_one("control", "delete p;"), "delete"),
    (_one("control", "delete[] p;"), "delete"),
    (_one("cli", "for (int x : std::views::iota(0)) {}"), "views"),
    (_one("cli", "using namespace std;"), "using namespace"),
    (_one("cli", "assert(x);"), "assert"),
]
