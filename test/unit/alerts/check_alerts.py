#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""check_alerts.py RULES DASHBOARD: each alert fires when it should, and alone.

A case is three healthy hosts with one thing wrong. promtool plays its series and says which alerts
fire in the end: exactly the one of the case, for as many hosts, rules or clusters as expected.
Prometheus must also understand every query of the dashboard.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HOSTS = "abc"
SECONDS = 60  # between two scrapes: more of them only take more time
SCRAPES = 90  # longer than any rule waits
END = f"{SCRAPES * SECONDS}s"
LATELY = 10  # the last scrapes, within the time that each rule looks back
SHARES = {"a": 1638, "b": 1638, "c": 820}
STATES = ["stopped", "suspended", "joining", "converging", "converged", "draining", "isolated"]
HEARTBEATS = ["send_failed", "bad_version", "unknown_key", "bad_tag", "malformed", "limited",
              "replayed", "not_ours"]
COMMANDS = ["bad_tag", "unknown_key", "malformed", "replayed", "limited", "obeyed"]
VERDICTS = ["deliver_owned", "drop_lease_expired", "drop_local_full", "drop_uplink_full",
            "drop_control_full"]


def steady(value):
    """The same at every scrape."""
    return f"{value}+0x{SCRAPES}"


def rising(a_second):
    """A counter."""
    return f"0+{a_second * SECONDS}x{SCRAPES}"


def lately(*values):
    """The first value for most of the time, then one after the other."""
    first, *others = values
    return " ".join([f"{first}+0x{SCRAPES - LATELY - 1}", *map(str, others),
                     f"{values[-1]}+0x{LATELY}"])


def healthy():
    """Series of three hosts by (host, name, further labels)."""
    series = {}

    def add(name, values, /, **labels):
        series[host, name, tuple(labels.items())] = values

    for number, host in enumerate(HOSTS, 1):
        add("up", steady(1))
        add("covey_host_info", steady(1), host=number, name=f"web{number}", cluster="web")
        for state in STATES:
            add("covey_host_state", steady(int(state == "converged")), state=state)
        add("covey_members", steady(3))
        add("covey_epoch", steady(7))
        add("covey_islands", steady(0))
        for member in range(1, 4):
            add("covey_member_age_seconds", steady(0.2), host=member)
        add("covey_buckets", steady(4096), rule="web")
        add("covey_owned_buckets", steady(SHARES[host]), rule="web")
        add("covey_buckets", steady(1), rule="default")
        add("covey_owned_buckets", steady(int(host == "a")), rule="default")
        add("covey_events_total", rising(0.01))
        add("covey_control_lateness_seconds", steady(0.001), window="lately")
        add("covey_control_lateness_seconds", steady(0.5), window="ever")
        for outcome in HEARTBEATS:
            add("covey_heartbeats_total", rising(5 if outcome == "not_ours" else 0),
                outcome=outcome)
        for outcome in COMMANDS:
            add("covey_commands_total", rising(int(outcome == "obeyed")), outcome=outcome)
        for verdict in VERDICTS:
            add("covey_verdict_frames_total", rising(1000 if verdict == "deliver_owned" else 0),
                verdict=verdict)
        add("covey_flows_untracked_total", steady(0))
        add("covey_flows", steady(8000), state="established")
        add("covey_flows", steady(500), state="half_open")
        add("covey_flows_capacity", steady(10000))
        add("covey_health_up", steady(1), check="web")
        for port in ("uplink", "local"):
            add("covey_port_link_up", steady(1), port=port)
            add("covey_port_missed_frames_total", steady(3), port=port)
        add("covey_worker_packets_total", rising(50000), worker=0)
        add("covey_worker_bursts_total", rising(1000), worker=0)
    return series


def changed(host, name, values, /, **labels):
    """A series that differs, of one host or some."""
    return {(one, name, tuple(labels.items())): values
            for one in host}


def in_state(host, state):
    """Hosts that are in another state all the time."""
    return changed(host, "covey_host_state", steady(0), state="converged") \
        | changed(host, "covey_host_state", steady(1), state=state)


def without(host):
    """A host that is down, and what the other two then say."""
    gone = {key: None for key in healthy() if key[0] == host and key[1] != "up"}
    return gone | changed(host, "up", steady(0)) | changed("ab", "covey_members", steady(2)) \
        | changed("ab", "covey_owned_buckets", steady(2048), rule="web")


def refused(outcome, a_second=1):
    """Heartbeats that host c refuses."""
    return changed("c", "covey_heartbeats_total", rising(a_second), outcome=outcome)


def dropped(verdict):
    """Frames that host c drops."""
    return changed("c", "covey_verdict_frames_total", rising(5), verdict=verdict)


def shares(of_c):
    """What host c owns of a rule, instead of its share."""
    return changed("c", "covey_owned_buckets", steady(of_c), rule="web")


