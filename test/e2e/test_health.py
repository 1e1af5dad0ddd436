# SPDX-License-Identifier: BSD-3-Clause
"""Health checks of real services: who is ill takes no new connections, and comes back.

Checks come and go by reload. Where a service has to be ill while it serves, the check looks at a
file. Nothing here has to be quick: waits are for events and counters, with a generous limit.
"""

import copy
import subprocess
import time

import pytest
from covey_lab import services, settings
from covey_lab.shell import wait_until
from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each, events, last_event

LIMIT = 60
WEB = '{ name: web, rule: web, http: "http://127.0.0.1/healthz", interval: 1s, timeout: 1s }'
# Well while its file is there.
FILE = "{ name: file, rule: web, exec: [/usr/bin/test, -e, $state/well-$host], interval: 1s, %s }"
AGENT = "{ name: agent, rule: web, exec: [/bin/cat, $state/says-$host], agent: true, interval: 1s }"


@pytest.fixture(name="checks")
def _checks(lab):
    """checks(list, hosts): these are the health checks from now on; put back afterwards."""
    before = copy.deepcopy(lab.options.health)

    def use(health, hosts=None):
        lab.options.health = health
        for host in hosts or lab.hosts():
            lab.configure(host)
            done = lab.covey(host, "reload")
            assert done.returncode == 0, done.stdout + done.stderr

    yield use
    use(before)
    for host in lab.hosts():
        if not lab.running(f"nginx-{host}"):
            services.start_web(lab, host)
    lab.wait_converged()
    wait_until(lambda: _is_usual(_owned(lab)), LIMIT, lambda: f"shares: {_owned(lab)}")


def _owned(lab, port="80"):
    return [lab.ask(host, "queryport", port)["buckets"]["owned"] for host in lab.hosts()]


def _is_usual(owned):
    """By the weights of the shared lab; each host is within one bucket of its share."""
    return all(abs(have - want) <= 1 for have, want in zip(owned, (1638, 1638, 819)))


def _wait_owned(lab, is_so, port="80"):
    """Until the hosts own as many buckets as wanted, and have converged."""
    wait_until(lambda: is_so(_owned(lab, port)) and all(lab.query(host)["converged"]
                                                        for host in lab.hosts()),
               LIMIT, lambda: f"buckets: {_owned(lab, port)}")


def _row(lab, host, name):
    return next(row for row in lab.ask(host, "health") if row["name"] == name)


def _wait_state(lab, host, name, state):
    wait_until(lambda: _row(lab, host, name)["state"] == state, LIMIT,
               lambda: f"{name} of host {host} to be {state}: {_row(lab, host, name)}")


def _put(lab, name, text=""):
    path = lab.state.directory / f"{name}.new"
    path.write_text(text, encoding="ascii")
    path.rename(lab.state.directory / name)


def _take(lab, name):
    (lab.state.directory / name).unlink()


def _changes(lab, host, mark):
    return [event["detail"] for event in events(lab, host)
            if event["id"] > mark and event["event"] == "health_changed"]


def test_a_host_whose_web_server_dies_serves_no_new_clients_until_it_is_back(lab, checks):
    checks([WEB])
    for host in lab.hosts():
        _wait_state(lab, host, "web", "up")
    mark = last_event(lab, 2)
    client = StrictClient(lab, rate=100, pairs=20000, timeout=5.0, reset=False)
    client.more(100)
    died = time.monotonic()
    lab.stop_process("nginx-2")  # killed, it would leave a worker that serves
    _wait_state(lab, 2, "web", "down")
    _wait_owned(lab, lambda owned: owned[1] == 0 and sum(owned) == 4096)
    left = time.monotonic()
    row = _row(lab, 2, "web")
    assert row["last"] == "connect: Connection refused"
    assert (row["percent"], row["last_ok"], row["failed"] >= 3) == (0, False, True)
    assert lab.query(2)["health"] == ["web is down: connect: Connection refused"]
    assert "health     web is down" in lab.covey(2, "query").stdout
    assert "Connection refused" in lab.covey(2, "health").stdout
    client.more(200)
    back = time.monotonic()
    services.start_web(lab, 2)
    _wait_state(lab, 2, "web", "up")
    _wait_owned(lab, lambda owned: _is_usual(owned))
    whole = time.monotonic()
    client.more(200)
    record = client.stop()
    assert not record.failures(end=died - 1), record.failures(end=died - 1)[:5]
    assert not record.failures(begin=left), record.failures(begin=left)[:5]
    assert_one_host_each(record)
    assert set(record.served(left, back)) == {"web1", "web3"}
    assert set(record.served(whole)) == {"web1", "web2", "web3"}
    assert _changes(lab, 2, mark) == ["web: up -> down: connect: Connection refused",
                                      "web: down -> up: 200 OK"]


