# SPDX-License-Identifier: BSD-3-Clause
"""coveyd and a service manager: what it is told, and what becomes of a daemon that hangs."""

import signal
import time

import pytest
from conftest import lab_of_its_own
from covey_lab import topology
from covey_lab.halt import Halted
from covey_lab.service_manager import ServiceManager
from covey_lab.shell import wait_until

PATIENCE = 1.0
THREADS = {"worker": "covey-worker0", "control thread": "coveyd"}


@pytest.fixture(name="pair", scope="module")
def _pair():
    """A cluster of two; host 2 will have a service manager."""
    with lab_of_its_own(hosts=2, weights=[100, 100]) as lab:
        yield lab


@pytest.fixture(name="manager")
def _manager(pair):
    """The service manager of host 2, whose daemon starts with the test and has said nothing yet."""
    manager = ServiceManager(pair.state.directory / "notify", patience=PATIENCE)
    if pair.running("coveyd-2"):
        pair.kill(2)
    _start(pair, manager)
    yield manager
    manager.close()
    if pair.running("coveyd-2"):
        pair.kill(2)
    pair.start(2)
    pair.wait_converged()


def _start(lab, manager, *arguments):
    lab.options.daemon_prefix = ["env", *(f"{name}={value}"
                                          for name, value in manager.environment.items())]
    lab.options.daemon_args = list(arguments)
    lab.start(2)
    lab.options.daemon_prefix = []
    lab.options.daemon_args = []


def _log(lab, host=2):
    return (lab.state.directory / f"h{host}.log").read_text(errors="replace")


def test_ready_comes_once_when_ports_are_up_and_the_api_answers(pair, manager):
    ready = manager.wait("READY")
    assert pair.query(2)["host"]["id"] == 2
    assert topology.has_addresses(pair.options, 2)
    assert "state UP" in pair.exec(2, ["ip", "link", "show", "up0"]).stdout
    assert ready["WATCHDOG"] == "1"
    manager.wait("STATUS", lambda status: status.startswith("converged: 2 hosts, epoch "))
    assert sum("READY" in lines for _, lines in manager.news) == 1
    # systemd listens to the process that it has started, and to no other (NotifyAccess=main).
    assert {sender for sender, _ in manager.news} == {pair.coveyd(2).pid}


def test_a_daemon_without_a_parent_speaks_for_itself(pair, manager):
    pair.kill(2)
    manager.wait("STOPPING")
    _start(pair, manager, "--alone")
    manager.wait("WATCHDOG")
    assert len(pair.coveyd(2).family()) == 1
    assert manager.news[-1][0] == pair.coveyd(2).pid


def test_the_status_follows_the_state_of_the_host(pair, manager):
    manager.wait("STATUS", lambda status: status.startswith("converged: 2 hosts"))
    pair.covey(2, "stop", check=True)
    manager.wait("STATUS", lambda status: status.startswith("stopped"))
    pair.covey(2, "start", check=True)
    manager.wait("STATUS", lambda status: status.startswith("converged: 2 hosts"))
    pair.kill(1)
    manager.wait("STATUS", lambda status: status.startswith("converged: 1 host,"))
    pair.start(1)


