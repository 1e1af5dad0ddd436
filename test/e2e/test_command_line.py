# SPDX-License-Identifier: BSD-3-Clause
"""The covey command: every command answers people in words and programs in JSON."""

import concurrent.futures
import contextlib
import functools
import json
import shlex
import signal
import subprocess

import pytest
from covey_lab import settings
from covey_lab.shell import run, wait_until
from covey_lab.traffic.download import Held
from covey_lab.traffic.http import run_fleet, spread

EXPLAIN = ("explain", "tcp", "10.77.0.100:40000", "10.77.0.50:80")
COMMANDS = [("query",), ("display",), ("queryport", "80"), EXPLAIN, ("stats",), ("buckets",),
            ("buckets", "web"), ("trace", "2"), ("flows", "--bucket", "1"),
            ("history",), ("version",), ("ip2mac",)]
STATES = {"stopped", "suspended", "joining", "converging", "converged", "draining", "isolated"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_answers_in_words_and_in_json(lab, command):
    words = lab.covey(1, *command)
    assert words.returncode == 0, words.stderr
    assert words.stdout.strip()
    assert "\033[" not in words.stdout, "colour without a terminal"
    machine = lab.covey(1, "--json", *command)
    assert machine.returncode == 0, machine.stderr
    assert isinstance(json.loads(machine.stdout), (dict, list))


def test_query_shows_the_same_members_on_all_hosts(lab):
    views = [lab.ask(host, "query") for host in lab.hosts()]
    for host, view in enumerate(views, 1):
        assert view["cluster"] == lab.options.tag
        assert (view["host"]["id"], view["host"]["name"]) == (host, f"web{host}")
        assert view["host"]["state"] == "converged"
        assert view["converged"] is True
        assert view["islands"] in (0, [], None)
        assert [member["id"] for member in view["members"]] == [1, 2, 3]
        assert [member["name"] for member in view["members"]] == ["web1", "web2", "web3"]
        assert [member["weight"] for member in view["members"]] == [100, 100, 50]
        assert [member["default"] for member in view["members"]] == [True, False, False]
        assert {member["state"] for member in view["members"]} <= STATES
    assert len({view["epoch"] for view in views}) == 1
    words = lab.covey(2, "query").stdout
    assert all(name in words for name in ("web1", "web2", "web3", "converged"))
    assert "converged (default)" in words


def test_queryport_counts_what_this_host_accepted_and_dropped(lab):
    def counts():
        return [lab.ask(host, "queryport", "80") for host in lab.hosts()]

    before = counts()
    run_fleet(lab.namespace("client"), spread(settings.sources4(100), 200, settings.VIP4))
    after = counts()
    assert {answer["rule"] for answer in after} == {"web"}
    assert {answer["mode"] for answer in after} == {"multiple"}
    assert {answer["affinity"] for answer in after} == {"none"}
    for old, new in zip(before, after):
        assert new["accepted"] > old["accepted"]
        assert new["dropped"] > old["dropped"]
    totals = {answer["buckets"]["total"] for answer in after}
    assert totals == {lab.options.buckets}
    assert sum(answer["buckets"]["owned"] for answer in after) == lab.options.buckets


def test_queryport_counts_the_connections_a_host_holds_under_the_rule(lab):
    # Not port 80: hosts that died in earlier tests still hold connections whose clients are gone.
    def flows():
        return [lab.ask(host, "queryport", "8002")["flows"] for host in lab.hosts()]

    wait_until(lambda: sum(flows()) == 0, 15, "the connections of earlier tests to be forgotten")
    held = Held(lab.namespace("client"), settings.sources4(30), settings.VIP4, port=8002)
    assert flows() == [held.hosts.count(f"web{host}") for host in lab.hosts()]
    held.close()
    wait_until(lambda: sum(flows()) == 0, 15, "closed connections to be forgotten")


def test_queryport_of_other_rules(lab):
    assert lab.ask(1, "queryport", "23")["mode"] == "disabled"
    assert lab.ask(1, "queryport", f"{settings.VIP4}:5432")["mode"] == "single"
    unknown = lab.covey(1, "queryport", "not-a-port")
    assert unknown.returncode == 2
    assert unknown.stderr.strip()


def test_buckets_of_three_hosts_follow_the_weights(lab):
    owned = [lab.ask(host, "queryport", "80")["buckets"]["owned"] for host in lab.hosts()]
    ideal = [lab.options.buckets * weight / 250 for weight in (100, 100, 50)]
    assert all(abs(have - want) < 1 for have, want in zip(owned, ideal)), owned


def test_stats_have_a_counter_for_each_verdict_and_traffic_moves_them(lab):
    def verdicts():
        return lab.ask(1, "stats")["verdicts"]

    before = verdicts()
    run_fleet(lab.namespace("client"), spread(settings.sources4(100), 300, settings.VIP4))
    after = verdicts()
    for name in ("deliver_owned", "deliver_flow", "drop_not_owner"):
        assert _frames(after[name]) > _frames(before[name]), name
    # All of that may take less time than from one heartbeat to the next.
    wait_until(lambda: _frames(verdicts()["to_control"]) > _frames(before["to_control"]), 5,
               "a heartbeat")
    stats = lab.ask(1, "stats")
    assert stats["ports"]
    assert {"busy_pct", "packets"} <= set(stats["workers"][0])


def test_rates_are_of_the_traffic_meanwhile(lab):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(lab.ask, host, "stats", "--rate", "--interval", "1500ms")
                 for host in lab.hosts()]
        requests = 0
        while not all(each.done() for each in asked):
            run_fleet(lab.namespace("client"), spread(settings.sources4(50), 50, settings.VIP4))
            requests += 50
    rates = [each.result() for each in asked]
    assert all(1.5 <= rate["seconds"] < 3 for rate in rates)
    assert all(rate["verdicts"]["deliver_owned"]["frames"] > 0 for rate in rates)
    created = sum(rate["flows"]["created"] * rate["seconds"] for rate in rates)
    # The last fleet began before the answers and ended behind them.
    assert 0 < created <= requests + 1
    assert all(0 < rate["workers"][0]["busy_pct"] <= 100 for rate in rates)
    assert "frames/s" in lab.covey(1, "stats", "--rate", "--interval", "10ms").stdout


