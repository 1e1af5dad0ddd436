# SPDX-License-Identifier: BSD-3-Clause
"""Processor time, as the kernel counts it."""

import os
from pathlib import Path


def of_machine():
    """Seconds that all CPUs were busy, with whatever; in ticks."""
    words = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _waiting, hard, soft = map(int, words[:7])
    return (user + nice + system + hard + soft) / os.sysconf("SC_CLK_TCK")


def in_user_mode(processes):
    """Seconds that processes of the lab ran their own code, not the kernel's; in ticks."""
    ticks = 0
    for process in processes:
        stat = Path(f"/proc/{process.pid}/stat").read_text("ascii")
        ticks += int(stat.rpartition(")")[2].split()[11])
    return ticks / os.sysconf("SC_CLK_TCK")


def of_processes(processes, thread=""):
    """Seconds of all threads of processes of the lab, or of those with this name; exact."""
    nanoseconds = 0
    for process in processes:
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            if thread in ("", (task / "comm").read_text("ascii").strip()):
                nanoseconds += int((task / "schedstat").read_text("ascii").split()[0])
    return nanoseconds / 1e9
