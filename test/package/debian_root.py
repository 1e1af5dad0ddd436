# SPDX-License-Identifier: BSD-3-Clause
"""A Debian of its own below a directory: what a package depends on, and nothing else.

Made by mmdebstrap from Debian's mirror, once for each set of packages; no systemd runs in it.
"""

import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from covey_lab.shell import run
from covey_lab.state import Process

MINUTES = 60


def build_package(top, build):
    """Builds the Debian package of a source tree below a build directory; the file."""
    built = run(str(top / "conf" / "debian" / "build"), str(build), timeout=25 * MINUTES).stdout
    (path,) = built.split()
    return pathlib.Path(path)


def dependencies(package):
    """The names of the packages that a package needs to be installed."""
    fields = run("dpkg-deb", "-f", str(package), "Pre-Depends", "Depends").stdout
    relations = " ".join(line.partition(":")[2] if ":" in line else line
                         for line in fields.splitlines())
    return sorted({re.match(r"[a-z0-9][a-z0-9+.-]*", relation.strip())[0]
                   for relation in relations.split(",")})


def command_line(root):
    """What systemd would start, without what /etc/default/covey leaves empty."""
    unit = root.path("/lib/systemd/system/coveyd.service").read_text()
    line = re.search(r"(?m)^ExecStart=(.*)$", unit)[1]
    return [word for word in line.split() if not word.startswith("$")]


def enabled(root):
    """The links by which systemd would start our units; from outside they lead nowhere."""
    return list(root.path("/etc/systemd").rglob("*.wants/covey*"))


class DebianRoot:
    """Use it as a context manager: it is gone afterwards, with all that ran in it."""

    def __init__(self, directory, packages, release="bookworm", deps=None):
        """`deps`: a program, in a directory of its own, and arguments; it installs more, inside."""
        self.directory = directory
        self._packages = packages
        self._release = release
        self._deps = deps
        self._children = []

    def __enter__(self):
        self._unpack()
        return self

    def __exit__(self, *_):
        for child in self._children:
            Process.of(child.pid).stop()
            child.wait()
        shutil.rmtree(self.directory)

    def _number(self):
        """Another one for whatever else is in it."""
        parts = [self._release, *self._packages]
        if self._deps:
            files = sorted(self._deps[0].parent.iterdir())
            parts += [*self._deps[1:], *(file.read_text() for file in files)]
        return hashlib.sha256(",".join(parts).encode()).hexdigest()[:12]

    def _make(self, tar):
        options = [f"--include={','.join(self._packages)}"] if self._packages else []
        if self._deps:
            program, *arguments = self._deps
            there = f"/tmp/{program.parent.name}"
            install = shlex.join([f"{there}/{program.name}", *arguments])
            options += [f"--customize-hook=copy-in {program.parent} /tmp",
                        f'--customize-hook=chroot "$1" {install}',
                        f'--customize-hook=rm -r "$1"{there}']
        # Nobody misses a half-written file of it after a crash.
        run("mmdebstrap", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io",
            *options, self._release, str(tar), timeout=20 * MINUTES,
            env={**os.environ, "TMPDIR": str(tar.parent)})

    def _unpack(self):
        base = self.directory.with_name(f"{self.directory.name}-{self._number()}.tar")
        if not base.exists():
            fresh = base.with_suffix(".new.tar")
            self._make(fresh)
            fresh.rename(base)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir()
        run("tar", "-x", "-f", str(base), "-C", str(self.directory), timeout=5 * MINUTES)

    def path(self, inside):
        """Where a path of the inside is outside."""
        return self.directory / inside.lstrip("/")

    def files(self):
        """All there is inside, but for what apt and dpkg remember of the past."""
        found = {f"/{path.relative_to(self.directory)}" for path in self.directory.rglob("*")}
        return {path for path in found
                if not path.startswith(("/var/lib/dpkg/", "/var/log/", "/var/cache/"))}

    def run(self, *argv, **options):
        """Run a command inside."""
        return run("chroot", str(self.directory), "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *argv, **options)

    def dpkg(self, action, what):
        """Install a file, or remove or purge a package."""
        if action == "--install":
            shutil.copy(what, self.path("/package.deb"))
            self.run("dpkg", action, "/package.deb", timeout=5 * MINUTES)
            self.path("/package.deb").unlink()
        else:
            self.run("dpkg", action, what, timeout=5 * MINUTES)

    def inside(self, argv, environment, binds=()):
        """The command that runs another one inside, with devices and the kernel's files, and with
        `binds`: (directory outside, path inside, options). What it mounts ends with it."""
        mounts = ['mount --rbind /dev "$0/dev"', 'mount -t proc proc "$0/proc"',
                  'mount -t sysfs sysfs "$0/sys"']
        for outside, inside, options in binds:
            self.path(inside).mkdir(parents=True, exist_ok=True)
            mounts.append(shlex.join(["mount", "--bind", "-o", options, str(outside),
                                      str(self.path(inside))]))
        script = " && ".join([*mounts, 'exec chroot "$0" env "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script,
                str(self.directory), *(f"{name}={value}" for name, value in environment.items()),
                *argv]

    def start(self, namespace, environment, argv, log):
        """Start a program inside, in a network namespace; see inside()."""
        with open(log, "wb") as output:
            child = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *self.inside(argv, environment)],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
        self._children.append(child)
        return child
