# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the package suite: the tree that `make install` makes, and the Debian package.

Everything is made once, below the build directory.
"""

import json
import os
import pathlib
import shutil
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "test" / name) for name in ("lab", "support")]

# pylint: disable=wrong-import-position
from covey_lab.shell import run
from debian_root import build_package

BUILD = pathlib.Path(os.environ.get("COVEY_BUILD", TOP / "build"))
NAMESPACE = f"covey-package{os.getpid()}"


def build_option(name):
    """An option of the build directory."""
    options = json.loads(run("meson", "introspect", str(BUILD), "--buildoptions").stdout)
    return next(option["value"] for option in options if option["name"] == name)


@pytest.fixture(scope="session", name="installed")
def _installed():
    """The root of what `make install DESTDIR=` installs."""
    root = BUILD / "installed"
    shutil.rmtree(root, ignore_errors=True)
    run("meson", "install", "-C", str(BUILD), "--no-rebuild", "--destdir", str(root))
    return root


@pytest.fixture(scope="session", name="package")
def _package():
    """The Debian package, a file."""
    return build_package(TOP, BUILD)


@pytest.fixture(scope="module", name="segment")
def _segment():
    """A network namespace with the interface that the installed configuration names, plugged in."""
    run("ip", "netns", "add", NAMESPACE)
    run("ip", "-n", NAMESPACE, "link", "add", "eth1", "type", "veth", "peer", "name", "switch")
    run("ip", "-n", NAMESPACE, "link", "set", "switch", "up")
    run("ip", "-n", NAMESPACE, "link", "set", "lo", "up")
    yield NAMESPACE
    run("ip", "netns", "delete", NAMESPACE)
