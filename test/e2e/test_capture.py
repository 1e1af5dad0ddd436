# SPDX-License-Identifier: BSD-3-Clause
"""covey capture: files that tshark reads, each packet with its verdict."""

import contextlib
import os
import random
import re
import signal
import subprocess

from covey_lab import settings
from covey_lab.shell import run, wait_until
from covey_lab.traffic.flood import ACK, flood, route_nowhere, segments_from_nowhere
from covey_lab.traffic.http import failures, run_fleet, spread

PORT = 80


def _rows(path, *fields):
    """These fields of each packet, as tshark reads them."""
    args = ["-r", str(path), "-T", "fields"]
    for field in fields:
        args += ["-e", field]
    return [tuple(line.split("\t")) for line in run("tshark", *args).stdout.splitlines()]


def _asks(lab, requests=20):
    """Requests from that many addresses."""
    attempts = run_fleet(lab.namespace("client"),
                         spread(settings.sources4(requests), requests, settings.VIP4))
    assert not failures(attempts)


@contextlib.contextmanager
def _capturing(lab, host, *args):
    """A capture that runs while the block does; ended by Ctrl-C."""
    command = [str(lab.options.program("covey")), "-s", str(lab.state.directory / f"h{host}.sock"),
               "capture", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _end(process):
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return out, err.decode()


def test_each_packet_has_its_verdict_as_a_comment(lab, tmp_path):
    path = tmp_path / "web.pcapng"
    with _capturing(lab, 1, str(path), f"tcp port {PORT}") as process:
        wait_until(path.exists, 20, "the capture to begin")
        _asks(lab)
        wait_until(lambda: len(_rows(path, "frame.number")) > 100, 20, "packets in the file")
        _, said = _end(process)
    assert " 0 lost, " in said
    assert path.stat().st_mode & 0o777 == 0o600
    rows = _rows(path, "frame.comment", "tcp.dstport", "tcp.srcport", "tcp.flags.syn",
                 "tcp.flags.ack", "frame.interface_name", "frame.packet_flags_direction")
    assert f"{len(rows)} packets captured" in said
    verdicts = {row[0].split()[0].rstrip(":") for row in rows}
    assert verdicts >= {"deliver_owned", "drop_not_owner", "send_uplink"}
    for comment, to_port, from_port, syn, ack, interface, direction in rows:
        assert str(PORT) in (to_port, from_port)
        assert interface
        is_sent = comment.startswith("send_uplink")
        assert int(direction, 0) == (2 if is_sent else 1), (comment, direction)
        if (syn, ack) == ("1", "0") and comment.startswith("deliver_owned"):
            assert " rule=web bucket=" in comment
            assert " owner=1" in comment
            assert comment.endswith("belongs to this host")


def test_a_capture_into_a_pipe_ends_after_so_many_packets(lab, tmp_path):
    with _capturing(lab, 1, "-", "ether proto 0x88b5", "--count", "5") as process:
        out, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    path = tmp_path / "heartbeats.pcapng"
    path.write_bytes(out)
    rows = _rows(path, "frame.comment", "eth.type")
    assert rows == [("to_control: " + rows[0][0].split(": ", 1)[1], "0x88b5")] * 5


def test_a_capture_ends_when_its_time_is_up(lab, tmp_path):
    path = tmp_path / "none.pcapng"
    done = lab.covey(1, "--json", "capture", str(path), "host 192.0.2.1", "--time", "300ms")
    assert done.returncode == 0, done.stderr
    assert '"packets":0,"lost":0' in done.stdout
    assert not _rows(path, "frame.number")


def test_one_capture_is_on_at_a_time_and_a_trace_beside_it(lab, tmp_path):
    path = tmp_path / "all.pcapng"
    with _capturing(lab, 1, str(path)) as process:
        wait_until(path.exists, 20, "the capture to begin")
        second = lab.covey(1, "capture", str(tmp_path / "second.pcapng"))
        assert second.returncode == 5, second.stderr
        assert "another capture is on" in second.stderr
        assert len(lab.ask(1, "trace", "3")["packets"]) == 3
        _end(process)
    assert {row[0].split(":")[0] for row in _rows(path, "frame.comment")} >= {"to_control"}
    again = lab.covey(1, "capture", str(path), "--count", "1")
    assert again.returncode == 0, again.stderr


def test_a_reader_that_takes_nothing_costs_packets_and_nothing_else(lab):
    with _capturing(lab, 1, "-") as process:  # nobody empties the pipe
        _asks(lab, 50)
        assert lab.query(1)["converged"]
        process.kill()
    wait_until(lambda: lab.covey(1, "capture", "/dev/null", "--count", "1").returncode == 0, 40,
               "the forgotten capture to end")


def test_packets_that_a_slow_reader_does_not_take_are_counted(fresh_lab):
    lab = fresh_lab()
    route_nowhere(lab)
    frames = segments_from_nowhere(lab, random.Random(7), 20_000, ACK, PORT)
    with _capturing(lab, 1, "-", f"tcp port {PORT}") as process:
        os.read(process.stdout.fileno(), 4)  # it has begun
        process.send_signal(signal.SIGSTOP)
        flood(lab, frames, 20_000, 3)
        process.send_signal(signal.SIGCONT)
        _, said = _end(process)
    captured, lost, decided = (int(number) for number in re.findall(r"\d+", said))
    assert captured > 0
    assert lost > 0
    assert captured + lost <= decided
    assert lab.query(1)["converged"]


def test_what_is_no_filter_is_a_usage_error(lab):
    done = lab.covey(1, "capture", "-", "port of call")
    assert done.returncode == 2
    assert "FILTER: " in done.stderr
    endless = " or ".join(f"host 10.0.{i // 250}.{i % 250}" for i in range(300))
    done = lab.covey(1, "capture", "-", endless)
    assert done.returncode == 2
    assert "at most 256" in done.stderr