def test_a_service_that_has_recovered_gets_its_share_back_in_steps(lab, checks):
    _put(lab, "well-1")
    _put(lab, "well-3")
    checks([FILE % "fall: 1, slow_start: 12s"])
    _wait_owned(lab, lambda owned: owned[1] == 0)
    _put(lab, "well-2")
    shares = []

    def is_whole():
        shares.append(_row(lab, 2, "file")["percent"])
        return shares[-1] == 100

    wait_until(is_whole, LIMIT, lambda: f"the whole share: {shares}")
    assert shares == sorted(shares)
    assert set(shares) & {20, 40, 60, 80}
    _wait_owned(lab, lambda owned: _is_usual(owned))


def test_a_service_says_itself_how_much_it_takes(lab, checks):
    for host in lab.hosts():
        _put(lab, f"says-{host}", "ready up 100%\n")
    checks([AGENT])
    for host in lab.hosts():
        _wait_state(lab, host, "agent", "up")
    _put(lab, "says-2", "50% # a disk is being rebuilt\n")
    _wait_owned(lab, lambda owned: owned == [2048, 1024, 1024])
    assert _row(lab, 2, "agent")["last"] == "says: 50% # a disk is being rebuilt"
    _put(lab, "says-2", "drain\n")
    _wait_owned(lab, lambda owned: owned[1] == 0)
    assert _row(lab, 2, "agent")["state"] == "drain"
    _put(lab, "says-2", "down\n")
    _wait_state(lab, 2, "agent", "down")
    _put(lab, "says-2", "up ready 100%\n")
    _wait_owned(lab, lambda owned: _is_usual(owned))
    _put(lab, "says-2", "perhaps\n")
    _wait_state(lab, 2, "agent", "down")
    assert "says 'perhaps'" in _row(lab, 2, "agent")["last"]


def test_where_all_are_ill_all_go_on_serving(lab, checks):
    for host in lab.hosts():
        _put(lab, f"well-{host}")
    checks([FILE % "fall: 1, rise: 1"])
    for host in lab.hosts():
        _wait_state(lab, host, "file", "up")
    marks = {host: last_event(lab, host) for host in lab.hosts()}
    client = StrictClient(lab, rate=100, pairs=20000, timeout=5.0, reset=False)
    client.more(100)
    _take(lab, "well-1")
    _wait_owned(lab, lambda owned: owned[0] == 0 and sum(owned) == 4096)
    _take(lab, "well-2")
    _wait_owned(lab, lambda owned: owned == [0, 0, 4096])
    _take(lab, "well-3")
    _wait_owned(lab, lambda owned: _is_usual(owned))
    ill = time.monotonic()
    client.more(200)
    overruled = "rule web: no host is well, this one goes on serving"
    for host in lab.hosts():
        wait_until(lambda host=host: any(event["detail"] == overruled and event["id"] > marks[host]
                                         for event in events(lab, host)),
                   LIMIT, f"host {host} to tell that it goes on")
        assert _row(lab, host, "file")["percent"] == 0
    again = time.monotonic()
    _put(lab, "well-2")
    _wait_owned(lab, lambda owned: owned == [0, 4096, 0])
    alone = time.monotonic()
    client.more(200)
    record = client.stop()
    assert not record.failures(), record.failures()[:5]
    assert_one_host_each(record)
    assert set(record.served(ill, again)) == {"web1", "web2", "web3"}
    assert set(record.served(alone)) == {"web2"}


def test_an_ill_host_can_be_drained_as_a_whole(lab, checks):
    for host in lab.hosts():
        _put(lab, f"well-{host}")
    checks(["{ name: file, exec: [/usr/bin/test, -e, $state/well-$host], interval: 1s, "
            "on_fail: drain_host }"])
    for host in lab.hosts():
        _wait_state(lab, host, "file", "up")
    assert lab.query(1)["host"]["default"]
    _take(lab, "well-1")
    for port in ("80", "8001", "5432", str(settings.DEFAULT_PORT)):
        _wait_owned(lab, lambda owned: owned[0] == 0 and sum(owned) in (1, 4096), port)
    assert lab.query(2)["host"]["default"]
    assert lab.query(1)["health"] == ["file is down: ended with status 1"]
    _put(lab, "well-1")
    for port in ("80", "5432", str(settings.DEFAULT_PORT)):
        _wait_owned(lab, lambda owned: owned[0] > 0, port)