def test_top_shows_all_hosts_and_their_share_of_the_buckets(lab):
    shown = lab.covey(2, "top", "--once", "--interval", "100ms")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert "host 2 (web2) converged" in lines[0]
    rows = [line.replace("(default)", "").split() for line in lines[3:6]]
    assert [row[1:4] for row in rows] == [[f"web{host}", "converged", str(weight)]
                                          for host, weight in ((1, 100), (2, 100), (3, 50))]
    assert 99.8 <= sum(float(row[4]) for row in rows) <= 100.2
    assert any(line.startswith("workers busy") and line.endswith("%") for line in lines)


def _frames(counter):
    return counter["frames"] if isinstance(counter, dict) else counter


def test_history_tells_who_came_and_went(lab):
    lab.kill(3)
    lab.wait_converged([1, 2])
    lab.start(3)
    lab.wait_converged()
    last = lab.ask(1, "history")[-2:]
    assert [entry["members"] for entry in last] == [[1, 2], [1, 2, 3]]
    assert all("host 3" in entry["trigger"] for entry in last)
    assert all(entry["moved_buckets"] > 0 for entry in last)


@contextlib.contextmanager
def following(lab, host, *options):
    """`covey events --follow` on a host; its output goes into the files out and err."""
    out, err = lab.state.directory / "follow.out", lab.state.directory / "follow.err"
    command = [lab.options.program("covey"), "-s", lab.state.directory / f"h{host}.sock",
               *options, "events", "--follow"]
    with open(out, "w") as to_out, open(err, "w") as to_err, \
            subprocess.Popen(command, stdout=to_out, stderr=to_err) as process:
        try:
            yield process, out, err
        finally:
            process.kill()


