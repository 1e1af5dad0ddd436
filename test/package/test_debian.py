# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package: judged by lintian, installed, started, upgraded, removed and purged."""

import json
import re
import shutil
import signal

import pytest
from conftest import BUILD, TOP
from covey_lab.service_manager import ServiceManager
from covey_lab.shell import run
from debian_root import DebianRoot, command_line, dependencies, enabled

CONFIGURATION = "/etc/covey/coveyd.yaml"
KEY = "/etc/covey/cluster.key"


@pytest.fixture(scope="module", name="root")
def _root(package):
    with DebianRoot(BUILD / "debian", dependencies(package)) as root:
        yield root


class Life:
    """What the tests of the life of a package leave to one another."""

    def __init__(self, root):
        self.before = root.files()
        self.groups = root.path("/etc/group").read_text()
        self.manager = self.coveyd = None
        self.key = self.written = ""


@pytest.fixture(scope="module", name="life")
def _life(root):
    return Life(root)


@pytest.fixture(scope="module", name="newer")
def _newer(package):
    """The same package under a higher version."""
    tree = BUILD / "deb" / "newer"
    shutil.rmtree(tree, ignore_errors=True)
    run("dpkg-deb", "-R", str(package), str(tree))
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", control.read_text()))
    newer = tree.with_suffix(".deb")
    run("dpkg-deb", "-b", "--root-owner-group", str(tree), str(newer))
    return newer


def _version(root):
    return root.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Abbrev}", "covey").stdout


def test_lintian_has_nothing_to_say(package):
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", str(package), check=False,
               timeout=300)
    assert (done.returncode, done.stdout) == (0, "")


def test_drivers_of_the_dpdk_that_it_was_linked_to_are_dependencies(package):
    needed = dependencies(package)
    abi = next(name.removeprefix("librte-eal") for name in needed if name.startswith("librte-eal"))
    assert {f"librte-bus-pci{abi}", f"librte-bus-vdev{abi}", f"librte-mempool-ring{abi}",
            f"librte-net-af-xdp{abi}", f"librte-net-virtio{abi}"} <= set(needed)


def test_the_dissector_is_where_wireshark_of_debian_looks(package):
    folders = run("tshark", "-G", "folders").stdout
    folder = re.search(r"(?m)^Global Lua Plugins:\s*(.*)$", folders)[1]
    assert f".{folder}/covey/covey.lua" in run("dpkg-deb", "-c", str(package)).stdout


def test_the_package_is_about_the_version_that_was_built():
    version = re.search(r"version: '(.*)'", (TOP / "meson.build").read_text())[1]
    assert run("dpkg-parsechangelog", "-l", str(TOP / "conf" / "debian" / "changelog"), "-S",
               "Version").stdout.startswith(f"{version}-")


# The life of one package: each test goes on where the one before has ended.

def test_it_is_installed_and_runs_with_what_it_depends_on(life, root, package):
    root.dpkg("--install", package)
    assert _version(root).endswith("ii ")
    assert re.search(r"(?m)^covey:x:", root.path("/etc/group").read_text())
    for program in ("covey", "coveyd", "covey-sim", "covey-replay"):
        root.run(program, "--help")
    root.run("coveyd", "--check")
    # It is enabled by nobody but its operator.
    assert enabled(root) == []
    assert life.before < root.files()


def test_without_a_key_it_says_what_it_lacks(root):
    refused = root.run(*command_line(root), check=False)
    assert refused.returncode == 1
    assert f"{KEY}: No such file" in refused.stderr


def test_it_starts_with_its_own_configuration_and_a_key(life, root, segment):
    root.run("covey", "keygen", KEY)
    life.key = root.path(KEY).read_text()
    life.manager = ServiceManager(root.path("/run/notify"), patience=5)
    environment = {**life.manager.environment, "NOTIFY_SOCKET": "/run/notify"}
    life.coveyd = root.start(segment, environment, command_line(root), BUILD / "debian.log")
    life.manager.wait("READY")
    assert json.loads(root.run("covey", "--json", "query").stdout)["cluster"] == "web"
    life.manager.wait("STATUS", lambda status: status.startswith("converged: 1 host"))
    assert "192.0.2.80/24" in run("ip", "-n", segment, "-br", "address", "show", "covey0").stdout
    root.run("covey", "reload")
    life.manager.wait("RELOADING")
    group = re.search(r"(?m)^covey:x:(\d+):", root.path("/etc/group").read_text())[1]
    assert root.path("/run/covey/coveyd.sock").stat().st_gid == int(group)


def test_an_upgrade_leaves_alone_what_the_operator_wrote_and_the_daemon(life, root, newer):
    with root.path(CONFIGURATION).open("a") as file:
        file.write("log: { level: debug }\n")
    life.written = root.path(CONFIGURATION).read_text()
    version = _version(root)
    root.dpkg("--install", newer)
    assert _version(root) == version.replace(" ii", "+newer ii")
    assert root.path(CONFIGURATION).read_text() == life.written
    assert root.path(KEY).read_text() == life.key
    root.run("covey", "query")
    life.coveyd.send_signal(signal.SIGTERM)
    assert life.coveyd.wait(timeout=60) == 0
    life.manager.wait("STOPPING")


def test_a_removal_leaves_configuration_and_key(life, root):
    root.dpkg("--remove", "covey")
    assert not root.path("/usr/sbin/coveyd").exists()
    assert root.path(CONFIGURATION).read_text() == life.written
    assert root.path(KEY).read_text() == life.key


def test_a_purge_leaves_nothing(life, root):
    # As the daemon leaves it under `initial_state: persisted`.
    root.path("/var/lib/covey").mkdir()
    root.path("/var/lib/covey/host-state").write_text("stopped\n")
    life.manager.close()
    root.dpkg("--purge", "covey")
    assert root.path("/etc/group").read_text() == life.groups
    # adduser keeps the files before a change under names that end in "-", and a lock in /run.
    left = {path for path in root.files() - life.before if not path.endswith("-")}
    assert left <= {"/run/adduser"}
