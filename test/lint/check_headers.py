# SPDX-License-Identifier: BSD-3-Clause
"""Every header of lib/ compiles by itself, with only the third parties its library may use."""

import concurrent.futures
import hashlib
import os
import re
import subprocess

import table

FLAGS = ["-std=c++2b", "-march=x86-64-v2", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def _closure(tree, name, seen):
    """The header and all headers of lib/ that it reaches."""
    path = f"lib/{name}"
    if name in seen or not tree.exists(path):
        return
    seen.add(name)
    for target in re.findall(r'^\s*#\s*include\s*"([^"]+)"', tree.text(path), re.M):
        _closure(tree, target, seen)


def _command(name, dpdk_flags):
    return ["g++", *FLAGS, *dpdk_flags, "-Ilib", "-x", "c++", "-"], f'#include "{name}"\n'


def _digest(tree, command, compiler):
    seen = set()
    _closure(tree, re.search('"(.*)"', command[1])[1], seen)
    text = repr((command, compiler)) + "".join(tree.text(f"lib/{name}") for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()


def _compile(tree, path, command, mark):
    arguments, source = command
    result = subprocess.run(arguments, input=source, cwd=tree.root, capture_output=True, text=True,
                            check=False)
    if result.returncode == 0:
        if mark:
            mark.touch()
        return []
    errors = [line for line in result.stderr.splitlines() if "error" in line] or ["error"]
    return [f"{path}:1: does not compile alone: {errors[0]}"]


def _tool_output(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, check=False).stdout.strip()


def check(tree):
    """Compile each header alone; what compiled once is remembered in the build directory."""
    rows = table.read(tree)
    compiler = _tool_output("g++", "--version")
    dpdk = [flag.replace("-I", "-isystem") for flag
            in _tool_output("pkg-config", "--cflags", "libdpdk").split()
            if not flag.startswith("-march")]
    build = tree.root / os.environ.get("COVEY_BUILD", "build")
    memory = build / "lint-cache" if build.is_dir() else None
    if memory:
        memory.mkdir(exist_ok=True)
    jobs = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in tree.matching(".h", under=("lib",)):
            row = rows.get(path.split("/")[1])
            with_dpdk = row is not None and "DPDK" in row.third_party
            command = _command(path.removeprefix("lib/"), dpdk if with_dpdk else [])
            mark = memory / _digest(tree, command, compiler) if memory else None
            if not mark or not mark.exists():
                jobs.append(pool.submit(_compile, tree, path, command, mark))
    return [problem for job in jobs for problem in job.result()]


_TABLE = f"{table.HEADING}\n| --- | --- | --- | --- |\n| `base` | words | | |\n"
GOOD = {table.DOCUMENT: _TABLE, "lib/base/a.h": "#pragma once\n#include <cstdint>\n"
                                                "inline std::uint8_t one() { return 1; }\n"}
BAD = [
    ({**GOOD, "lib/base/b.h": "#pragma once\ninline std::uint8_t two() { return 2; }\n"},
     "b.h:1: does not compile alone"),
]
