# SPDX-License-Identifier: BSD-3-Clause
"""Halt one thread of a process while the others go on, as a bug in it would; by ptrace(2).

SIGSTOP halts all threads of a process, so it cannot show what the others make of it.
"""

import ctypes
import os
import pathlib

from .shell import LabError

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000  # wait for threads, too
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace of thread {thread}: {os.strerror(code)}")


class Halted:
    """A thread that stands still until go_on(). The thread of Python that made it must end it."""

    def __init__(self, process, name):
        tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
        named = [int(task.name) for task in tasks if (task / "comm").read_text().strip() == name]
        if not named:
            raise LabError(f"process {process.pid} has no thread {name}")
        self._thread = named[0]
        _ptrace(_SEIZE, self._thread)
        _ptrace(_INTERRUPT, self._thread)
        os.waitpid(self._thread, _WALL)

    def go_on(self):
        """Let it go on."""
        _ptrace(_DETACH, self._thread)

    def bury(self):
        """After its process was killed: the kernel keeps the dead until whoever held them lets go.
        """
        os.waitpid(self._thread, _WALL)
