# SPDX-License-Identifier: BSD-3-Clause
"""enable, disable and drain: one port rule, on one host or on all, while clients go on."""

import signal

import pytest
from conftest import lab_of_its_own
from covey_lab import settings
from covey_lab.shell import run, wait_until
from covey_lab.traffic.download import Held
from covey_lab.traffic.http import failures, run_fleet, served, spread
from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each, last_event, names_since, owners

EVERYBODY = {"web1", "web2", "web3"}
NOBODY = "65534"


def _order(lab, host, *words):
    done = lab.covey(host, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _rule(lab, host, name="web"):
    return next(row for row in lab.ask(host, "params") if row["rule"] == name)


def _owned(lab, host, name="web"):
    return _rule(lab, host, name)["buckets"]["owned"]


def _wait_for_owners(lab, wanted, hosts=None):
    """Until these hosts, and no others, own the buckets of the rule `web`."""
    def now():
        return owners(lab, hosts or lab.hosts())

    wait_until(lambda: now() == wanted, 15, lambda: f"owners {wanted}: {now()}")
    lab.wait_converged()


def _client(lab):
    return StrictClient(lab, rate=250, pairs=20000, timeout=5.0, reset=False)


def test_a_drained_rule_takes_no_new_connection_on_its_host_and_none_fails(lab):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4)
    assert set(held.hosts) == EVERYBODY
    mark = last_event(lab, 2)
    client = _client(lab)
    client.more(300)
    assert _order(lab, 2, "drain", "web") == "host web2 takes no new connections of rule web\n"
    _wait_for_owners(lab, {1, 3})
    client.more(50)  # whatever had begun before
    drained = max(one.started for one in client.record().connections)
    client.more(400)
    row = _rule(lab, 2)
    assert (row["state"], row["reason"], row["percent"]) == ("draining", "operator", 0)
    assert row["flows"] > 0  # those that are held
    assert lab.query(2)["rules"] == [{"rule": "web", "state": "draining", "reason": "operator",
                                      "percent": 0}]
    assert "web: draining (operator)" in lab.covey(2, "query").stdout
    assert [member["drains"] for member in lab.query(1)["members"]] == [[], ["web"], []]
    assert "drains web" in lab.covey(3, "query").stdout
    assert "draining (operator)" in lab.covey(2, "queryport", "80").stdout
    assert lab.query(2)["converged"]
    assert "rule_state_changed" in names_since(lab, {2: mark})[2]
    assert held.check(EVERYBODY) == []
    enabled = max(one.started for one in client.record().connections)
    assert _order(lab, 2, "enable", "web") == "host web2 takes new connections of rule web\n"
    _wait_for_owners(lab, {1, 2, 3})
    client.more(400)
    record = client.stop()
    assert not record.failures(), [(one, record.seen_of(one)) for one in record.failures()[:5]]
    assert_one_host_each(record)
    assert set(record.served(drained, enabled)) == {"web1", "web3"}
    assert set(record.served(enabled)) == EVERYBODY
    assert held.check(EVERYBODY) == []
    held.close()


def test_a_disabled_rule_is_cut_on_its_host_and_served_by_the_others(lab):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4, timeout=2.0)
    assert set(held.hosts) == EVERYBODY
    dropped = lab.frames(2, "drop_rule_disabled")
    assert _order(lab, 2, "disable", "443") == "host web2 drops everything of rule web\n"
    _wait_for_owners(lab, {1, 3})
    assert held.check({"web1", "web3"}) == []
    cut = [host for host in held.hosts if host == "web2"]
    assert len(held.check({"web2"})) == len(cut)
    assert lab.frames(2, "drop_rule_disabled") >= dropped + len(cut)
    wait_until(lambda: _rule(lab, 2)["flows"] == 0, 15, "connections that are cut to be forgotten")
    attempts = run_fleet(lab.namespace("client"),
                         spread(settings.sources4(60), 120, settings.VIP4))
    assert not failures(attempts)
    assert set(served(attempts)) == {"web1", "web3"}
    assert _rule(lab, 2)["state"] == "disabled"
    assert _rule(lab, 2, "sticky")["state"] == "enabled"
    assert _owned(lab, 2, "sticky") > 0
    explained = lab.ask(2, "explain", "tcp", "10.77.0.100:40000", f"{settings.VIP4}:80",
                        "--flags", "ack")
    assert explained["verdict"] == "drop_not_owner"
    _order(lab, 2, "enable", "web")
    _wait_for_owners(lab, {1, 2, 3})
    held.close()
    attempts = run_fleet(lab.namespace("client"),
                         spread(settings.sources4(60), 120, settings.VIP4))
    assert not failures(attempts)
    assert set(served(attempts)) == EVERYBODY