def test_events_are_followed_over_a_restart_of_the_daemon(lab):
    with following(lab, 1, "--json") as (process, out, err):
        def events():
            rows = [json.loads(line) for line in out.read_text().splitlines(keepends=True)
                    if line.endswith("\n")]
            return [(row["event"], row["host"]) for row in rows]

        lab.kill(3, signal.SIGKILL)
        wait_until(lambda: ("host_lost", 3) in events(), 10, "the loss of a host to be told")
        lab.start(3)
        lab.wait_converged()
        wait_until(lambda: ("host_joined", 3) in events(), 10, "the return of a host to be told")
        assert err.read_text() == ""
        lab.kill(1)
        wait_until(lambda: "coveyd ended; waiting" in err.read_text(), 5, "the end to be told")
        before = len(events())
        lab.start(1)
        lab.wait_converged()
        wait_until(lambda: "coveyd is back" in err.read_text(), 5, "the return to be told")
        kept = [(row["event"], row["host"]) for row in lab.ask(1, "events")]
        wait_until(lambda: len(events()) >= before + len(kept), 5, "all events to be told")
        assert events()[before:][:len(kept)] == kept
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def test_events_in_words_begin_with_what_is_kept(lab):
    with following(lab, 1) as (process, out, _):
        wait_until(lambda: len(out.read_text().splitlines()) > len(lab.ask(1, "events")), 5,
                   "the events of before")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        titles, *lines = out.read_text().splitlines()
    assert titles.split() == ["time", "event", "host", "detail"]
    assert any(" converged " in line for line in lines)
    last = lab.ask(1, "events")[-1]["id"]
    assert [row["id"] for row in lab.ask(1, "events", "--since", str(last - 1))] == [last]


def _hands_nothing_on(lab, port):
    """Whether no host still sends on what begins a connection, since buckets moved."""
    answers = [lab.ask(host, "explain", "tcp", f"{settings.CLIENT4}:{port}", f"{settings.VIP4}:80")
               for host in lab.hosts()]
    return all(answer["verdict"] in ("deliver_owned", "drop_not_owner") for answer in answers)


def _wait_for_hand_overs(lab):
    """Until hosts that started lately have all they take over."""
    for port in range(40000, 40012):  # buckets enough to meet some that moved
        wait_until(functools.partial(_hands_nothing_on, lab, port), 20, "the end of a hand-over")


def test_explain_answers_for_every_kind_of_rule(lab):
    _wait_for_hand_overs(lab)

    def explain(host, protocol, port):
        return lab.ask(host, "explain", protocol, f"{settings.CLIENT4}:40000",
                       f"{settings.VIP4}:{port}")

    assert explain(1, "tcp", 23)["verdict"] == "drop_rule_disabled"
    assert explain(1, "tcp", 5432)["verdict"] == "deliver_owned"
    assert explain(2, "tcp", 5432)["verdict"] == "drop_not_owner"
    assert explain(1, "tcp", settings.DEFAULT_PORT)["verdict"] == "deliver_default"
    assert explain(1, "udp", settings.ECHO_PORT)["rule"] == "echo"
    answers = [explain(host, "tcp", 8001) for host in lab.hosts()]
    assert {answer["affinity"] for answer in answers} == {"single"}
    assert len({answer["bucket"] for answer in answers}) == 1
    assert len({str(answer["owner"]) for answer in answers}) == 1
    assert [answer["verdict"] for answer in answers].count("deliver_owned") == 1


def test_explain_knows_who_takes_over_when_a_host_is_gone(lab):
    _wait_for_hand_overs(lab)
    ports = range(41000, 41060)

    def owners(*more):
        return {port: lab.ask(1, "explain", "tcp", f"{settings.CLIENT4}:{port}",
                              f"{settings.VIP4}:80", *more) for port in ports}

    expected = {port: answer["without"]["owner"]
                for port, answer in owners("--without", "web3").items()}
    before = {port: answer["owner"] for port, answer in owners().items()}
    assert 3 in before.values()
    assert all(expected[port] == before[port] for port in ports if before[port] != 3)
    lab.kill(3, signal.SIGKILL)
    lab.wait_converged([1, 2])
    assert {port: answer["owner"] for port, answer in owners().items()} == expected
    missing = lab.covey(1, "explain", "tcp", "10.77.0.100:1", "10.77.0.50:80", "--without", "wbe1")
    assert missing.returncode == 2
    assert "did you mean 'web1'?" in missing.stderr


