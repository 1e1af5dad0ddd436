# SPDX-License-Identifier: BSD-3-Clause
"""coveyd on one host: start it, ask it, wait for what it should become.

All knowledge about the programs' command lines is here. Nothing is assumed about timing: every
wait polls `covey --json query` against a deadline, and a failed wait tells the last answers and
the end of the logs.
"""

import json

from . import config, topology
from .settings import host_name, namespace
from .shell import LabError, run, wait_until

LOG_TAIL_LINES = 15


def configure(lab, host):
    """Write the configuration file of a host from the lab's options as they are now."""
    conf = lab.state.directory / f"h{host}.yaml"
    conf.write_text(config.render(lab.options, host), encoding="utf-8")
    return conf


def start(lab, host):
    """Start coveyd on a host and give its TAP the routes to the networks behind the client."""
    options = lab.options
    program = options.program("coveyd")
    if not program.exists():
        raise LabError(f"{program} is not built (`make build`, or set COVEY_BUILD)")
    conf = configure(lab, host)
    (lab.state.directory / f"h{host}.state").mkdir(exist_ok=True)
    role = f"coveyd-{host}"
    lab.spawn(role, namespace(options.tag, host),
              [*options.daemon_prefix, str(program), "-f", str(conf), *options.daemon_args],
              log=f"h{host}.log")

    def ready():
        if not lab.running(role):
            raise LabError(f"coveyd of {host_name(host)} ended at once:\n{log_tail(lab, host)}")
        return topology.has_addresses(options, host)

    wait_until(ready, 20, lambda: f"{host_name(host)} to put the virtual addresses on covey0:\n"
                                  + log_tail(lab, host))
    topology.add_host_routes(options, host)


def log_tail(lab, host):
    """The last lines of a host's log, indented."""
    try:
        lines = (lab.state.directory / f"h{host}.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:]) or "    (empty log)"


def covey(lab, host, *args, check=False, timeout=20):
    """Run the covey command line against a host's daemon."""
    return run(str(lab.options.program("covey")), "-s", str(lab.state.directory / f"h{host}.sock"),
               *args, check=check, timeout=timeout)


def ask(lab, host, *args, timeout=20):
    """Run covey --json and return the parsed answer; LabError when it has none."""
    done = covey(lab, host, "--json", *args, check=True, timeout=timeout)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise LabError(f"covey --json {' '.join(args)}: not JSON: {done.stdout[:200]!r}") from error


def query(lab, host):
    """The host's view of the cluster, or None while it cannot be asked."""
    try:
        return ask(lab, host, "query", timeout=5)
    except LabError:
        return None


def members_of(answer):
    """The ids of the hosts in a view; a host that was merely heard lately is none of them."""
    outside = ("stopped", "suspended", "joining", "isolated")
    return {member["id"] for member in answer.get("members", [])
            if member.get("in_view", member["state"] not in outside)}


def agrees(answer, members):
    """Whether one host's view says: converged, with exactly these members."""
    return bool(answer) and answer["converged"] and members_of(answer) == set(members)


def describe(answer):
    """One line about a view, for messages."""
    if not answer:
        return "does not answer"
    members = ",".join(str(host) for host in sorted(members_of(answer)))
    reason = answer.get("reason") or "none"
    return (f"{answer['host']['state']}, members {members or 'none'}, epoch {answer['epoch']}, "
            f"reason: {reason}")


def wait_converged(lab, members, timeout=30):
    """Wait until each member says it is converged with exactly these members; returns the views."""
    views = {}

    def all_agree():
        for host in members:
            views[host] = query(lab, host)
        return all(agrees(view, members) for view in views.values()) \
            and len({view["epoch"] for view in views.values()}) == 1

    def what():
        lines = [f"{host_name(host)}: {describe(views.get(host))}\n{log_tail(lab, host)}"
                 for host in members]
        return f"hosts {sorted(members)} to converge\n  " + "\n  ".join(lines)

    wait_until(all_agree, timeout, what)
    return views
