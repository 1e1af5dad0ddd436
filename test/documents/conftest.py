# SPDX-License-Identifier: BSD-3-Clause
"""Where the modules are that all tests of documents use."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / name)
                for name in ("lab", "support")]
