# SPDX-License-Identifier: BSD-3-Clause
"""Enter a network namespace with the calling thread only.

A socket belongs for ever to the namespace in which it was made, and the kernel keeps the
namespace per thread, so traffic tools open their sockets under `inside()` and may use them
anywhere. Python 3.11 has no os.setns, hence ctypes.
"""

import contextlib
import ctypes
import os
import threading

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


@contextlib.contextmanager
def inside(name):
    """Run the body of a with statement in namespace `name`; other threads stay where they are."""
    home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


class Background(threading.Thread):
    """A thread that runs `work()` inside a namespace; `result()` joins it and re-raises."""

    def __init__(self, namespace, work, name):
        super().__init__(name=name, daemon=True)
        self._namespace = namespace
        self._work = work
        self._value = None
        self._error = None
        self.start()

    def run(self):
        try:
            with inside(self._namespace):
                self._value = self._work()
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error

    def result(self, timeout=None):
        """The value of work(), or its exception; TimeoutError when it does not end in time."""
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"{self.name} did not end within {timeout} s")
        if self._error is not None:
            raise self._error
        return self._value


def call_inside(namespace, work, timeout=120):
    """Run work() in a thread of its own inside the namespace and return its value."""
    return Background(namespace, work, "call_inside").result(timeout)
