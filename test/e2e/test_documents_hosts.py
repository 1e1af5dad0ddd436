# SPDX-License-Identifier: BSD-3-Clause
"""What the documents tell somebody to type on a host, typed on the hosts of a lab.

Each is made to look like a machine of its own: in its network namespace, with its socket where the
documents have it. What is shown below a command is what it must say."""

import contextlib
import dataclasses
import json
import re
import typing

import pytest
from covey_lab.daemon import agrees
from document_places import HOST, blocks, in_block, unknown
from document_shell import Machine, says

STATE = "/run/covey-lab/lab"
HOSTS = (1, 2, 3)
CAPTURE = "covey capture web.pcapng 'tcp port 80' --time 10s"
EVENTS = ("curl -N -H 'Accept: text/event-stream' --unix-socket /run/covey/coveyd.sock "
          "http://covey/v1/events")
TSHARK = ("tshark -i eth1 -f 'ether proto 0x88b5' -X lua_script:conf/wireshark/covey.lua "
          "-o covey.key:/etc/covey/cluster.key")
# What makes of a namespace of the lab a host of the documents.
SETUP = ("mkdir -p /run/covey /etc/covey",
         "touch /run/covey/coveyd.sock /etc/covey/cluster.key",
         f"mount --bind {STATE}/h$HOST.sock /run/covey/coveyd.sock",
         f"mount --bind {STATE}/h$HOST.key /etc/covey/cluster.key",
         "ip link property add dev up0 altname eth1")


