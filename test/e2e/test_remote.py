# SPDX-License-Identifier: BSD-3-Clause
"""Commands for other hosts: they travel sealed over the segment, and each host answers."""

import signal

from covey_lab.shell import wait_until


def _wait_for_state(lab, host, state):
    def now():
        view = lab.query(host)
        return view["host"]["state"] if view else "no answer"

    wait_until(lambda: now() == state, 15, lambda: f"host {host} to be {state}: {now()}")


def _weight(lab, host):
    return lab.ask(host, "queryport", "80")["weight"]


def test_another_host_is_stopped_and_started_again(lab):
    done = lab.covey(1, "stop", "2")
    assert (done.returncode, done.stdout) == (0, "host web2 stops\n"), done.stderr
    _wait_for_state(lab, 2, "stopped")
    lab.wait_converged([1, 3])
    assert lab.covey(3, "start", "web2").stdout == "host web2 starts\n"
    lab.wait_converged()


def test_a_suspended_host_refuses_start_and_obeys_resume_from_afar(lab):
    assert lab.covey(1, "suspend", "web3").returncode == 0
    _wait_for_state(lab, 3, "suspended")
    refused = lab.covey(1, "start", "3")
    assert refused.returncode == 5
    assert "resume it first" in refused.stderr
    assert lab.covey(1, "resume", "3").returncode == 0
    assert lab.covey(1, "start", "3").returncode == 0
    lab.wait_converged()


def test_another_host_is_drained_with_a_limit(lab):
    done = lab.covey(1, "drainstop", "web2", "--timeout", "1s")
    assert done.returncode == 0, done.stderr
    _wait_for_state(lab, 2, "stopped")
    lab.wait_converged([1, 3])
    assert lab.covey(1, "start", "web2").returncode == 0
    lab.wait_converged()


def test_a_weight_of_another_host_is_changed_and_only_there(lab):
    before = _weight(lab, 1)
    assert lab.covey(1, "weight", "web", "10", "2").returncode == 0
    assert _weight(lab, 2) == 10
    assert _weight(lab, 1) == before
    wrong = lab.covey(1, "weight", "nothing", "10", "2")
    assert wrong.returncode == 2
    assert 'no port rule is named "nothing"' in wrong.stderr
    assert lab.covey(1, "weight", "web", "100", "2").returncode == 0
    lab.wait_converged()


def test_all_hosts_are_stopped_and_started_from_one(lab):
    done = lab.covey(2, "stop", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "host web1 stops\nhost web2 stops\nhost web3 stops\n"
    for host in lab.hosts():
        _wait_for_state(lab, host, "stopped")
    answer = lab.ask(2, "start", "all")
    assert [row["text"] for row in answer["hosts"]] == [f"host web{host} starts"
                                                        for host in lab.hosts()]
    lab.wait_converged()


def test_a_host_that_is_down_does_not_answer_and_the_others_do(lab):
    lab.kill(3, signal.SIGKILL)
    alone = lab.covey(1, "start", "3")
    assert alone.returncode == 6
    assert "no answer within 2 s" in alone.stderr
    everybody = lab.covey(1, "start", "all")
    assert everybody.returncode == 6
    assert everybody.stdout.splitlines() == [
        "host web1 is started already", "host web2 is started already",
        "host 3 (web3): no answer within 2 s"]


def test_an_unknown_host_is_a_usage_error(lab):
    wrong = lab.covey(1, "stop", "web9")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith('covey: no host is named "web9" (known: web1, web2, web3)')
    assert "did you mean 'web1'?" in wrong.stderr
    assert lab.covey(1, "stop", "65").returncode == 2


def test_obeyed_commands_are_counted_and_logged_with_their_origin(lab):
    before = lab.ask(2, "stats")["commands"]["obeyed"]
    assert lab.covey(3, "start", "2").returncode == 0
    assert lab.ask(2, "stats")["commands"]["obeyed"] == before + 1
    log = (lab.state.directory / "h2.log").read_text(encoding="utf-8")
    line = [line for line in log.splitlines() if "event=command" in line][-1]
    assert 'from="host 3"' in line
