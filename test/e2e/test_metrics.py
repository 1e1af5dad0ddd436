# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of running hosts: the page, the alerts and the dashboard speak of what really is there.

With COVEY_REWRITE_GOLDEN=1 in the environment the table of docs/metrics.md is written, to be
reviewed.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test" / "support"))

import metrics_page  # noqa: E402  pylint: disable=wrong-import-position

PAGE = TOP / "docs" / "metrics.md"
ALERTS = TOP / "conf" / "prometheus" / "alerts.yaml"
DASHBOARD = TOP / "conf" / "grafana" / "covey.json"


def _families(lab, host):
    answer = lab.exec(host, ["curl", "-sf", "http://127.0.0.1:9717/metrics"]).stdout
    return metrics_page.parse(answer)


def _value(families, name, /, **labels):
    found = [sample.value for family in families for sample in family.samples
             if sample.name == name and labels.items() <= sample.labels.items()]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def _alerts():
    groups = yaml.safe_load(ALERTS.read_text(encoding="ascii"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _panel_queries():
    panels = json.loads(DASHBOARD.read_text(encoding="ascii"))["panels"]
    return [(panel["title"], target) for panel in panels for target in panel.get("targets", [])]


def test_every_answer_is_openmetrics_and_says_so(lab):
    head = lab.exec(1, ["curl", "-sfD", "-", "-o", "/dev/null",
                        "http://127.0.0.1:9717/metrics"]).stdout
    assert "application/openmetrics-text; version=1.0.0" in head
    names = [[family.name for family in _families(lab, host)] for host in lab.hosts()]
    assert len(names[0]) == len(set(names[0])) > 20
    assert names[1:] == names[:-1]


def test_the_page_has_the_metrics_that_a_host_has(lab):
    before, shown, after = metrics_page.split_page(PAGE.read_text(encoding="ascii"))
    real = metrics_page.table(_families(lab, 1))
    if os.environ.get("COVEY_REWRITE_GOLDEN"):
        PAGE.write_text(before + real + after, encoding="ascii")
    else:
        assert shown == real


def test_a_host_says_who_it_is_and_what_it_owns(lab):
    families = {host: _families(lab, host) for host in lab.hosts()}
    for host, its in families.items():
        assert _value(its, "covey_host_info", host=str(host), name=f"web{host}",
                      cluster=lab.options.tag) == 1
        view = lab.query(host)
        assert _value(its, "covey_epoch") == view["epoch"]
        assert _value(its, "covey_members") == len(lab.hosts())
        assert _value(its, "covey_islands") == view["islands"] == 0
        stats = lab.ask(host, "stats")
        assert _value(its, "covey_flows_capacity") == stats["flows"]["capacity"]
        for port, figures in stats["ports"].items():
            assert _value(its, "covey_port_link_up", port=port) == figures["link_up"]
    for rule in ("web", "default"):
        owned = [_value(its, "covey_owned_buckets", rule=rule) for its in families.values()]
        assert sum(owned) == _value(families[1], "covey_buckets", rule=rule)


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_a_host_has(lab, alert):
    families = _families(lab, 1)
    assert metrics_page.wrong_in(alert["expr"], families) == []
    known = set(metrics_page.ADDED)
    for family in families:
        for sample in family.samples:
            if sample.name in metrics_page.names_in(alert["expr"]):
                known |= sample.labels.keys()
    for text in alert["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= known
    assert alert["annotations"].keys() == {"summary", "action"}


def test_the_dashboard_asks_for_what_a_host_has(lab):
    families = _families(lab, 1)
    wrong = [(title, what) for title, target in _panel_queries()
             for what in metrics_page.wrong_in(target["expr"], families)]
    assert wrong == []
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    shown = {label for _, target in _panel_queries()
             for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))}
    assert shown <= labels | metrics_page.ADDED


def test_every_metric_has_a_panel(lab):
    shown = set().union(*(metrics_page.names_in(target["expr"]) for _, target in _panel_queries()))
    assert {family.samples[0].name for family in _families(lab, 1)} - shown == set()
