# SPDX-License-Identifier: BSD-3-Clause
"""Which services of a compose file an engine starts, when it is told to start all or some."""


def _with(project, names):
    return {**project, "services": {name: service for name, service in project["services"].items()
                                    if name in names}}


def started_by_default(project):
    """What `up` starts: the services without a profile."""
    return _with(project, {name for name, service in project["services"].items()
                           if "profiles" not in service})


def started_with(project, name):
    """What `up NAME` starts: that service, and what it depends on."""
    waiting, found = [name], set()
    while waiting:
        found.add(waiting[-1])
        waiting += set(project["services"][waiting.pop()].get("depends_on", {})) - found
    return _with(project, found)