# What is wrong, and how many times which alert fires for it; none: that is no reason for an alarm.
CASES = [
    ("nothing", {}, None, 0),
    ("a host is down", without("c"), "CoveyDown", 1),
    ("one joins for long", in_state("c", "joining"), "CoveyConverging", 1),
    ("all agree for long", in_state(HOSTS, "converging"), "CoveyConverging", 3),
    ("one is isolated", in_state("c", "isolated"), "CoveyIsolated", 1),
    ("one is stopped", in_state("c", "stopped"), "CoveyStopped", 1),
    ("one is suspended", in_state("c", "suspended"), "CoveyStopped", 1),
    ("one drains for long", in_state("c", "draining"), "CoveyDraining", 1),
    ("one is alone", changed("c", "covey_members", steady(1)), "CoveyMemberMissing", 1),
    ("one is behind", changed("c", "covey_epoch", steady(6)), "CoveyEpochsDiffer", 1),
    ("two islands", changed(HOSTS, "covey_islands", steady(1)), "CoveyIslands", 3),
    ("many convergences", changed(HOSTS, "covey_epoch", f"0+1x{SCRAPES}"), "CoveyFlapping", 3),
    ("few convergences", changed(HOSTS, "covey_epoch", lately(1, 2, 3, 4, 5, 6, 7)), None, 0),
    ("one falls silent", changed("a", "covey_member_age_seconds", steady(11), host=3),
     "CoveyMemberSilent", 1),
    ("one is slow", changed("a", "covey_member_age_seconds", steady(9), host=3), None, 0),
    ("buckets without owner", shares(819), "CoveyBucketsUnowned", 1),
    ("buckets with two owners", shares(821), "CoveyBucketsTwice", 1),
    ("no default host", changed("a", "covey_owned_buckets", steady(0), rule="default"),
     "CoveyBucketsUnowned", 1),
    ("many starts", changed("c", "covey_events_total", lately(9, 8, 7, 6)), "CoveyRestarts", 1),
    ("two starts", changed("c", "covey_events_total", lately(9, 8, 7)), None, 0),
    ("a late thread", changed("c", "covey_control_lateness_seconds", steady(0.11), window="lately"),
     "CoveyControlLate", 1),
    ("mute", refused("send_failed", 0.1), "CoveyHeartbeatsNotSent", 1),
    ("forged", refused("bad_tag"), "CoveyHeartbeatsForged", 1),
    ("another key", refused("unknown_key"), "CoveyHeartbeatsUnknownKey", 1),
    ("another version", refused("bad_version"), "CoveyHeartbeatsUnreadable", 1),
    ("malformed", refused("malformed"), "CoveyHeartbeatsUnreadable", 1),
    ("flooded", refused("limited"), "CoveyHeartbeatsFlooded", 1),
    ("replayed", refused("replayed"), None, 0),
    ("refused commands", changed("c", "covey_commands_total", rising(0.1), outcome="replayed"),
     "CoveyCommandsRefused", 1),
    ("no lease", dropped("drop_lease_expired"), "CoveyLeaseExpired", 1),
    ("local stack full", dropped("drop_local_full"), "CoveyQueueFull", 1),
    ("uplink full", dropped("drop_uplink_full"), "CoveyQueueFull", 1),
    ("control full", dropped("drop_control_full"), "CoveyQueueFull", 1),
    ("no room", changed("c", "covey_flows_untracked_total", rising(1)), "CoveyFlowsUntracked", 1),
    ("hardly any room", changed("c", "covey_flows", steady(8501), state="established"),
     "CoveyFlowsNearlyFull", 1),
    ("an ill service", changed("c", "covey_health_up", steady(0), check="web"),
     "CoveyServiceIll", 1),
    ("a service that failed and is back", changed("c", "covey_health_up", lately(1, 0, 1),
                                                  check="web"), None, 0),
    ("no link", changed("c", "covey_port_link_up", steady(0), port="uplink"), "CoveyLinkDown", 1),
    ("missed frames", changed("c", "covey_port_missed_frames_total", rising(2), port="uplink"),
     "CoveyPortMissed", 1),
    ("a full worker", changed("c", "covey_worker_packets_total", rising(57000), worker=0),
     "CoveyWorkerFull", 1),
]


def series_text(host, name, labels):
    """As promtool reads it."""
    pairs = [("job", "covey"), ("instance", f"{host}:9717"), *labels]
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in pairs) + "}"


def promtool_test(title, changes, alert, count):
    """One case as promtool reads it."""
    unknown = changes.keys() - healthy().keys()
    assert not unknown, f"{title}: no healthy host has {unknown}"
    series = {key: values for key, values in (healthy() | changes).items() if values}
    fired = [{"labels": f'{{alertname="{alert}"}}', "value": count}]
    return {
        "name": title, "interval": f"{SECONDS}s",
        "input_series": [{"series": series_text(*key), "values": values}
                         for key, values in series.items()],
        "promql_expr_test": [{
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": END,
            "exp_samples": fired if alert else []}]}


def names_of(rules):
    """The alerts that the file has, in its order."""
    return [line.split()[-1] for line in Path(rules).read_text(encoding="ascii").splitlines()
            if line.strip().startswith("- alert:")]


def promtool(*args):
    """Runs it; what it says when it is not content is the report of this test."""
    done = subprocess.run(["promtool", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def queries_as_rules(dashboard):
    """The queries of the dashboard in a form that promtool reads."""
    panels = json.loads(Path(dashboard).read_text(encoding="ascii"))["panels"]
    return {"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": target["expr"]}
        for panel in panels for target in panel["targets"]]}]}


def main():
    rules = str(Path(sys.argv[1]).resolve())
    promtool("check", "rules", rules)
    untested = set(names_of(rules)) - {alert for _, _, alert, _ in CASES}
    if untested:
        sys.exit(f"no case: {', '.join(sorted(untested))}")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "panels.yaml"  # JSON is YAML
        path.write_text(json.dumps(queries_as_rules(sys.argv[2])), encoding="ascii")
        promtool("check", "rules", str(path))
        path = Path(directory) / "cases.yaml"
        path.write_text(json.dumps({
            "rule_files": [rules], "evaluation_interval": f"{SECONDS}s",
            "tests": [promtool_test(*case) for case in CASES]}), encoding="ascii")
        promtool("test", "rules", str(path))
    print(f"figures: {len(names_of(rules))} rules, {len(CASES)} cases")


if __name__ == "__main__":
    main()
