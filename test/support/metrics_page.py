# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as documents see them: the table of docs/metrics.md, and what a query asks for."""

import re

from prometheus_client.openmetrics.parser import text_string_to_metric_families

# Labels whose values depend on the cluster; those of the others are written down.
OPEN = {"check": "its name", "cluster": "its name", "host": "an id", "name": "of the host",
        "port": "its interface", "rule": "its name, or `default`",
        "verdict": "[one of these](operations.md#verdicts)", "worker": "its number"}
ADDED = {"instance", "job"}  # by Prometheus
HEAD = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]

USE = re.compile(r"\b(covey_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def parse(text):
    """The families of an answer; an error if it is no OpenMetrics."""
    return list(text_string_to_metric_families(text))


def values_of(samples):
    """The values of each label, in the order of the samples."""
    values = {}
    for sample in samples:
        for label, value in sample.labels.items():
            known = values.setdefault(label, [])
            if value not in known:
                known.append(value)
    return values


def _labels_text(samples):
    parts = []
    for label, values in values_of(samples).items():
        parts.append(f"`{label}`: " + (OPEN.get(label) or f"`{' '.join(values)}`"))
    return "; ".join(parts)


def table(families):
    """Rows of the page, in the order of the answer."""
    rows = [f"| `{family.samples[0].name}` | {family.type} | {_labels_text(family.samples)} | "
            f"{family.documentation} |" for family in families]
    return "\n".join(HEAD + rows) + "\n"


def split_page(page):
    """What stands in front of the table, the table, and what stands behind it."""
    start = page.index(HEAD[0])
    end = page.find("\n\n", start)
    end = len(page) if end < 0 else end + 1
    return page[:start], page[start:end], page[end:]


def names_in(query):
    """The metrics of a query."""
    return {name for name, _ in USE.findall(query)}


def wrong_in(query, families):
    """What a query asks for that no answer has: metrics, labels, values of labels."""
    samples = {}
    for family in families:
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    wrong, all_labels = [], set(ADDED)
    for name, matchers in USE.findall(query):
        if name not in samples:
            wrong.append(f"metric {name}")
            continue
        values = values_of(samples[name])
        all_labels |= values.keys()
        for label, _, wanted in MATCHER.findall(matchers):
            if label in ADDED:
                continue
            if label not in values:
                wrong.append(f"label {name}{{{label}}}")
                continue
            # A value that is chosen in the dashboard, or that depends on the cluster.
            if wanted.startswith("$") or (label in OPEN and label != "verdict"):
                continue
            wrong += [f"value {name}{{{label}={value}}}" for value in wanted.split("|")
                      if value not in values[label]]
    for labels in GROUPING.findall(query):
        wrong += [f"label {label}" for label in re.findall(r"\w+", labels)
                  if label not in all_labels]
    return wrong
