# SPDX-License-Identifier: BSD-3-Clause
"""The dissector for Wireshark on a capture of the segment: it says what the hosts say."""

import signal
import time

from covey_lab.shell import run, wait_until
from covey_lab.traffic.heartbeats import captured

STABLE, LEAVE = "4", "8"
COMMAND, CHALLENGE, REPLY = "1", "2", "3"


def _epoch_text(lab, host):
    return str(lab.query(host)["epoch"])


def test_hosts_epoch_and_states_are_what_the_hosts_say_themselves(lab):
    with captured(lab) as capture:
        time.sleep(1.5)  # what is wanted is a stretch of an untroubled segment
    said = set(capture.rows("covey.status == complete", "covey.host", "covey.host_name",
                            "covey.epoch", "covey.phase", "covey.tag.status"))
    assert said == {(str(host), f"web{host}", _epoch_text(lab, host), STABLE, "good")
                    for host in lab.hosts()}
    assert {lab.query(host)["host"]["state"] for host in lab.hosts()} == {"converged"}
    assert capture.rows("covey.malformed || covey.refused || covey.unread", "covey.host") == []
    heard = set(capture.rows("covey.host == 1 && covey.status == complete", "covey.ack.host",
                             "covey.alive"))
    assert {hosts for hosts, _ in heard} == {"2,3"}
    assert {int(alive, 0) for _, alive in heard} == {0b110}  # the others


def test_a_wrong_key_and_none_are_told_from_the_right_one(lab):
    with captured(lab) as capture:
        time.sleep(0.5)
    whole = capture.rows("covey.status == complete", "covey.tag.status")
    assert len(whole) > 6
    assert set(whole) == {("good",)}
    assert set(capture.rows("covey.status == complete", "covey.tag.status", key="")) \
        == {("not checked",)}
    wrong = capture.rows("covey", "covey.status", "covey.tag.status", key="0" * 64)
    assert set(wrong) <= {("bad_tag", "bad"), ("unknown_key", "not checked")}
    assert len(wrong) >= len(whole)


def test_a_host_that_leaves_says_so(lab):
    before = int(_epoch_text(lab, 1))
    with captured(lab) as capture:
        assert lab.kill(3, signal.SIGTERM) == 0
        lab.wait_converged([1, 2])
    leaving = capture.rows(f"covey.phase == {LEAVE}", "covey.host", "covey.flags.died")
    assert leaving
    assert {host for host, _ in leaving} == {"3"}
    after = capture.rows(f"covey.host == 1 && covey.phase == {STABLE} && covey.epoch > {before}",
                         "covey.epoch", "covey.view")
    assert (after[-1][0], int(after[-1][1], 0)) == (_epoch_text(lab, 1), 0b011)


def test_a_command_is_shown_with_its_challenge_and_its_reply(lab):
    with captured(lab) as capture:
        assert lab.covey(1, "weight", "web", "90", "2").returncode == 0
        assert lab.covey(1, "weight", "web", "100", "2").returncode == 0
    rows = capture.rows("covey.command.kind && covey.tag.status == good", "covey.command.kind",
                        "covey.command.from", "covey.command.to", "covey.command.text")
    kinds = {(kind, sender, target) for kind, sender, target, _ in rows}
    assert {(COMMAND, "1", "2"), (REPLY, "2", "1")} <= kinds
    assert kinds <= {(COMMAND, "1", "2"), (CHALLENGE, "2", "1"), (REPLY, "2", "1")}
    asked = [text for kind, _, _, text in rows if kind == COMMAND]
    assert any('"value":"90"' in text.replace("\\", "") for text in asked), asked
    lab.wait_converged()
