# SPDX-License-Identifier: BSD-3-Clause
"""The lab itself leaves nothing behind, whatever happens to the program that made it."""

import os
import signal
import subprocess

import pytest
from conftest import options
from covey_lab import settings
from covey_lab.lab import Lab, abandoned, sweep
from covey_lab.shell import LabError, run, wait_until

TOOL = settings.REPOSITORY / "test" / "lab" / "lab"
OWNER = """
import sys, time
sys.path.insert(0, {path!r})
from covey_lab.lab import Lab, install_signal_handlers
from covey_lab import settings
install_signal_handlers()
lab = Lab(settings.Options(tag={tag!r}, hosts=2))
try:
    lab.up(start_hosts=False)
    print("up", flush=True)
    time.sleep(60)
finally:
    lab.down()
"""


def _traces(tag):
    names = run("ip", "netns", "list").stdout
    processes = run("ps", "-eo", "args").stdout
    found = [line for line in names.splitlines() if f"covey-{tag}-" in line]
    found += [line for line in processes.splitlines() if f"/covey-lab/{tag}/" in line]
    return found + ([tag] if settings.Options(tag=tag).state_dir().exists() else [])


def _owner(tag):
    code = OWNER.format(path=str(TOOL.parent), tag=tag)
    child = subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "up\n"
    assert _traces(tag)
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                         ids=lambda number: number.name)
def test_an_interrupted_lab_is_removed(number):
    tag = f"int{os.getpid()}"
    child = _owner(tag)
    child.send_signal(number)
    child.wait(timeout=20)
    assert _traces(tag) == []


def test_a_lab_whose_owner_was_killed_is_swept_by_the_next_one():
    tag = f"kill{os.getpid()}"
    child = _owner(tag)
    assert tag not in abandoned()
    child.kill()
    child.wait(timeout=20)
    assert tag in abandoned()
    assert tag in sweep()
    assert _traces(tag) == []


def test_up_interrupted_at_any_moment_leaves_nothing():
    tag = f"early{os.getpid()}"
    for line in range(1, 3):
        child = subprocess.Popen([str(TOOL), "--tag", tag, "up", "--no-daemon"],
                                 stdout=subprocess.PIPE, text=True)
        for _ in range(line):
            child.stdout.readline()
        child.send_signal(signal.SIGINT)
        child.wait(timeout=20)
        assert child.returncode == 130
        assert _traces(tag) == []


def test_two_labs_coexist_and_a_tag_is_used_once():
    first = Lab(options(tag=f"a{os.getpid()}", hosts=1))
    second = Lab(options(tag=f"b{os.getpid()}", hosts=1))
    try:
        first.up(start_hosts=False)
        second.up(start_hosts=False)
        with pytest.raises(LabError, match="exists"):
            Lab(options(tag=f"a{os.getpid()}", hosts=1)).up(start_hosts=False)
        for lab in (first, second):
            answer = lab.exec(1, ["curl", "-s", "http://127.0.0.1/"]).stdout
            assert answer == "web1\n"
        first.down()
        assert _traces(first.options.tag) == []
        assert _traces(second.options.tag)
    finally:
        first.down()
        second.down()
    assert _traces(second.options.tag) == []


def test_a_partition_cuts_and_heals_the_segment():
    lab = Lab(options(tag=f"cut{os.getpid()}", hosts=2))
    try:
        lab.up(start_hosts=False)
        for host in lab.hosts():
            lab.exec(host, ["ip", "address", "add", f"10.77.0.1{host}/24", "dev", "up0"])

        def reaches(host):
            return lab.exec("client", ["ping", "-c1", "-W1", f"10.77.0.1{host}"],
                            check=False).returncode == 0

        assert reaches(1) and reaches(2)
        lab.partition([[1], [2]])
        assert reaches(1) and not reaches(2)
        lab.partition([[2, "client"], [1]])
        assert reaches(2) and not reaches(1)
        lab.heal()
        wait_until(lambda: reaches(1) and reaches(2), 10, "the segment to be whole")
        with pytest.raises(LabError, match="exactly one group"):
            lab.partition([[1]])
    finally:
        lab.down()
