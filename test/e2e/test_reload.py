# SPDX-License-Identifier: BSD-3-Clause
"""Another configuration for a running cluster: staged host by host, followed by all at once."""

import copy
import signal

import pytest
from covey_lab import settings
from covey_lab.shell import wait_until
from covey_lab.traffic.download import Held
from covey_lab.traffic.http import failures, run_fleet, served, spread
from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each

SSH = settings.Rule("extra", "tcp", str(settings.HTTP_PORTS[-1]), affinity="single")


@pytest.fixture(name="options")
def _options(lab):
    """The options of the lab, to be changed; put right again, on all hosts, afterwards."""
    before = copy.deepcopy(lab.options)
    yield lab.options
    for name in ("rules", "weights", "buckets"):
        setattr(lab.options, name, getattr(before, name))
    for host in lab.hosts():
        _reload(lab, host)
    lab.wait_converged()
    _wait_until_followed(lab, [rule.name for rule in before.rules])


def _reload(lab, host):
    lab.configure(host)
    return lab.covey(host, "reload")


def _rules(lab, host):
    return [rule["rule"] for rule in lab.ask(host, "params") if rule["rule"] != "default"]


def _wait_until_followed(lab, names, hosts=None):
    for host in hosts or lab.hosts():
        wait_until(lambda host=host: _rules(lab, host) == names, 15,
                   lambda host=host: f"host {host} to follow {names}: {_rules(lab, host)}")


def _reason(lab, host):
    return lab.query(host)["reason"]


def test_rules_are_added_and_changed_under_traffic_without_a_failed_connection(lab, options):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4)
    client = StrictClient(lab, rate=250, pairs=20000, timeout=5.0, reset=False)
    client.more(200)
    accepted = lab.ask(1, "queryport", "80")["accepted"]
    assert accepted > 0
    options.rules = [SSH, *options.rules]
    options.rules[1] = settings.Rule("web", "tcp", "80", affinity="single")  # was none, 80 and 443
    for host in lab.hosts():
        done = _reload(lab, host)
        assert done.returncode == 0, done.stderr
        assert "port_rules[extra]: added" in done.stdout
        assert "port_rules[web].affinity: none -> single" in done.stdout
        client.more(50)
    _wait_until_followed(lab, [rule.name for rule in options.rules])
    client.more(500)
    record = client.stop()
    assert not record.failures(), record.failures()[:5]
    assert_one_host_each(record)
    assert set(record.served()) == {"web1", "web2", "web3"}
    assert held.check({"web1", "web2", "web3"}) == []
    held.close()
    assert lab.ask(1, "queryport", "80")["accepted"] > accepted  # counts go on by name
    attempts = run_fleet(lab.namespace("client"),
                         spread(settings.sources4(60), 120, settings.VIP4,
                                port=settings.HTTP_PORTS[-1]))
    assert not failures(attempts)
    assert set(served(attempts)) == {"web1", "web2", "web3"}


def test_another_number_of_buckets_is_followed_under_traffic(lab, options):
    held = Held(lab.namespace("client"), settings.sources4(60), settings.VIP4)
    client = StrictClient(lab, rate=250, pairs=20000, timeout=5.0, reset=False)
    client.more(100)
    options.buckets = 1024
    for host in lab.hosts():
        assert "cluster.buckets: 4096 -> 1024" in _reload(lab, host).stdout
    for host in lab.hosts():
        wait_until(lambda host=host: lab.ask(host, "queryport", "80")["buckets"]["total"] == 1024,
                   15, f"host {host} to have 1024 buckets")
    lab.wait_converged()
    client.more(500)
    record = client.stop()
    assert not record.failures(), record.failures()[:5]
    assert_one_host_each(record)
    assert held.check({"web1", "web2", "web3"}) == []
    held.close()


def test_one_host_of_three_changes_nothing_and_says_who_is_missing(lab, options):
    before = [rule.name for rule in options.rules]
    options.rules = [*options.rules, SSH]
    done = _reload(lab, 1)
    assert done.returncode == 0
    assert "port_rules[extra]: added" in done.stdout
    assert "have not staged the new configuration" in done.stdout
    wait_until(lambda: "have not staged" in _reason(lab, 1), 10, lambda: _reason(lab, 1))
    wait_until(lambda: "host 1 has staged" in _reason(lab, 2), 10, lambda: _reason(lab, 2))
    assert "hosts 2, 3 have not staged" in _reason(lab, 1)
    assert "have not staged" in lab.covey(1, "query").stdout
    assert lab.query(1)["converged"]
    _reload(lab, 2)
    wait_until(lambda: "host 3 has not staged" in _reason(lab, 1), 10, lambda: _reason(lab, 1))
    assert [_rules(lab, host) for host in lab.hosts()] == [before] * 3
    options.rules = options.rules[:-1]  # taken back
    for host in (1, 2):
        assert "removed" in _reload(lab, host).stdout
    for host in lab.hosts():
        wait_until(lambda host=host: _reason(lab, host) == "", 10,
                   lambda host=host: _reason(lab, host))


def test_a_weight_in_the_file_moves_buckets_without_the_others(lab, options):
    lab.wait_converged()
    before = lab.ask(2, "queryport", "80")["buckets"]["owned"]
    options.weights = [100, 20, 50]
    done = _reload(lab, 2)
    assert "port_rules[web].weight: 100 -> 20" in done.stdout
    wait_until(lambda: lab.ask(2, "queryport", "80")["buckets"]["owned"] < before / 2, 15,
               "host 2 to give up buckets")


def test_a_bad_file_and_a_key_that_needs_a_restart_change_nothing(lab, options):
    shown = lab.covey(2, "display").stdout
    conf = lab.configure(2)
    text = conf.read_text()
    conf.write_text(text.replace(f"mode: {options.mode}", "mode: anycast"))
    done = lab.covey(2, "reload")
    assert done.returncode == 3
    assert f"{conf}:6:" in done.stdout and "cluster.mode" in done.stdout
    conf.write_text(text.replace("id: 2", "id: 9").replace("weight: 100", "weight: 1"))
    done = lab.covey(2, "reload")
    assert done.returncode == 5
    assert "host.id: 2 -> 9 (needs a restart)" in done.stdout
    assert "port_rules[web].weight: 100 -> 1\n" in done.stdout
    conf.unlink()
    assert lab.covey(2, "reload").returncode == 3
    assert lab.covey(2, "display").stdout == shown
    assert lab.query(2)["converged"]
    assert options.buckets == 4096


def test_sighup_reloads(lab, options):
    options.rules = [*options.rules, SSH]
    for host in lab.hosts():
        lab.configure(host)
        lab.coveyd(host).signal(signal.SIGHUP)
    _wait_until_followed(lab, [rule.name for rule in options.rules])
    lab.wait_converged()