def test_an_ill_host_can_keep_a_part_of_its_weight(lab, checks):
    for host in (1, 3):
        _put(lab, f"well-{host}")
    (lab.state.directory / "well-2").unlink(missing_ok=True)
    checks([FILE % "on_fail: weight, fail_percent: 50"])
    _wait_owned(lab, lambda owned: owned == [2048, 1024, 1024])
    _put(lab, "well-2")


def test_a_certificate_that_signs_itself_is_good_where_it_is_named(lab, checks):
    state = lab.state.directory
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=www.test",
                    "-addext", "subjectAltName=DNS:www.test", "-keyout", state / "tls.key",
                    "-out", state / "tls.pem"], check=True, capture_output=True)
    lab.spawn("tls-3", lab.namespace(3),
              ["openssl", "s_server", "-accept", "8443", "-www", "-quiet",
               "-cert", str(state / "tls.pem"), "-key", str(state / "tls.key")])
    start = "https: \"https://127.0.0.1:8443/\", on_fail: report, interval: 1s, timeout: 1s"
    try:
        checks([f"{{ name: any, {start} }}", f"{{ name: system, {start}, verify: yes }}",
                f"{{ name: named, {start}, verify: $state/tls.pem, host: www.test }}",
                f"{{ name: other, {start}, verify: $state/tls.pem, host: www.other }}",
                f"{{ name: text, {start}, text: no such text }}"], hosts=[3])
        for name, is_well in {"any": True, "named": True, "system": False, "other": False,
                              "text": False}.items():
            _wait_state(lab, 3, name, "up" if is_well else "down")
        assert "certificate verify failed" in _row(lab, 3, "system")["last"]
        assert "certificate verify failed" in _row(lab, 3, "other")["last"]
        assert "without the text" in _row(lab, 3, "text")["last"]
    finally:
        lab.kill_process("tls-3")


def test_a_reload_keeps_the_checks_that_stay_as_they_are(lab, checks):
    _put(lab, "well-2")
    checks([WEB, FILE % "fall: 1"], hosts=[2])
    _wait_state(lab, 2, "web", "up")
    _wait_state(lab, 2, "file", "up")
    before = _row(lab, 2, "web")
    _take(lab, "well-2")
    _wait_owned(lab, lambda owned: owned[1] == 0)
    lab.options.health = [WEB]
    lab.configure(2)
    shown = lab.covey(2, "reload").stdout
    assert "health[file]: removed" in shown
    _wait_owned(lab, lambda owned: _is_usual(owned))
    assert [row["name"] for row in lab.ask(2, "health")] == ["web"]
    after = _row(lab, 2, "web")
    assert after["since"] == before["since"]
    assert after["succeeded"] > before["succeeded"]
    conf = lab.configure(2)
    conf.write_text(conf.read_text().replace("rule: web,", "rule: nowhere,"))
    done = lab.covey(2, "reload")
    assert done.returncode == 3
    assert "health[0].rule: there is no rule 'nowhere'" in done.stdout
    assert _row(lab, 2, "web")["state"] == "up"


def test_what_a_check_leaves_running_is_gone_and_has_no_privileges(lab, checks):
    report = lab.state.directory / "report"
    script = lab.state.directory / "check.sh"
    script.write_text("#!/bin/sh\ngrep -E '^Cap(Prm|Eff)' /proc/self/status >$1.new\n"
                      "mv $1.new $1\nsleep 1000 & echo left $!; exit 0\n", encoding="ascii")
    script.chmod(0o755)
    checks([f"{{ name: script, exec: [{script}, {report}], on_fail: report }}"], hosts=[2])
    _wait_state(lab, 2, "script", "up")
    assert set(report.read_text().split()[1::2]) == {"0000000000000000"}
    left = _row(lab, 2, "script")["last"].split()[-1]
    wait_until(lambda: subprocess.run(["kill", "-0", left], capture_output=True,
                                      check=False).returncode != 0,
               LIMIT, f"process {left} to be gone")
