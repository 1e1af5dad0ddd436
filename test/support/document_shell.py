# SPDX-License-Identifier: BSD-3-Clause
"""Shells that are told one line of a document after the other, as by somebody who types them.

A `Machine` is this one with a file system that forgets: what is written to the usual places is seen
by its own shells alone, and gone with them. It has processes and network namespaces of its own,
too, so that all ends with it, however the test ends.
"""

import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import tempfile

from covey_lab.settings import REPOSITORY, Options
from covey_lab.shell import LabError, wait_until
from covey_lab.state import Process

PATIENCE = 120
PROGRAMS = ("covey", "coveyd", "covey-sim", "covey-replay")
# Whatever else becomes of a test: when it is gone, so is its child with all that runs inside.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]
ALONE = [*WITH_US, "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
         "--kill-child"]
LAYERED = ("/etc", "/root", "/tmp", "/usr/local")


class Done:
    """What became of a line: its exit status, and what it said. A part of a list (`a; b`) that
    fails makes the line fail."""

    def __init__(self, line, status, output):
        self.line = line
        self.status = status
        self.output = output

    def __repr__(self):
        return f"{self.line}\nexit status {self.status}\n{self.output}"


def says(pattern):
    """What looks whether a command has said something, a regular expression of lines."""
    def look(_, done):
        assert re.search(pattern, done.output, re.MULTILINE), done

    return look


class Shell:
    """bash, started by the command `prefix`. Not for several threads."""

    def __init__(self, prefix=(), environment=None):
        self._said = tempfile.TemporaryFile()
        self._reader, writer = os.pipe()
        self._child = subprocess.Popen(
            [*prefix, "bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=self._said,
            stderr=self._said, pass_fds=(writer,), start_new_session=True,
            env={**os.environ, **(environment or {})})
        self._writer = writer
        os.close(writer)
        self.run("trap 'bad=$?' ERR")
        self.process = next(process for process in Process.of(self._child.pid).family()
                            if _name(process) == "bash")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """The end of it, and of what it has started."""
        self._child.stdin.close()
        Process.of(self._child.pid).stop()
        self._child.wait()
        os.close(self._reader)
        self._said.close()

    def _output(self, since):
        return os.pread(self._said.fileno(), 1 << 26, since).decode(errors="replace")

    def _length(self):
        return os.fstat(self._said.fileno()).st_size

    def _begin(self, line, typed):
        words = f"<<< {shlex.quote(typed)}" if typed else "< /dev/null"
        script = (f"bad=0; {{ {line}\n}} {self._writer}>&- {words}; status=$?; "
                  f"echo $((bad ? bad : status)) >&{self._writer}\n")
        self._child.stdin.write(script.encode())
        self._child.stdin.flush()

    def _end(self, line, since, timeout):
        if not select.select([self._reader], [], [], timeout)[0]:
            raise LabError(f"{line}: no end within {timeout} s\n{self._output(since)}")
        return Done(line, int(os.read(self._reader, 16) or b"-1"), self._output(since))

    def run(self, line, typed="", timeout=PATIENCE):
        """A line to its end; `typed` is what it reads."""
        since = self._length()
        self._begin(line, typed)
        return self._end(line, since, timeout)

    def must(self, line, **options):
        """The output of a line that has to succeed."""
        done = self.run(line, **options)
        if done.status != 0:
            raise LabError(repr(done))
        return done.output

    def until(self, line, condition, timeout=PATIENCE):
        """A line that does not end by itself, by Ctrl-C once condition(output) is true."""
        since, before = self._length(), self._jobs()
        self._begin(line, "")
        try:
            wait_until(lambda: self._jobs() - before and condition(self._output(since)), timeout,
                       lambda: f"{line}: to say what is expected\n{self._output(since)}")
        finally:
            for process in map(Process.of, self._jobs() - before):
                # Who has a session of its own is not at this terminal.
                if _session(process) == self._child.pid:
                    process.signal(signal.SIGINT)
        return self._end(line, since, timeout)

    def repeat(self, line, condition, timeout=PATIENCE):
        """A question, again and again until condition(its Done) is true; the last answer."""
        last = [None]

        def is_right():
            last[0] = self.run(line)
            return condition(last[0])

        wait_until(is_right, timeout, lambda: f"the right answer: {last[0]}", interval=0.2)
        return last[0]

    def _jobs(self):
        return {process.pid for process in self.process.family()[1:]}


def _name(process):
    try:
        with open(f"/proc/{process.pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def _session(process):
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


def _layers(build):
    """The places that get a layer. What is mounted below one of them is not seen through it, so the
    tree and the build have their own, wherever they are."""
    places = {os.path.realpath(place) for place in (*LAYERED, REPOSITORY, build)}
    return sorted(place for place in places if os.path.isdir(place))


def _setup(build):
    """The lines that make a machine of a new mount namespace."""
    layers = {place: f"/run/layers/{number}" for number, place in enumerate(_layers(build))}
    yield "mount -t tmpfs tmpfs /run"
    for place, layer in layers.items():
        yield f"mkdir -p {layer}/lower {layer}/upper {layer}/work"
        yield shlex.join(["mount", "--bind", place, f"{layer}/lower"])
    for place, layer in layers.items():
        options = f"lowerdir={layer}/lower,upperdir={layer}/upper,workdir={layer}/work"
        yield shlex.join(["mount", "-t", "overlay", "-o", options, "overlay", place])
    ours = REPOSITORY / "build"
    if os.path.realpath(ours) != os.path.realpath(build):
        yield shlex.join(["mkdir", "-p", str(ours)])
        yield shlex.join(["mount", "--bind", str(build), str(ours)])
    yield shlex.join(["cd", str(REPOSITORY)])


class Machine(Shell):
    """A shell in the source tree, as root, with the built programs on its path."""

    def __init__(self):
        options = Options()
        self._build = build = options.build_dir().resolve()
        path = ":".join(str(options.program(name).resolve().parent) for name in PROGRAMS)
        self._environment = {
            "PATH": f"{path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8", "COVEY_BUILD": str(build), "BUILD": str(build)}
        super().__init__([*ALONE, "--mount-proc"], self._environment)
        for line in _setup(build):
            self.must(line)

    def path(self, inside):
        """Where a file of its own is seen from outside, as long as it lives."""
        return pathlib.Path(f"/proc/{self.process.pid}/root{inside}")

    def written(self, place):
        """What was written below one of LAYERED, by paths from there."""
        upper = self.path(f"/run/layers/{_layers(self._build).index(place)}/upper")
        return sorted(str(path.relative_to(upper)) for path in upper.rglob("*"))

    def inside(self, *prefix):
        """One more shell in it, started by the command `prefix`."""
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--pid"]
        shell = Shell([*WITH_US, *enter, *prefix], self._environment)
        shell.must(shlex.join(["cd", str(REPOSITORY)]))
        return shell
