# SPDX-License-Identifier: BSD-3-Clause
"""Traffic for the lab: clients that count every answer and believe nothing."""
