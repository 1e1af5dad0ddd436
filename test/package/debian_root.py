# SPDX-License-Identifier: BSD-3-Clause
"""A Debian of its own below a directory: what a package depends on, and nothing else.

Made by mmdebstrap from Debian's mirror, once for each set of packages; no systemd runs in it.
"""

import hashlib
import os
import pathlib
import re
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


class DebianRoot:
    """Use it as a context manager: it is gone afterwards, with all that ran in it."""

    def __init__(self, directory, packages):
        self.directory = directory
        self._packages = packages
        self._children = []

    def __enter__(self):
        self._unpack()
        return self

    def __exit__(self, *_):
        for child in self._children:
            Process.of(child.pid).stop()
            child.wait()
        shutil.rmtree(self.directory)

    def _unpack(self):
        number = hashlib.sha256(",".join(self._packages).encode()).hexdigest()[:12]
        base = self.directory.with_name(f"{self.directory.name}-{number}.tar")
        if not base.exists():
            fresh = base.with_suffix(".new.tar")
            run("mmdebstrap", "--mode=root", "--variant=minbase",
                f"--include={','.join(self._packages)}", "bookworm", str(fresh),
                timeout=20 * MINUTES, env={**os.environ, "TMPDIR": str(base.parent)})
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

    def start(self, namespace, environment, argv, log):
        """Start a program inside, in a network namespace, with devices and the kernel's files."""
        mounts = ('mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && '
                  'mount -t sysfs sysfs "$0/sys" && exec chroot "$0" env "$@"')
        with open(log, "wb") as output:
            child = subprocess.Popen(
                ["ip", "netns", "exec", namespace, "unshare", "--mount", "--propagation",
                 "private", "sh", "-c", mounts, str(self.directory),
                 *(f"{name}={value}" for name, value in environment.items()), *argv],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
        self._children.append(child)
        return child
