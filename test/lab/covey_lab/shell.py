# SPDX-License-Identifier: BSD-3-Clause
"""Run commands and wait for conditions; the two things every other file of the lab does.

Failures become LabError with the command and what it said, so that a caller never has to print
a bare exit status.
"""

import shlex
import subprocess
import time


class LabError(Exception):
    """Something the lab needs did not work; the message is meant for a person."""


def run(*argv, check=True, stdin=None, timeout=30, **options):
    """Run a command to its end and return it with stdout and stderr as text."""
    try:
        done = subprocess.run(argv, input=stdin, text=True, capture_output=True,
                              timeout=timeout, check=False, **options)
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{shlex.join(argv)}: no end within {timeout} s") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "said nothing")
        raise LabError(f"{shlex.join(argv)}: exit status {done.returncode}: {said}")
    return done


def ip(*args, check=True):
    """Run iproute2's ip."""
    return run("ip", *args, check=check)


def ip_batch(namespace, lines):
    """Run many ip commands inside one namespace in one process."""
    run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(lines) + "\n")


def wait_until(condition, timeout, what, interval=0.05):
    """Poll until condition() is true and return its value; LabError after timeout seconds.

    `what` may be text or a callable giving text, so that the message can tell the last state.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise LabError(f"waited {timeout:g} s for {text}")
        time.sleep(interval)
