# SPDX-License-Identifier: BSD-3-Clause
"""The table of libraries in docs/architecture.md, read as rules.

A row is `library | does | may include | third party`. In the third column a name opens a whole
library and a path (a pattern with * at most) one file; in the fourth, (.cc) restricts to sources
and to headers that no other library includes.
"""

import dataclasses
import re

DOCUMENT = "docs/architecture.md"
HEADING = "| library | does | may include | third party |"


@dataclasses.dataclass
class Row:
    """What one library may include."""
    libraries: set
    files: list
    third_party: dict  # name -> True when public headers may include it too


def read(tree):
    """{library: Row}, in the order of the document."""
    rows, inside = {}, False
    for _, line in tree.lines(DOCUMENT):
        if line.strip() == HEADING:
            inside = True
        elif inside and not line.startswith("|"):
            break
        elif inside and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            names = re.findall(r"`([^`]+)`", cells[2])
            rows[cells[0].strip("`")] = Row(
                {name for name in names if "/" not in name},
                [name for name in names if "/" in name],
                {name: not in_sources for name, in_sources
                 in re.findall(r"`([^`]+)`( \(\.cc\))?", cells[3])})
    return rows
