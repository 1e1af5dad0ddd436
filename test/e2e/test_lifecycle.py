# SPDX-License-Identifier: BSD-3-Clause
"""Beginning and end of coveyd: what it does to the machine, and that it undoes it."""

import signal
import stat

import pytest
from conftest import options
from covey_lab import config, settings
from covey_lab.shell import run, wait_until
from covey_lab.traffic.download import Held


def _ruleset(lab, host):
    return lab.exec(host, ["nft", "list", "ruleset"]).stdout


def _links(lab, host):
    return lab.exec(host, ["ip", "-br", "link"]).stdout


def test_while_it_runs_the_uplink_is_claimed_and_the_tap_has_the_virtual_addresses(lab):
    assert "up0" in _ruleset(lab, 1)
    addresses = lab.exec(1, ["ip", "-br", "address", "show", "covey0"]).stdout
    assert f"{settings.VIP4}/24" in addresses
    assert f"{settings.VIP6}/64" in addresses
    assert "tentative" not in lab.exec(1, ["ip", "address", "show", "covey0"]).stdout


def test_the_control_socket_is_for_owner_and_group_only(lab):
    mode = (lab.state.directory / "h1.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def _machine(lab, host):
    """What coveyd may change on the machine of a host, as text."""
    commands = [["ip", "-d", "link", "show"], ["ip", "address", "show"], ["ethtool", "-k", "up0"],
                ["ip", "route", "show", "table", "all"], ["nft", "list", "ruleset"],
                ["ip", "-6", "route", "show", "table", "all"],
                ["sysctl", "-a", "-r", r"^net\.(ipv4|ipv6)\.conf\.(all|default|up0)\."]]
    return {" ".join(command): lab.exec(host, command).stdout for command in commands}


def test_sigterm_undoes_everything_it_did_to_the_machine(lab):
    assert lab.kill(2, signal.SIGTERM) == 0
    # An earlier test may have killed it, and nobody can tidy up after SIGKILL.
    lab.exec(2, ["ip", "link", "set", "up0", "promisc", "off"])
    before = _machine(lab, 2)
    lab.start(2)
    lab.wait_converged()
    assert _machine(lab, 2) != before
    assert lab.kill(2, signal.SIGTERM) == 0
    assert _machine(lab, 2) == before
    assert not (lab.state.directory / "h2.sock").exists()


def test_sigterm_tells_the_peers_so_that_they_need_not_wait_for_silence(lab):
    for _ in range(4):
        assert lab.kill(2, signal.SIGTERM) == 0
        lab.wait_converged([1, 3])
        assert lab.ask(1, "history")[-1]["trigger"] == "host 2 left"
        lab.start(2)
        lab.wait_converged()


def test_sigint_ends_it_as_well(lab):
    assert lab.kill(3, signal.SIGINT) == 0
    assert "covey0" not in _links(lab, 3)


def test_after_sigkill_it_starts_again_over_what_was_left(lab):
    lab.kill(2, signal.SIGKILL)
    wait_until(lambda: "covey0" not in _links(lab, 2), 5, "the kernel to remove the TAP")
    lab.start(2)
    lab.wait_converged()
    assert _ruleset(lab, 2).count("up0") == _ruleset(lab, 1).count("up0")
    assert lab.kill(2) == 0
    assert "up0" not in _ruleset(lab, 2)


WRONG = {
    "unknown key": ("cluster:", "clutser:"),
    "wrong type": ("buckets: 4096", "buckets: many"),
    "out of range": ("id: 1", "id: 65"),
    "not a power of two": ("buckets: 4096", "buckets: 4095"),
    "overlapping rules": ('ports: "8001"', 'ports: "79-90"'),
    "not YAML at all": ("version: 1", "version: [1"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_configuration_is_refused_with_place_and_exit_status_3(tmp_path, mistake):
    right, wrong = WRONG[mistake]
    choice = options(tag="checked", state_root=str(tmp_path))
    text = config.render(choice, 1)
    assert right in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    coveyd = str(choice.program("coveyd"))
    for arguments in (("--check",), ()):
        refused = run(coveyd, "-f", str(path), *arguments, check=False)
        assert refused.returncode == 3, refused
        said = refused.stderr + refused.stdout
        assert f"{path}:" in said, said


def test_a_right_configuration_passes_the_check_without_privileges(tmp_path):
    choice = options(tag="checked", state_root=str(tmp_path))
    path = tmp_path / "right.yaml"
    path.write_text(config.render(choice, 1), encoding="utf-8")
    # User 0 without a single capability may read its own files and nothing more.
    checked = run("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
                  str(choice.program("coveyd")), "-f", str(path), "--check", check=False)
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_a_missing_file_and_bad_arguments_have_their_own_exit_status(tmp_path):
    coveyd = str(options().program("coveyd"))
    assert run(coveyd, "-f", str(tmp_path / "none.yaml"), check=False).returncode == 3
    assert run(coveyd, "--no-such-option", check=False).returncode == 2


def test_a_key_file_others_can_read_is_refused(tmp_path):
    choice = options(tag="checked", state_root=str(tmp_path))
    choice.state_dir().mkdir(parents=True)
    key = choice.state_dir() / "h1.key"
    key.write_text("00" * 32 + "\n", encoding="ascii")
    key.chmod(0o644)
    path = tmp_path / "open.yaml"
    path.write_text(config.render(choice, 1), encoding="utf-8")
    refused = run(str(choice.program("coveyd")), "-f", str(path), check=False)
    assert refused.returncode in (1, 3)
    assert "h1.key" in refused.stderr + refused.stdout


def test_connections_outlive_a_restart_of_the_daemon(lab):
    # The other hosts take the buckets meanwhile, and keep most of them.
    held = Held(lab.namespace("client"), settings.sources4(90), settings.VIP4)
    assert held.hosts.count("web1") >= 10
    lab.kill(1, signal.SIGTERM)
    lab.wait_converged([2, 3])
    lab.start(1)
    lab.wait_converged()
    assert "connections_taken_over" in (lab.state.directory / "h1.log").read_text()
    assert held.check({"web1", "web2", "web3"}) == []
    held.close()