def test_a_rule_that_all_hosts_drain_is_refused_and_what_is_held_goes_on(lab):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4)
    answer = lab.ask(1, "drain", "web", "all")
    assert [row["text"] for row in answer["hosts"]] == [
        f"host web{host} takes no new connections of rule web" for host in lab.hosts()]
    _wait_for_owners(lab, {0})
    refused = sum(lab.frames(host, "drop_draining") for host in lab.hosts())
    client = StrictClient(lab, rate=50, pairs=2000, timeout=0.5, reset=False)
    client.more(20)
    record = client.stop()
    assert not record.served()
    assert sum(lab.frames(host, "drop_draining") for host in lab.hosts()) > refused
    assert held.check(EVERYBODY) == []
    explained = lab.ask(1, "explain", "tcp", "10.77.0.100:40000", f"{settings.VIP4}:80")
    assert explained["verdict"] == "drop_draining"
    assert "every host drains it" in explained["reason"]
    _order(lab, 1, "disable", "web")
    explained = lab.ask(1, "explain", "tcp", "10.77.0.100:40000", f"{settings.VIP4}:80")
    assert explained["verdict"] == "drop_rule_disabled"
    assert explained["reason"] == "rule web is disabled on this host"
    answer = lab.ask(3, "enable", "all", "all")
    assert answer["ok"], answer
    _wait_for_owners(lab, {1, 2, 3})
    assert held.check(EVERYBODY) == []  # also those of host 1, which said nothing meanwhile
    held.close()


def test_the_next_host_takes_a_single_host_rule_that_is_drained_and_gives_it_back(lab):
    assert [_owned(lab, host, "db") for host in lab.hosts()] == [1, 0, 0]
    _order(lab, 3, "drain", "db", "web1")  # over the segment
    wait_until(lambda: _owned(lab, 2, "db") == 1, 15, "host 2 to take the rule")
    assert _owned(lab, 1, "db") == 0
    _order(lab, 2, "disable", "5432")
    wait_until(lambda: _owned(lab, 3, "db") == 1, 15, "host 3 to take the rule")
    _order(lab, 1, "enable", "db", "all")
    wait_until(lambda: _owned(lab, 1, "db") == 1, 15, "host 1 to have the rule again")


def test_the_default_host_is_another_one_while_default_is_drained(lab):
    assert lab.query(1)["host"]["default"]
    _order(lab, 1, "drain", "default")
    wait_until(lambda: lab.query(2)["host"]["default"], 15, "host 2 to be the default host")
    _order(lab, 1, "enable", "all")
    assert _rule(lab, 1, "default")["state"] == "draining"  # all are the port rules
    _order(lab, 1, "enable", "default")
    wait_until(lambda: lab.query(1)["host"]["default"], 15, "host 1 to be the default host")


def test_the_state_of_a_rule_and_that_of_its_host_are_independent(lab):
    _order(lab, 2, "stop")
    wait_until(lambda: lab.query(2)["host"]["state"] == "stopped", 15, "host 2 to be stopped")
    assert "it counts when the host is started" in _order(lab, 2, "drain", "web")
    assert _order(lab, 2, "enable", "sticky") == "rule sticky on host web2: enabled already; " \
        "it counts when the host is started, which is stopped\n"
    assert lab.query(2)["host"]["state"] == "stopped"
    _order(lab, 2, "start")
    lab.wait_converged()
    assert owners(lab, lab.hosts()) == {1, 3}
    _order(lab, 2, "suspend")
    wait_until(lambda: lab.query(2)["host"]["state"] == "suspended", 15, "host 2 to be suspended")
    assert "which is suspended" in _order(lab, 2, "enable", "web")
    assert lab.covey(2, "stop").stdout == "host web2 is stopped already\n"
    _order(lab, 2, "resume")
    assert lab.query(2)["host"]["state"] == "stopped"
    _order(lab, 2, "start")
    _wait_for_owners(lab, {1, 2, 3})