def test_explain_by_a_file_needs_no_daemon_and_knows_the_true_bucket(lab):
    conf = str(lab.state.directory / "h2.yaml")
    question = ("tcp", f"{settings.CLIENT4}:40000", f"{settings.VIP4}:80")
    told = lab.ask(2, "explain", *question)
    program = str(lab.options.program("covey"))

    def by_file(*more):
        done = run(program, "-s", "/run/no-such.sock", "--json", "explain", *question, "-f", conf,
                   *more)
        return json.loads(done.stdout)

    alone = by_file()
    assert (alone["bucket"], alone["rule"], alone["owner"]) == (told["bucket"], "web", 2)
    assert alone["verdict"] == "deliver_owned"
    answers = [by_file("--own", str(host), "--hosts", "1-3") for host in lab.hosts()]
    assert {answer["bucket"] for answer in answers} == {told["bucket"]}
    assert [answer["verdict"] for answer in answers].count("deliver_owned") == 1
    owner = answers[0]["owner"]
    without = by_file("--hosts", "1-3", "--without", str(owner))["without"]
    assert without["host"] == owner
    assert without["owner"] not in (owner, None)
    assert by_file("--no-key")["verdict"] == "deliver_owned"


def test_flows_of_one_bucket_are_those_that_explain_puts_there(lab):
    def flows(host, *more):
        return lab.ask(host, "flows", *more)

    held = Held(lab.namespace("client"), settings.sources4(8), settings.VIP4)
    try:
        rows = [(host, row) for host in lab.hosts() for row in flows(host, "--rule", "web")]
        assert len(rows) >= 8
        for host, row in rows:
            bucket = str(row["bucket"])
            assert row["source"] in [it["source"] for it in flows(host, "--bucket", bucket)]
            of_rule = flows(host, "--rule", "web", "--bucket", bucket)
            assert {str(it["bucket"]) for it in of_rule} == {bucket}
            of_another = flows(host, "--rule", "db", "--bucket", bucket)
            assert {it["rule"] for it in of_another} <= {"db"}
    finally:
        held.close()


def test_a_trace_shows_which_host_takes_a_connection_and_why_the_others_do_not(lab):
    _wait_for_hand_overs(lab)
    wanted = ("trace", "1000", "--timeout", "3s", "--host", settings.CLIENT4)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(lab.ask, host, *wanted) for host in lab.hosts()]
        while not all(each.done() for each in asked):
            lab.exec("client", ["curl", "-sf", "-m", "2", "--interface", settings.CLIENT4,
                                f"http://{settings.VIP4}/"])
    traces = [each.result() for each in asked]
    syns = [{packet["source"]: packet for packet in trace["packets"] if packet["flags"] == "syn"}
            for trace in traces]
    seen_by_all = set.intersection(*(set(each) for each in syns))
    assert seen_by_all
    for client in seen_by_all:
        packets = [each[client] for each in syns]
        verdicts = [packet["verdict"] for packet in packets]
        owner = verdicts.index("deliver_owned") + 1
        assert sorted(verdicts) == ["deliver_owned", "drop_not_owner", "drop_not_owner"]
        assert {packet["owner"] for packet in packets} == {owner}
        assert len({packet["bucket"] for packet in packets}) == 1
        assert {packet["rule"] for packet in packets} == {"web"}
        assert f"belongs to host {owner}" in packets[owner % 3]["reason"]
        answers = [packet for packet in traces[owner - 1]["packets"]
                   if packet["destination"] == client and packet["flags"] == "syn,ack"]
        assert [answer["verdict"] for answer in answers] == ["send_uplink"]


