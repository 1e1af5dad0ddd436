# SPDX-License-Identifier: BSD-3-Clause
"""The daemon dies and its parent lives, or the other way round."""

import pathlib
import signal

from covey_lab.shell import wait_until
from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each, last_event, names_since

CHOWN, DAC_OVERRIDE, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE = (
    1 << number for number in (0, 1, 12, 13, 14, 23))


def _log(lab, host):
    return (lab.state.directory / f"h{host}.log").read_text(errors="replace")


def _capabilities(process):
    """{name: effective capabilities} of the threads of a process."""
    found = {}
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        lines = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        assert int(lines["NoNewPrivs"]) == 1
        found[lines["Name"].strip()] = int(lines["CapEff"], 16)
    return found


def test_peers_of_a_daemon_that_dies_are_told_and_take_over(lab):
    client = StrictClient(lab, rate=100, pairs=2000, timeout=5.0, reset=False)
    client.more(50)
    for number in (signal.SIGKILL, signal.SIGSEGV):
        marks = {host: last_event(lab, host) for host in (1, 3)}
        assert lab.crash(2, number) == 128 + number
        lab.wait_converged([1, 3])
        assert lab.ask(1, "history")[-1]["trigger"] == "host 2 died"
        for names in names_since(lab, marks).values():
            assert "host_left" in names
            assert "host_lost" not in names
        assert f"was killed by signal {number:d} (" in _log(lab, 2)
        assert "its peers were told" in _log(lab, 2)
        lab.start(2)
        lab.wait_converged()
    client.more(50)
    assert_one_host_each(client.stop())


def test_a_daemon_whose_parent_dies_leaves_the_cluster(lab):
    parent = lab.coveyd(2)
    daemon = parent.child()
    assert daemon.pid != parent.pid
    parent.signal(signal.SIGKILL)
    wait_until(lambda: not daemon.alive(), 10, "the daemon to end")
    lab.forget_process("coveyd-2")
    lab.wait_converged([1, 3])
    assert lab.ask(1, "history")[-1]["trigger"] == "host 2 left"
    lab.start(2)
    lab.wait_converged()


def test_what_a_daemon_needs_no_more_it_has_no_more(lab):
    parent = lab.coveyd(1)
    assert set(_capabilities(parent).values()) == {0}
    threads = _capabilities(parent.child())
    kept = CHOWN | DAC_OVERRIDE | NET_ADMIN
    assert threads["coveyd"] == kept
    assert threads["covey-worker0"] == kept
    opening = kept | NET_RAW | IPC_LOCK | SYS_NICE
    assert not [name for name, mask in threads.items() if mask & ~opening], threads


def test_keys_are_in_locked_memory(lab):
    status = pathlib.Path(f"/proc/{lab.coveyd(1).child().pid}/status").read_text()
    locked = next(line for line in status.splitlines() if line.startswith("VmLck:"))
    assert int(locked.split()[1]) >= 8, locked
