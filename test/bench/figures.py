# SPDX-License-Identifier: BSD-3-Clause
"""What every benchmark prints and writes: a table and bars for people, JSON for machines."""

import json
import math
import os
import re
import shlex
import sys
from pathlib import Path

import plot

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("COVEY_BUILD", TOP / "build"))


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = model[1] if model else "unknown CPU"
    return f"{cpu}, {os.cpu_count()} cores, kernel {os.uname().release}"


def row(name: str, value: float, unit: str, **comparison) -> dict:
    empty = {"reference": None, "ratio": None, "target": None, "pass": None}
    return {"name": name, "value": value, "unit": unit, **empty, **comparison}


def quantile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def print_table(rows: list[dict]) -> None:
    width = max((len(entry["name"]) for entry in rows), default=0)
    print(f"{'what':<{width}} {'value':>8} {'unit':<10} {'reference':>9} {'ratio':>6} "
          f"{'target':>6}")
    for entry in rows:
        figures = (entry["reference"], entry["ratio"], entry["target"])
        cells = ["" if figure is None else figure for figure in figures]
        verdict = {None: "", True: "reached", False: "missed"}[entry["pass"]]
        print(f"{entry['name']:<{width}} {entry['value']:>8} {entry['unit']:<10} "
              f"{cells[0]:>9} {cells[1]:>6} {cells[2]:>6}  {verdict}")


def write(rows: list[dict], name: str) -> None:
    """The last that a benchmark does: its rows, and how they came about, as JSON and as SVG."""
    script = Path(sys.argv[0]).resolve().relative_to(TOP)
    report = {"machine": machine(), "load": round(os.getloadavg()[0], 1),
              "command": shlex.join([str(script), *sys.argv[1:]]), "rows": rows}
    path = BUILD / name
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {path}")
    if rows:
        plot.draw(path)
