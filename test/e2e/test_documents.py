# SPDX-License-Identifier: BSD-3-Clause
"""The documents that make a lab, carried out line by line: each in a machine of its own, with the
lab that the document itself makes and takes away again."""

import json
import re

import pytest
from covey_lab.daemon import agrees
from covey_lab.shell import wait_until
from document_places import LAB, placed, unknown
from document_shell import Machine, says

DOCUMENTS = sorted({command.document for command in placed(LAB)})
EXPLAIN = "explain tcp 10.77.0.100:40000 10.77.0.50:80"
CAPTURE = "test/lab/lab capture -o /tmp/segment.pcap tcp port 80"
HEADER = 24  # bytes of a capture without packets


def _becomes(question, pattern):
    """Asks until the answer is what the document says; whoever reads is slower than a cluster."""
    def look(shell, _):
        shell.repeat(question, lambda done: re.search(pattern, done.output, re.MULTILINE))

    return look


def _converges(host, members):
    """Waits until a host of the lab says that it has converged with these members."""
    def look(shell, _):
        shell.repeat(f"test/lab/lab covey {host} query --json",
                     lambda done: done.status == 0 and agrees(json.loads(done.output), members))

    return look


def _one_delivers(shell, _):
    answers = [shell.must(f"test/lab/lab covey {host} {EXPLAIN}") for host in (1, 2, 3)]
    assert sum("deliver_" in answer for answer in answers) == 1, answers


def _is_down(shell, _):
    """Nothing is left: no name, no file, no process."""
    assert shell.must("ip netns list; ls /run/covey-lab") == ""
    wait_until(lambda: not any(process.alive() for process in shell.process.family()[1:]), 10,
               lambda: shell.must("ps -e -o pid,stat,args"))


BY_NAME = says(r"^web[123]$")
# What a command shows that is easy to see, beside its exit status.
LOOK = {
    "make lab-up HOSTS=3": says("ready. Virtual addresses 10.77.0.50"),
    "make lab-down": _is_down,
    "test/lab/lab up --hosts 3 --weights 100,100,50": says("ready. Virtual addresses 10.77.0.50"),
    "test/lab/lab down": _is_down,
    "test/lab/lab exec client curl http://10.77.0.50/": BY_NAME,
    "test/lab/lab exec client curl -s http://10.77.0.50/": BY_NAME,
    "test/lab/lab exec client curl -s --interface 2001:db8:78:3::4 'http://[2001:db8:77::50]/peer'":
        says(r"^2001:db8:78:3::4 \d+$"),
    "test/lab/lab covey 1 query": says("converged"),
    "covey -s /run/covey-lab/lab/h1.sock query": says("converged"),
    f"test/lab/lab covey 1 {EXPLAIN}": _one_delivers,
    f"test/lab/lab covey 3 {EXPLAIN}": _one_delivers,
    f"test/lab/lab covey 3 {EXPLAIN} --flags ack": says("deliver_flow"),
    "test/lab/lab covey 1 buckets web": says("^hosts: 1=1 2=2 3=3$"),
    "test/lab/lab covey 1 history": says("moved"),
    "test/lab/lab kill 2 -9; test/lab/lab covey 1 query": _converges(1, [1, 3]),
    "test/lab/lab covey 1 events": says("host_lost"),
    "test/lab/lab status": says("web2: coveyd does not run"),
    "test/lab/lab start 2": _converges(1, [1, 2, 3]),
    "test/lab/lab crash 3": _converges(1, [1, 2]),
    "test/lab/lab start 3": _converges(1, [1, 2, 3]),
    "test/lab/lab covey 3 drainstop": _becomes("test/lab/lab covey 1 query", r"^.*web3\b.*stopped"),
    "test/lab/lab covey 3 start": _converges(1, [1, 2, 3]),
    "test/lab/lab pause 3; test/lab/lab resume 3": _converges(1, [1, 2, 3]),
    "test/lab/lab partition 1,2 3; sleep 3; test/lab/lab covey 3 query": _converges(3, [3]),
    "test/lab/lab partition 1,2 3; test/lab/lab heal": _converges(1, [1, 2, 3]),
    "test/lab/lab heal; sleep 3; test/lab/lab covey 3 query": _converges(3, [1, 2, 3]),
}


def _holder(shell):
    """The host that holds the download of docs/concepts.md, once it has begun."""
    def holder():
        flows = {host: shell.must(f"test/lab/lab covey {host} flows") for host in (1, 2, 3)}
        return next((host for host in flows if "10.77.0.100:40000" in flows[host]), None)

    return wait_until(holder, 30, "a host to hold the download")


def _capture(shell):
    """Until Ctrl-C, with something to be seen; it is written when there is enough of it."""
    file = shell.path("/tmp/segment.pcap")
    with shell.inside() as other:
        def is_written(said):
            if "listening on" in said:
                other.must("test/lab/lab exec client curl -s http://10.77.0.50/")
            return file.exists() and file.stat().st_size > HEADER

        shell.until(CAPTURE, is_written)
    assert "10.77.0.50.80" in shell.must("tcpdump -n -r /tmp/segment.pcap")


def _in_order(commands):
    """As somebody does who reads the comments, too."""
    return sorted(commands, key=lambda command: command.after.startswith("at the end"))


def test_the_table_of_this_test_is_about_commands_that_there_are():
    assert unknown(LOOK, LAB) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_lab_is_what_the_document_says(no_lab, document):  # pylint: disable=unused-argument
    with Machine() as machine:
        held = None
        for command in _in_order(placed(LAB, document)):
            line = command.text
            if "take its number" in command.after:
                held = _holder(machine)
            if held and "--local-port" in command.block:
                line = line.replace("covey 3 ", f"covey {held} ")
            if line == CAPTURE:
                _capture(machine)
                continue
            done = machine.run(line)
            assert done.status == 0, (command.place(), done)
            LOOK.get(command.text, lambda *_: None)(machine, done)
