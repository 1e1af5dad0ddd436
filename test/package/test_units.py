# SPDX-License-Identifier: BSD-3-Clause
"""The units, judged by systemd's own tools; no systemd runs."""

import pathlib
import shutil

import pytest
from conftest import BUILD, TOP
from covey_lab.shell import run

# Tenths of what `systemd-analyze security` calls exposure, 100 being none of its advice followed.
EXPOSURE = {"coveyd.service": 43, "covey-hugepages.service": 12}
NARROW_EXPOSURE = 35  # coveyd.service with the drop-in for af_packet
DROP_IN = TOP / "conf" / "systemd" / "af_packet.conf"


@pytest.fixture(scope="module", name="root")
def _root(installed):
    """What is installed, and the targets that units refer to."""
    root = BUILD / "units"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(installed, root)
    targets = root / "usr" / "lib" / "systemd" / "system"
    targets.mkdir(parents=True, exist_ok=True)
    for target in pathlib.Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(target, targets, follow_symlinks=False)
    return root


@pytest.fixture(name="narrow_root")
def _narrow_root(root):
    """The same with the drop-in for af_packet uplinks."""
    drop_ins = root / "etc" / "systemd" / "system" / "coveyd.service.d"
    drop_ins.mkdir(parents=True)
    shutil.copy(DROP_IN, drop_ins)
    yield root
    shutil.rmtree(root / "etc")


def _verify(root, *units):
    done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", *units, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _security(root, unit, threshold):
    return run("systemd-analyze", "security", "--offline=yes", f"--root={root}",
               f"--threshold={threshold}", unit, check=False)


def test_systemd_finds_no_fault_with_the_units(root):
    _verify(root, *EXPOSURE)


def test_systemd_finds_no_fault_with_the_drop_in(narrow_root):
    _verify(narrow_root, "coveyd.service")


def test_a_fault_would_be_found(root):
    unit = next(root.rglob("coveyd.service"))
    text = unit.read_text()
    unit.write_text(text.replace("WatchdogSec=", "WatchdogSecs="))
    done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", "coveyd.service",
               check=False)
    unit.write_text(text)
    assert "WatchdogSecs" in done.stderr


@pytest.mark.parametrize("unit", EXPOSURE)
def test_a_unit_exposes_no_more_than_it_must(root, unit):
    done = _security(root, unit, EXPOSURE[unit])
    assert done.returncode == 0, done.stdout
    assert _security(root, unit, EXPOSURE[unit] - 5).returncode != 0, "lower EXPOSURE"


def test_with_the_drop_in_it_exposes_less(narrow_root):
    done = _security(narrow_root, "coveyd.service", NARROW_EXPOSURE)
    assert done.returncode == 0, done.stdout


def _reserve(wanted, present):
    """reserve-hugepages on a machine with a file in place of the kernel's; (process, pages)."""
    script = TOP / "conf" / "systemd" / "reserve-hugepages"
    pages = BUILD / "nr_hugepages"
    pages.write_text(present)
    # Nothing of this is seen outside: it has a mount namespace of its own.
    done = run("unshare", "--mount", "sh", "-c",
               'mount --bind "$1" /proc/sys/vm/nr_hugepages && exec env $2 "$3"', "-", str(pages),
               f"COVEY_HUGEPAGES={wanted}" if wanted is not None else "-", str(script),
               check=False)
    return done, pages.read_text()


@pytest.mark.parametrize("wanted, present, then", [
    (None, "7\n", "7\n"), ("", "7\n", "7\n"), ("0", "7\n", "7\n"), ("8", "7\n", "8\n"),
    ("8", "8\n", "8\n"), ("8", "900\n", "900\n")])
def test_huge_pages_become_as_many_as_wanted_and_never_fewer(wanted, present, then):
    done, pages = _reserve(wanted, present)
    assert done.returncode == 0, done.stderr
    assert pages == then


@pytest.mark.parametrize("wrong", ["many", "-1", "1.5", "8G"])
def test_a_number_of_huge_pages_that_is_none_is_refused_with_its_place(wrong):
    done, pages = _reserve(wrong, "7\n")
    assert done.returncode == 2
    assert f"COVEY_HUGEPAGES={wrong}: a number of huge pages is expected" in done.stderr
    assert "/etc/default/covey" in done.stderr
    assert pages == "7\n"


def test_too_few_huge_pages_are_a_failure_that_says_how_many_there_are():
    script = TOP / "conf" / "systemd" / "reserve-hugepages"
    # The kernel rounds this number of its own down, as it does when memory is in pieces.
    done = run("unshare", "--mount", "sh", "-c",
               'mount --bind /proc/$$/oom_adj /proc/sys/vm/nr_hugepages && '
               'exec env COVEY_HUGEPAGES=8 "$1"', "-", str(script), check=False)
    assert done.returncode == 1
    assert "only 7 of 8 huge pages" in done.stderr
