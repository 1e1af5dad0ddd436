# SPDX-License-Identifier: BSD-3-Clause
"""Passed and failed cases of test programs, from what they printed.

Every meson test counts its Catch2 cases, or one if it is no Catch2 program.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

# What a test has to say beside its counts.
FIGURES = re.compile(r"^figures: (.*)$", re.MULTILINE)
CATCH_PASSED = re.compile(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)")
CATCH_COUNTS = re.compile(r"^test cases:\s+\d+(.*)$", re.MULTILINE)
PLAIN_COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


def cases_of(output: str, succeeded: bool) -> tuple[int, int]:
    """Passed and failed cases of one test program, from what it printed and how it ended."""
    if match := CATCH_PASSED.search(output):
        passed, failed = int(match[1]), 0
    elif match := CATCH_COUNTS.search(output):
        passed = int((re.search(r"(\d+) passed", match[1]) or [0, 0])[1])
        failed = int((re.search(r"(\d+) failed", match[1]) or [0, 0])[1])
    elif matches := PLAIN_COUNTS.findall(output):
        passed, failed = int(matches[-1][0]), int(matches[-1][1])
    else:
        passed, failed = int(succeeded), int(not succeeded)
    if not succeeded and failed == 0:
        failed = 1  # it died after counting, or a sanitizer spoke
    return passed, failed


def meson_options(suites: list[str], without: Iterable[str] = ()) -> list[str]:
    """What `meson test` is told to run these suites and no tests that are in others too."""
    options = ["--no-rebuild", "--print-errorlogs"]
    for suite in suites:
        options += ["--suite", suite]
    for suite in without:
        options += ["--no-suite", suite]
    return options


def meson_log(build: Path) -> Path:
    """What `meson test` leaves of its last run."""
    return build / "meson-logs" / "testlog.json"


def meson_entries(build: Path) -> list[dict]:
    """Of each test of the last run of `meson test` that was not skipped: name, result, stdout."""
    log = meson_log(build)
    lines = log.read_text().splitlines() if log.exists() else []
    return [entry for line in lines if (entry := json.loads(line))["result"] != "SKIP"]


def cases_of_entry(entry: dict) -> tuple[int, int]:
    """The cases of one of these."""
    return cases_of(entry.get("stdout") or "", entry["result"] == "OK")


def failed_in_meson(build: Path) -> list[str]:
    """The names of its tests that failed."""
    return [entry["name"] for entry in meson_entries(build) if cases_of_entry(entry)[1]]


def cases_of_meson(build: Path, status: int) -> tuple[int, int]:
    """The cases of the last run of `meson test`, which ended with `status`."""
    if not meson_log(build).exists():
        print(f"no test ran in {build}")
        return 0, 1
    passed = failed = 0
    for entry in meson_entries(build):
        for figures in FIGURES.findall(entry.get("stdout") or ""):
            print(f"  {figures}")
        counts = cases_of_entry(entry)
        passed, failed = passed + counts[0], failed + counts[1]
    return passed, failed if failed or status == 0 else 1