def test_a_reload_is_told_by_its_beginning_and_its_end_also_of_a_bad_file(pair, manager):
    manager.wait("READY")
    conf = pair.configure(2)
    for text in (conf.read_text(), "version: none\n"):
        conf.write_text(text, encoding="utf-8")
        before_us = time.monotonic_ns() // 1000
        pair.coveyd(2).signal(signal.SIGHUP)
        began = manager.wait("RELOADING")
        assert before_us <= int(began["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        manager.wait("READY")
    pair.configure(2)
    assert pair.covey(2, "reload").returncode == 0
    manager.wait("RELOADING")
    manager.wait("READY")


def test_sigterm_is_told_before_the_daemon_ends(pair, manager):
    manager.wait("READY")
    assert pair.kill(2) == 0
    assert manager.wait("STOPPING")["STATUS"] == "leaving the cluster"


def test_sigterm_to_all_processes_as_systemd_sends_it_is_one_wish(pair, manager):
    manager.wait("READY")
    for process in pair.coveyd(2).family():
        process.signal(signal.SIGTERM)
    assert pair.forget_process("coveyd-2") == 0
    pair.wait_converged([1])
    assert pair.ask(1, "history")[-1]["trigger"] == "host 2 left"
    manager.wait("STOPPING")


def test_a_wish_that_is_repeated_while_the_daemon_puts_things_away_changes_nothing(pair, manager):
    manager.wait("READY")
    child = pair.coveyd(2).child()
    stops = _log(pair).count("event=stopped")
    child.signal(signal.SIGTERM)
    wait_until(lambda: _log(pair).count("event=stopped") > stops, 5, "the control thread ends",
               interval=0.001)
    repeated = 0
    while child.alive():
        child.signal(signal.SIGTERM)
        repeated += 1
    assert repeated > 0
    assert pair.forget_process("coveyd-2") == 0


def test_a_daemon_that_dies_is_the_last_news(pair, manager):
    manager.wait("READY")
    assert pair.crash(2) == 128 + signal.SIGKILL
    died = manager.wait("STATUS", lambda status: "was killed" in status)
    assert died["STATUS"] == "the daemon was killed by signal 9 (Killed); its peers were told"


@pytest.mark.parametrize("thread", THREADS)
def test_the_watchdog_starves_while_one_thread_hangs_and_not_after(pair, manager, thread):
    for _ in range(3):
        manager.wait("WATCHDOG")
    halted = Halted(pair.coveyd(2).child(), THREADS[thread])
    assert manager.starves("WATCHDOG", 3 * PATIENCE), manager.news
    halted.go_on()
    manager.wait("WATCHDOG")
    if thread == "worker":
        wait_until(lambda: "workers_move_again" in _log(pair), 10, lambda: _log(pair))
        assert "event=workers_stand_still workers=0" in _log(pair)


@pytest.mark.parametrize("thread", THREADS)
def test_a_daemon_that_hangs_is_ended_by_sigabrt_to_its_parent_and_peers_are_told(pair, manager,
                                                                                  thread):
    manager.wait("STATUS", lambda status: status.startswith("converged: 2 hosts"))
    halted = Halted(pair.coveyd(2).child(), THREADS[thread])
    pair.coveyd(2).signal(signal.SIGABRT)  # as systemd does when WatchdogSec= is over
    halted.bury()
    assert pair.forget_process("coveyd-2") == 128 + signal.SIGKILL
    pair.wait_converged([1])
    assert pair.ask(1, "history")[-1]["trigger"] == "host 2 died"


def test_a_worker_that_sleeps_for_want_of_frames_is_no_worker_that_hangs(pair, manager):
    manager.wait("WATCHDOG")
    sleeps = pair.ask(2, "stats")["workers"][0]["sleeps"]
    for _ in range(4):
        manager.wait("WATCHDOG")
    assert pair.ask(2, "stats")["workers"][0]["sleeps"] > sleeps
    assert "workers_stand_still" not in _log(pair).rpartition("event=started")[2]


def test_sigabrt_to_all_processes_as_systemd_sends_it_is_told_to_peers_all_the_same(pair, manager):
    manager.wait("STATUS", lambda status: status.startswith("converged: 2 hosts"))
    halted = Halted(pair.coveyd(2).child(), THREADS["worker"])
    for process in pair.coveyd(2).family()[::-1]:
        process.signal(signal.SIGABRT)
    halted.bury()
    assert pair.forget_process("coveyd-2") in (128 + signal.SIGABRT, 128 + signal.SIGKILL)
    pair.wait_converged([1])
    assert pair.ask(1, "history")[-1]["trigger"] == "host 2 died"
