# SPDX-License-Identifier: BSD-3-Clause
"""A new cluster key on a running cluster: nothing is lost, nothing moves, and who has only the old
key is kept out and counted."""

import secrets

from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.http import Probe, failures

SOURCES = settings.sources4(100)


def _seals_with(lab, host):
    """What each host seals with, in the eyes of one of them."""
    return {row["host"]: row["seals_with"] for row in lab.ask(host, "key", "list")["hosts"]}


def _held(lab, host):
    rows = {row["host"]: row["keys"] for row in lab.ask(host, "key", "list")["hosts"]}
    return [key["id"] for key in rows[host]]


def _wait_for_key(lab, number):
    wait_until(lambda: all(set(_seals_with(lab, host).values()) == {number}
                           for host in lab.hosts()), 15,
               lambda: f"all hosts to seal with key {number}: "
                       f"{[_seals_with(lab, host) for host in lab.hosts()]}")


def _facts(lab):
    """What a change of the key may not change."""
    return [(lab.query(host)["epoch"], len(lab.ask(host, "history")), lab.ask(host, "buckets"))
            for host in lab.hosts()]


def _refused(lab, host):
    refused = lab.ask(host, "stats")["heartbeats"]["refused"]
    return {reason: refused[reason] for reason in ("unknown_key", "bad_tag", "malformed")}


def _rotate(lab, text):
    """The procedure of docs/operations.md; the numbers of the old and the new key."""
    old = _held(lab, 1)[-1]
    new = (old + 1) % 256
    for host in lab.hosts():
        path = lab.write_secret(f"h{host}-new.key", text)
        done = lab.covey(host, "key", "add", str(path))
        assert done.returncode == 0, done.stderr
        assert f"key {new} is held" in done.stdout
    _wait_for_key(lab, new)
    assert f"next: `covey key retire {old}` on each host" in lab.covey(1, "key", "list").stdout
    for host in lab.hosts():
        done = lab.covey(host, "key", "retire", str(old))
        assert done.returncode == 0, done.stderr
    return old, new


def test_a_rotation_under_load_fails_no_request_and_changes_no_membership(lab):
    probe = Probe(lab.namespace("client"), SOURCES, settings.VIP4, timeout=5.0)
    before = _facts(lab)
    refused = [_refused(lab, host) for host in lab.hosts()]
    _, new = _rotate(lab, secrets.token_hex(32) + "\n")
    target = len(probe.attempts) + 200
    wait_until(lambda: len(probe.attempts) >= target, 30, "the probe to go on")
    attempts = probe.stop()
    assert not failures(attempts), failures(attempts)[:5]
    assert _facts(lab) == before
    assert [_refused(lab, host) for host in lab.hosts()] == refused
    for host in lab.hosts():
        path = lab.state.directory / f"h{host}.key"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [line.split()[1] for line in path.read_text().splitlines()
                if line.startswith("key ")] == [str(new)]
    lab.kill(2)
    lab.start(2)  # from the file that was rewritten
    lab.wait_converged()


def test_a_host_with_the_old_key_alone_is_kept_out_and_counted(lab):
    file = lab.state.directory / "h3.key"
    old_file = file.read_text()
    lab.kill(3)
    lab.wait_converged([1, 2])
    old = _held(lab, 1)[-1]
    text = secrets.token_hex(32) + "\n"
    for host in (1, 2):
        assert lab.covey(host, "key", "add",
                         str(lab.write_secret("new.key", text))).returncode == 0
    for host in (1, 2):
        done = lab.covey(host, "key", "retire", str(old), "--force")
        assert done.returncode == 0, done.stderr
    lab.wait_converged([1, 2])
    before = [_refused(lab, host)["unknown_key"] for host in (1, 2)]
    lab.start(3)
    wait_until(lambda: all(_refused(lab, host)["unknown_key"] > count + 5
                           for host, count in zip((1, 2), before)), 15,
               "hosts 1 and 2 to refuse host 3")
    lab.wait_converged([1, 2])
    assert _refused(lab, 3)["unknown_key"] > 0
    lab.kill(3)
    assert file.read_text() == old_file
    lab.write_secret("h3.key", (lab.state.directory / "h1.key").read_text())
    lab.start(3)
    lab.wait_converged()


def test_a_key_that_another_host_lacks_is_not_retired(lab):
    old = _held(lab, 1)[-1]
    assert lab.covey(1, "key", "add", "--generate").returncode == 0
    refused = lab.covey(1, "key", "retire", str(old))
    assert refused.returncode == 5
    assert f"does not hold key {old + 1}" in refused.stderr
    assert set(_seals_with(lab, 1).values()) == {old}
    copy = lab.write_secret("copy.key", (lab.state.directory / "h1.key").read_text())
    for host in (2, 3):
        done = lab.covey(host, "key", "add", str(copy))
        assert done.returncode == 0, done.stderr
    _wait_for_key(lab, old + 1)
    again = lab.covey(2, "key", "add", str(copy))
    assert again.returncode == 5
    assert "holds that key already" in again.stderr
    for host in lab.hosts():
        assert lab.covey(host, "key", "retire", str(old)).returncode == 0


def test_a_wrong_key_file_changes_nothing_and_says_where(lab):
    held = _held(lab, 1)
    path = lab.write_secret("wrong.key", "# new\nkey 300 " + "0" * 64 + "\n")
    wrong = lab.covey(1, "key", "add", str(path))
    assert wrong.returncode == 2
    assert f"{path}: line 2: not `key ID HEX`" in wrong.stderr
    path.chmod(0o644)
    assert lab.covey(1, "key", "add", str(path)).returncode == 1
    assert _held(lab, 1) == held