def test_a_host_that_drains_can_drain_a_rule_and_be_stopped_all_the_same(lab):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4)
    _order(lab, 2, "drain", "web")
    _order(lab, 2, "drainstop")
    assert lab.query(2)["host"]["state"] == "draining"
    assert "but the host drains" in _order(lab, 2, "enable", "web")
    assert held.check({"web2"}) == []
    # What is cut is not waited for.
    _order(lab, 2, "disable", "web")
    wait_until(lambda: lab.query(2)["host"]["state"] == "stopped", 15, "the drain to end")
    held.close()
    _order(lab, 2, "start")
    lab.wait_converged()
    assert owners(lab, lab.hosts()) == {1, 3}
    _order(lab, 2, "enable", "web")
    _wait_for_owners(lab, {1, 2, 3})


WRONG = [
    (("drain", "block"), 5, "rule block is of mode disabled on all hosts"),
    (("drain", "23"), 5, "rule block is of mode disabled on all hosts"),
    (("drain", "wbe"), 2, "did you mean 'web'?"),
    (("disable", "9999"), 2, "no port rule covers 9999"),
    (("enable", "web", "web9"), 2, 'no host is named "web9"'),
    (("drain", "wbe", "2"), 2, 'no port rule is named "wbe"'),
    (("drain",), 2, "RULE|[VIP:]PORT is missing"),
]


@pytest.mark.parametrize("words,status,text", WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_what_cannot_be_is_refused_and_changes_nothing(lab, words, status, text):
    epoch = lab.query(1)["epoch"]
    done = lab.covey(1, *words)
    assert done.returncode == status, done
    assert text in done.stderr
    assert lab.query(1)["epoch"] == epoch


def test_a_user_without_access_to_the_socket_gets_nothing_done(lab):
    sock = lab.state.directory / "h1.sock"
    refused = run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                  str(lab.options.program("covey")), "-s", str(sock), "drain", "web", check=False)
    assert refused.returncode == 4, refused
    assert _rule(lab, 1)["state"] == "enabled"
    over_tcp = lab.exec(1, ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d",
                            '{"verb":"drain","target":"web","value":"","timeout_ms":0,"host":""}',
                            "http://127.0.0.1:9717/v1/command"])
    assert over_tcp.stdout in ("403", "404"), over_tcp
    assert _rule(lab, 1)["state"] == "enabled"


def test_a_host_that_is_down_does_not_answer_and_the_others_obey(lab):
    lab.kill(3, signal.SIGKILL)
    alone = lab.covey(1, "drain", "sticky", "3")
    assert alone.returncode == 6
    assert "no answer within 2 s" in alone.stderr
    everybody = lab.covey(1, "drain", "sticky", "all")
    assert everybody.returncode == 6
    assert everybody.stdout.splitlines() == [
        "host web1 takes no new connections of rule sticky",
        "host web2 takes no new connections of rule sticky",
        "host 3 (web3): no answer within 2 s"]
    assert _rule(lab, 2, "sticky")["state"] == "draining"


def test_states_are_kept_over_a_restart_and_a_reload():
    with lab_of_its_own(initial_state="persisted") as lab:
        _order(lab, 2, "disable", "web")
        _order(lab, 2, "drain", "sticky")
        _wait_for_owners(lab, {1, 3})
        assert lab.kill(2, signal.SIGTERM) == 0
        lab.wait_converged([1, 3])
        lab.start(2)
        lab.wait_converged()
        held = [(row["rule"], row["state"]) for row in lab.query(2)["rules"]]
        assert held == [("web", "disabled"), ("sticky", "draining")]
        assert owners(lab, lab.hosts()) == {1, 3}
        # Another rule under the name: other ports, other affinity, another place in the list.
        lab.options.rules = [*lab.options.rules[1:],
                             settings.Rule("web", "tcp", "80", affinity="single")]
        for host in lab.hosts():
            lab.configure(host)
            assert lab.covey(host, "reload").returncode == 0
        for host in lab.hosts():
            wait_until(lambda host=host: _rule(lab, host)["affinity"] == "single", 15,
                       f"host {host} to follow the new rules")
        _wait_for_owners(lab, {1, 3})
        assert _rule(lab, 2)["state"] == "disabled"
        _order(lab, 1, "enable", "all", "all")
        _wait_for_owners(lab, {1, 2, 3})
