# SPDX-License-Identifier: BSD-3-Clause
"""What is asked of a running project: who answers the virtual IP, and who is a cluster."""

import json

HOSTS = ("host1", "host2", "host3")
CLIENT = "client"
URL = "http://10.77.0.50/"
REQUESTS = 120
# One curl for all requests, each with a connection of its own, and then the status of each.
CURL = ["curl", "-s", "--fail-early", "--max-time", "10", "-H", "Connection: close",
        "-w", "%{stderr}%{http_code}\n", f"{URL}?[1-{REQUESTS}]"]


def answers(done):
    """The hosts that answered CURL; nobody unless all requests were answered well."""
    return set(done.stdout.split()) if done.stderr.split() == ["200"] * REQUESTS else set()


def ask(engine, client=CLIENT):
    """The hosts that answer the client."""
    return answers(engine.execute(client, *CURL))


def wait_answered_by(engine, hosts, client=CLIENT):
    """Until these hosts, and all of them, answer the client."""
    engine.wait(lambda: ask(engine, client) == set(hosts),
                f"{', '.join(hosts)} to answer the client")


def _query(engine, host):
    done = engine.execute(host, "covey", "--json", "query")
    return json.loads(done.stdout) if done.returncode == 0 else {"converged": False}


def _members(engine, host):
    """The hosts that are a cluster by the word of one of them; nobody while it has not converged.
    """
    view = _query(engine, host)
    return {member["name"] for member in view["members"] if member["in_view"]} \
        if view["converged"] else set()


def wait_converged(engine, hosts):
    """Until these hosts agree that they are the cluster."""
    engine.wait(lambda: all(_members(engine, host) == set(hosts) for host in hosts),
                f"{', '.join(hosts)} to be a cluster")


def wait_well(engine, hosts=HOSTS):
    """Until each host has found its web server well: before that it may take no connections."""
    engine.wait(lambda: all(_query(engine, host).get("health") == [] for host in hosts),
                "the web servers of all hosts to be well")
