# SPDX-License-Identifier: BSD-3-Clause
"""The documents that install Covey, carried out line by line in a Debian that has the package's
dependencies and what the documents install beside it.

No systemd runs there. Of `systemctl` that is real which needs none, enabling; what systemd would do
then is done by the test: it starts and ends what the unit says.
"""

import dataclasses
import re
import shutil
import typing

import pytest
from conftest import BUILD, NAMESPACE
from covey_lab.service_manager import ServiceManager
from debian_root import DebianRoot, command_line, dependencies, enabled
from document_places import DEBIAN, placed, unknown
from document_shell import ALONE, Shell, says

# What every Debian has but the smallest one, and what the documents install beside the package.
BESIDE = ["iproute2", "systemd", "driverctl", "dpdk", "ethtool"]
DOCUMENTS = sorted({command.document for command in placed(DEBIAN)})
UNIT_FILES = "/lib/systemd/system"
# What stands for something in a document.
FILL = {" FILE": " /etc/covey/coveyd.yaml"}
# A document that sends its reader to a later section before it goes on: (the first command of the
# block there, that of the block which is next).
SENT = {"docs/operations.md": ("covey keygen /etc/covey/cluster.key",
                               "systemctl enable --now coveyd")}


class Host:
    """The Debian, a shell in it at the place where the packages are, and its daemon."""

    def __init__(self, root, package):
        self.root = root
        self._package = package
        self.manager = ServiceManager(root.path("/run/notify"), patience=30)
        home = root.path("/root")
        (home / "build" / "deb").mkdir(parents=True, exist_ok=True)
        for place in (home, home / "build" / "deb"):
            shutil.copy(package, place)
        self.shell = Shell([*ALONE, "ip", "netns", "exec", NAMESPACE, *root.inside([], {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive"})])
        self.shell.must("cd /root")

    def start(self):
        """What systemd does when it starts the unit."""
        variables = {**self.manager.environment, "NOTIFY_SOCKET": "/run/notify"}
        words = [f"{name}={value}" for name, value in variables.items()]
        self.shell.must(" ".join([*words, *command_line(self.root), ">> /root/log 2>&1 & main=$!"]))
        self.manager.wait("READY")

    def stop(self):
        """What systemd does when it stops the unit, if it runs."""
        self.shell.must("if [ -n \"$main\" ]; then kill $main; wait $main; main=; fi")

    def close(self):
        """Nothing of Covey is there any more."""
        try:
            self.stop()
            self.shell.must("dpkg --purge covey")
        finally:
            self.shell.close()
            self.manager.close()


@pytest.fixture(name="root", scope="module")
def _root(package, segment):  # pylint: disable=unused-argument
    packages = sorted({*dependencies(package), *BESIDE})
    with DebianRoot(BUILD / "debian-documents", packages) as root:
        yield root


@pytest.fixture(name="host")
def _host(root, package):
    host = Host(root, package)
    yield host
    host.close()


@dataclasses.dataclass
class Use:
    """How a command is tried, where that is not just to run it with success; `line` instead of
    it, for the reason `why`."""
    look: typing.Callable = lambda host, done: None
    run: typing.Callable = lambda host, line: host.shell.run(line)
    status: int = 0
    line: str = ""
    why: str = ""


def _installed(host, _):
    assert host.shell.must("dpkg-query -W -f '${db:Status-Abbrev}' covey") == "ii "
    # It starts nothing and enables nothing.
    assert bool(enabled(host.root)) == bool(host.shell.must("echo $main").strip())


def _started(host, _):
    assert enabled(host.root)
    host.start()


def _restarted(host, _):
    host.stop()
    host.start()


def _told_to_systemd(host, _):
    host.manager.wait("STATUS", lambda status: re.match(r"converged: 1 host, epoch \d+$", status))


def _with_consent(host, line):
    """What apt asks is answered."""
    return host.shell.run(line, typed="y")


def _becomes(state):
    def ask(host, line):
        return host.shell.repeat(line, lambda done: state in done.output)

    return ask


def _query(host, line):
    """`until it says: STATE` in the comment, else until it has converged."""
    return _becomes("converged")(host, line)


NO_SYSTEMD = "the rest needs a systemd that runs; the test plays it"
IS_ENABLED = "systemctl is-enabled coveyd"
NO_NIC = "needs a NIC on the PCI bus"
USES = {
    "apt install ./build/deb/covey_*.deb": Use(_installed),
    "apt install ./build/deb/covey_0.1.0-1_amd64.deb": Use(_installed),
    "apt install ./covey_0.1.0-1_amd64.deb driverctl dpdk ethtool": Use(_installed, _with_consent),
    "apt install ./covey_*.deb": Use(_installed),
    "editor /etc/covey/coveyd.yaml":
        Use(line="test -w /etc/covey/coveyd.yaml", why="is for people"),
    "cat /sys/bus/pci/devices/0000:03:00.0/numa_node": Use(line="ls /sys/bus/pci/devices",
                                                           why=NO_NIC),
    "lscpu -e=CPU,NODE,CORE": Use(says("^CPU NODE CORE$")),
    "driverctl set-override 0000:03:00.0 vfio-pci":
        Use(says("set-override <device> <driver>"), line="driverctl --help", why=NO_NIC),
    "driverctl list-overrides":
        Use(says("list-overrides"), line="driverctl --help", why=NO_NIC),
    "driverctl unset-override 0000:03:00.0":
        Use(says("unset-override <device>"), line="driverctl --help", why=NO_NIC),
    "covey doctor -f /etc/covey/coveyd.yaml": Use(says("^fault  daemon_unreachable$"), status=1),
    "systemctl enable --now coveyd": Use(_started, line="systemctl enable coveyd", why=NO_SYSTEMD),
    "systemctl status coveyd": Use(_told_to_systemd, line=IS_ENABLED, why=NO_SYSTEMD),
    "systemctl restart coveyd": Use(_restarted, line=IS_ENABLED, why=NO_SYSTEMD),
    "systemctl daemon-reload": Use(line="systemd-analyze verify --man=no coveyd.service",
                                   why=NO_SYSTEMD),
    "covey query": Use(run=_query),
    "ip route add default via 192.0.2.1 dev covey0": Use(
        lambda host, _: host.shell.must("ip route get 198.51.100.1 | grep 'dev covey0'")),
    "covey keygen /etc/covey/cluster.key": Use(
        lambda host, _: host.shell.must("test $(stat -c %a /etc/covey/cluster.key) = 600")),
}


def _in_order(document):
    """The commands as they are read."""
    commands = placed(DEBIAN, document)
    if document in SENT:
        early, late = SENT[document]
        moved = [command for command in commands if command.block == early]
        commands = [command for command in commands if command.block != early]
        at = next(at for at, command in enumerate(commands) if command.block == late)
        commands[at:at] = moved
    return commands


def test_the_table_of_this_test_is_about_commands_that_there_are():
    assert unknown(USES, DEBIAN) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_debian_does_what_the_document_says(host, document):
    for command in _in_order(document):
        use = USES.get(command.text, Use())
        if said := re.search(r"until it says: (.*)$", command.after):
            use = Use(run=_becomes(said[1]))
        line = use.line or command.text
        for placeholder, filled in FILL.items():
            line = line.replace(placeholder, filled)
        done = use.run(host, line)
        assert done.status == use.status, (command.place(), done)
        use.look(host, done)
