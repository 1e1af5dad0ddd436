# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the containers suite: the files of docker/, and the images made of them."""

import os
import pathlib
import shutil
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(TOP / "test" / name) for name in ("lab", "package", "support")]

# pylint: disable=wrong-import-position
import dockerfile
import engine
import yaml
from debian_root import DebianRoot, build_package, dependencies

BUILD = pathlib.Path(os.environ.get("COVEY_BUILD", TOP / "build"))
DOCKER = TOP / "docker"


def read_yaml(name):
    """A file of docker/."""
    return yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session", name="stages")
def _stages():
    """The stages of the Dockerfile by name."""
    return dockerfile.parse((DOCKER / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="session", name="package")
def _package():
    """The Debian package that the first stage makes, a file."""
    given = os.environ.get("COVEY_PACKAGE")
    return pathlib.Path(given) if given else build_package(TOP, BUILD)


def _image(stage, needed=()):
    """A Debian with the packages that a stage installs by name, and those needed for a file."""
    names = [name for name in stage.installed() if "/" not in name]
    return DebianRoot(BUILD / f"image-{stage.name}", sorted({*names, *needed}))


@pytest.fixture(scope="session", name="engine_works")
def _engine_works(tmp_path_factory):
    """Skips what runs containers where none can be run at all."""
    reason = engine.why_not(tmp_path_factory.mktemp("probe"))
    if reason:
        pytest.skip(f"crun runs no container here: {reason}")


def _copy_built(stage, origin, image):
    """Brings what a stage copies from another one, which builds it, from our own build."""
    (copied,) = ((sources, where) for name, sources, where in stage.copies() if name == origin)
    (source,), where = copied
    shutil.copy(BUILD / source.partition("/build/")[2], image.path(where))


@pytest.fixture(scope="session", name="images")
def _images(engine_works, stages, package):  # pylint: disable=unused-argument
    """For each image that compose.yaml names: its stage, and the directory it was unpacked to."""
    needed = dependencies(package)
    with (_image(stages["covey"], needed) as covey, _image(stages["web"]) as web,
          _image(stages["segment"], needed) as segment):
        covey.dpkg("--install", package)
        segment.dpkg("--install", package)
        _copy_built(stages["segment"], "build-segment", segment)
        yield {"covey:local": (stages["covey"], covey.directory),
               "covey-web:local": (stages["web"], web.directory),
               "covey-segment:local": (stages["segment"], segment.directory)}