def test_a_trace_ends_when_its_time_is_up(lab):
    answer = lab.ask(1, "trace", "--timeout", "300ms", "--verdict", "drop_icmp")
    assert (answer["ended"], answer["packets"]) == ("time", [])
    assert "the time is up, 10 were wanted" in lab.covey(
        1, "trace", "--timeout", "300ms", "--verdict", "drop_icmp").stdout
    unknown = lab.covey(1, "trace", "--verdict", "dropped")
    assert unknown.returncode == 2
    assert "dropped" in unknown.stderr


def test_stop_and_start_from_the_command_line(lab):
    for json_flag in ((), ("--json",)):
        stop = lab.covey(3, *json_flag, "stop")
        assert stop.returncode == 0, stop.stderr
        lab.wait_converged([1, 2])
        assert lab.query(3)["host"]["state"] == "stopped"
        start = lab.covey(3, *json_flag, "start")
        assert start.returncode == 0, start.stderr
        lab.wait_converged()


def test_an_unknown_command_is_a_usage_error(lab):
    wrong = lab.covey(1, "qurey")
    assert wrong.returncode == 2
    assert "query" in wrong.stderr, "a typo should be answered with the nearest command"


def test_the_tab_key_offers_what_the_daemon_knows(lab):
    def offered(kind):
        done = lab.covey(1, "__complete", kind, check=True)
        assert not done.stderr
        return done.stdout.split()

    def completed(line):
        """By the script of bash, which calls the covey in its path."""
        program = lab.options.program("covey")
        script = (f"PATH={program.parent}:$PATH; source <(covey completion bash); "
                  f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; _covey; "
                  'echo "${COMPREPLY[@]}"')
        done = run("bash", "--norc", "-c", script)
        assert not done.stderr
        return done.stdout.split()

    rules = ["block", "db", "echo", "network", "sticky", "web"]
    assert offered("host") == ["web1", "web2", "web3"]
    assert offered("rule") == rules
    assert set(offered("virtual_ip")) == {settings.VIP4, settings.VIP6}
    assert {f"{settings.VIP4}:80", f"{settings.VIP4}:5432"} <= set(offered("service"))
    assert offered("verdict") == sorted(lab.ask(1, "stats")["verdicts"])
    socket = lab.state.directory / "h1.sock"
    assert completed(f"covey -s {socket} drainstop web") == ["web1", "web2", "web3"]
    assert completed(f"covey -s {socket} weight ") == rules
    assert completed(f"covey -s {socket} trace --verdict drop_no_") == ["drop_no_flow"]
    assert completed("covey -s /run/no-such-covey.sock query ") == []


@pytest.mark.parametrize("command, suggested", [
    (("query", "wbe2"), "web2"), (("stop", "wbe2"), "web2"), (("buckets", "stikcy"), "sticky"),
    (("buckets", "spraed"), "spread"), (("weight", "netwrok", "50"), "network"),
    (("trace", "--verdict", "drop_not_onwer"), "drop_not_owner"), (("query", "--chekc"), "--check"),
    (("queryport", "80", "tpc"), "tcp")], ids=lambda value: str(value).strip("'()"))
def test_what_is_misspelt_is_answered_with_the_nearest(lab, command, suggested):
    wrong = lab.covey(1, *command)
    assert wrong.returncode == 2, wrong.stderr
    assert f"did you mean '{suggested}'?" in wrong.stderr
    assert not wrong.stdout


def test_a_daemon_that_is_not_there_is_exit_status_4(lab):
    nobody = run(str(lab.options.program("covey")), "-s", "/run/no-such-covey.sock", "query",
                 check=False)
    assert nobody.returncode == 4
    assert "/run/no-such-covey.sock" in nobody.stderr


def test_metrics_and_health_are_served_on_loopback(lab):
    metrics = lab.exec(1, ["curl", "-sf", "http://127.0.0.1:9717/metrics"]).stdout
    assert "covey_" in metrics
    assert "drop_not_owner" in metrics
    lab.exec(1, ["curl", "-sf", "http://127.0.0.1:9717/healthz"])
