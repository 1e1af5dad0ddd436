# SPDX-License-Identifier: BSD-3-Clause
"""A containerlab topology with the words of a compose file, for the forms ours uses.

containerlab runs its nodes privileged, and plugs in their cables after they have started.
"""

import shlex


def resolved(topology, name):
    """A node with what its group says, as containerlab puts them together."""
    node = topology["nodes"][name]
    group = topology["groups"].get(node.get("group"), {})
    return {**group, **node, "binds": group.get("binds", []) + node.get("binds", [])}


def _service(node):
    service = {"image": node["image"], "privileged": True,
               "volumes": [bind if bind.startswith("key:") else f"./{bind}"
                           for bind in node["binds"]]}
    for key in ("user", "sysctls"):
        if key in node:
            service[key] = node[key]
    for key, name in (("entrypoint", "entrypoint"), ("cmd", "command")):
        if key in node:
            service[name] = shlex.split(node[key])
    mode, _, other = node["network-mode"].partition(":")
    if mode == "container":
        service |= {"network_mode": f"service:{other}",
                    "depends_on": {other: {"condition": "service_started"}}}
    else:
        service |= {"networks": {"segment": {}},
                    "depends_on": {"key": {"condition": "service_completed_successfully"}}}
    return service


def as_compose(clab, compose):
    """The topology as a project; what must be there before, key and bridge, is that of compose."""
    topology = clab["topology"]
    services = {name: _service(resolved(topology, name))
                for name, node in topology["nodes"].items() if node["kind"] == "linux"}
    return {"services": {"key": compose["services"]["key"], **services},
            "networks": compose["networks"], "volumes": compose["volumes"]}


def commands(clab):
    """(node, words) of what containerlab runs inside of nodes once they are connected."""
    for name, node in clab["topology"]["nodes"].items():
        for line in node.get("exec", []):
            yield name, shlex.split(line)