class Hosts:
    """The machine that the lab is in, and a shell on each host."""

    def __init__(self, machine, shells):
        self.machine = machine
        self.shells = shells

    def lab(self, words):
        """The output of a command of the lab that has to succeed."""
        return self.machine.must(f"test/lab/lab {words}")

    def converge(self):
        """Wait until all agree that they are the cluster."""
        for host in HOSTS:
            self.machine.repeat(
                f"test/lab/lab covey {host} query --json",
                lambda done: done.status == 0 and agrees(json.loads(done.output), HOSTS))

    @contextlib.contextmanager
    def configuration(self, change):
        """Another configuration file on host 1; `change` makes it of the present one."""
        file = self.machine.path(STATE) / "h1.yaml"
        before = file.read_text(encoding="utf-8")
        file.write_text(change(before), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")
            self.lab("covey 1 reload")


@pytest.fixture(name="hosts", scope="module")
def _hosts(no_lab):  # pylint: disable=unused-argument
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(Machine())
        machine.must("test/lab/lab up --hosts 3")
        shells = {}
        for host in HOSTS:
            shells[host] = stack.enter_context(machine.inside(
                "ip", "netns", "exec", f"covey-lab-h{host}", "unshare", "--mount",
                "--propagation", "private"))
            for line in (f"HOST={host}", *SETUP):
                shells[host].must(line)
        yield Hosts(machine, shells)
        machine.must("test/lab/lab down")


def _shown(command, done):
    """What the document shows below the command is what it said."""
    assert done.output.rstrip() == "\n".join(command.shown).rstrip()


def _plain(line):
    """A line without figures, instants and the widths of columns."""
    words = re.sub(r"\d[-\d:.TZ]*", "N", " ".join(line.split()))
    return re.sub(r"\b(fault|note)s\b", r"\1", words)


def _likewise(command, done):
    """What the document shows is what it said, but for figures."""
    assert _plain(done.output) == _plain(" ".join(command.shown)), done


def _among_others(command, done):
    """What the document shows is in what it said, line by line, but for figures."""
    said = [_plain(line) for line in done.output.splitlines()]
    assert [line for line in command.shown if line and _plain(line) not in said] == [], done


@contextlib.contextmanager
def _deaf_host(hosts):
    """Host 3 does not answer, for orders to all."""
    hosts.lab("pause 3")
    yield
    hosts.lab("resume 3")
    hosts.lab("covey 1 start all")
    hosts.converge()


@contextlib.contextmanager
def _put_back(hosts):
    yield
    hosts.lab("covey 2 enable web")
    hosts.converge()


@contextlib.contextmanager
def _another_file(hosts):
    def change(text):
        with_affinity = text.replace('"80,443", mode: multiple, affinity: none',
                                     '"80,443", mode: multiple, affinity: single')
        assert with_affinity != text
        return with_affinity.replace(
            "port_rules:\n", "port_rules:\n  - { name: ssh, protocol: tcp, ports: \"22\", "
            "affinity: single, weight: 50 }\n")

    with hosts.configuration(change):
        yield
    hosts.converge()


@contextlib.contextmanager
def _ill_service(hosts):
    rule = '  - { name: tls, protocol: tcp, ports: "8443" }\n'
    check = ('health: [{ name: web, rule: "web,tls", http: "http://127.0.0.1:1/healthz", '
             'interval: 500ms, timeout: 500ms }]\n')
    with hosts.configuration(lambda text: text.replace("health: []\n", rule + check)):
        hosts.lab("covey 1 reload")
        hosts.shells[1].repeat("covey health", lambda done: " down " in done.output)
        yield
    hosts.converge()


@contextlib.contextmanager
def _address_elsewhere(hosts):
    hosts.shells[1].must("ip addr add 10.77.0.50/32 dev lo")
    yield
    # As it says itself.
    hosts.shells[1].must("ip addr del 10.77.0.50 dev lo")
    assert "vip_elsewhere" not in hosts.shells[1].run("covey doctor").output


def _reader_of_events(hosts, command):
    """Until Ctrl-C, with something to be told."""
    weights = iter(range(1, 100))

    def is_told(said):
        hosts.lab(f"covey 1 weight web {next(weights)}")
        return "event: weight_changed" in said

    done = hosts.shells[1].until(command.text, is_told)
    hosts.lab("covey 1 weight web 100")
    hosts.converge()
    return done


def _capture(hosts, command):
    """With packets to be captured as soon as it is on."""
    with hosts.machine.inside() as other:
        other.must("(for i in $(seq 20); do sleep 0.4; "
                   "test/lab/lab exec client curl -s http://10.77.0.50/; done) > /dev/null &")
        return hosts.shells[1].run(command.text)


def _dissect(hosts, command):
    """Until Ctrl-C, with heartbeats of another host."""
    return hosts.shells[1].until(command.text, lambda said: "web2" in said or "Covey" in said)


def _telemetry(hosts, command):
    """With the number of a process that the tool itself has listed, and what is asked there."""
    listed = hosts.shells[1].must("RUNTIME_DIRECTORY=/run/covey dpdk-telemetry.py --list")
    line = command.text.replace("covey-PID", re.search(r"covey-\d+", listed)[0])
    return hosts.shells[1].run(line, typed=command.after.rpartition(" ")[2] + "\nquit\n")


def _until_it_says(hosts, command):
    """`until it says: WORDS` in the comment of a command."""
    words = re.search(r"until it says: (.*?)(?: on each host)?$", command.after)[1]
    return hosts.shells[1].repeat(command.text, lambda done: words in done.output)


@dataclasses.dataclass
class Use:
    """How a command is tried, where that is not just to run it on host 1, with status 0."""
    look: typing.Callable = lambda command, done: None
    around: typing.Callable = lambda hosts: contextlib.nullcontext()
    run: typing.Callable = lambda hosts, command: hosts.shells[_host(command)].run(command.text)
    status: int = 0


def _host(command):
    """Where the document runs it: `# on web2`."""
    found = re.search(r"\bon web(\d)", command.after)
    return int(found[1]) if found else 1


def _everywhere(hosts, command):
    """On each host; what the last of them has said."""
    for host in HOSTS:
        done = hosts.shells[host].run(command.text)
        if done.status != 0:
            break
    return done


USES = {
    "curl --unix-socket /run/covey/coveyd.sock http://covey/v1/status":
        Use(says('"cluster":"lab"')),
    EVENTS: Use(run=_reader_of_events, status=130),
    "curl http://127.0.0.1:9717/metrics": Use(says("^# EOF$")),
    "covey query --chekc": Use(_shown, status=2),
    "covey buckets wbe": Use(_shown, status=2),
    "RUNTIME_DIRECTORY=/run/covey dpdk-telemetry.py --list": Use(says(r"covey-\d+")),
    "RUNTIME_DIRECTORY=/run/covey dpdk-telemetry.py --file-prefix covey-PID":
        Use(says('"loops"'), run=_telemetry),
    "covey key add /root/new.key": Use(run=_everywhere),
    "covey key list": Use(run=_until_it_says),
    "covey key retire 0": Use(run=_everywhere),
    "covey drainstop all --timeout 30s": Use(_shown, _deaf_host, status=6),
    "covey drain web web2": Use(_shown),
    "covey queryport 80": Use(_among_others, _put_back),
    "covey reload": Use(_shown, _another_file),
    "covey health": Use(_likewise, _ill_service),
    CAPTURE: Use(_likewise, run=_capture),
    "tshark -r web.pcapng -T fields -e frame.time_relative -e ip.src -e frame.comment": Use(
        says(r"^0\.000000000\t\S+\t\w+ rule=web bucket=\d+ owner=\d: ")),
    TSHARK: Use(says("COVEY|Covey"), run=_dissect),
    "covey doctor": Use(_among_others, _address_elsewhere, status=1),
}


def test_the_table_of_this_test_is_about_commands_that_there_are():
    assert unknown(USES, HOST) == []


@pytest.mark.parametrize("document, block", blocks(HOST))
def test_a_host_does_what_the_document_says(hosts, document, block):
    for command in in_block(HOST, document, block):
        use = USES.get(command.text, Use())
        with use.around(hosts):
            done = use.run(hosts, command)
            assert done.status == use.status, (command.place(), done)
            use.look(command, done)
