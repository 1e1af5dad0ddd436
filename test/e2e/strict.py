# SPDX-License-Identifier: BSD-3-Clause
"""What every test with a strict client asserts."""


def assert_answered_once(record):
    """No SYN was answered by two hosts, and the record is whole enough to say so."""
    assert record.missed == 0, "the client did not see all answers"
    assert not record.unwitnessed(), record.unwitnessed()[:5]
    assert not record.answered_twice(), list(record.answered_twice().items())[:5]


def assert_one_host_each(record):
    """No connection had two hosts, not even at its end."""
    assert_answered_once(record)
    assert not record.strangers(), record.strangers()[:5]


def events(lab, host):
    """The events of a host, oldest first."""
    return lab.ask(host, "events")


def last_event(lab, host):
    """The number of the newest event of a host."""
    return max((event["id"] for event in events(lab, host)), default=0)


def names_since(lab, marks):
    """{host: names of the events after its mark}."""
    return {host: [event["event"] for event in events(lab, host) if event["id"] > mark]
            for host, mark in marks.items()}


def agreement(lab):
    """What must not change while nothing should happen: epochs, members, and since when."""
    views = [lab.query(host) for host in lab.hosts()]
    return [(view["epoch"], view["converged"], view["since"],
             sorted(member["id"] for member in view["members"])) for view in views]


def owners(lab, hosts):
    """Who owns buckets of the rule `web`, as these hosts agree; None while they do not."""
    maps = [{one["rule"]: one["owners"] for one in lab.ask(host, "buckets")["maps"]}
            for host in hosts]
    return set(maps[0]["web"]) if all(one == maps[0] for one in maps[1:]) else None
