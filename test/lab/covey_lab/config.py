# SPDX-License-Identifier: BSD-3-Clause
"""The coveyd configuration of one host, as YAML text.

Written by hand rather than with a YAML library, both to need none and because people read these
files when they play with a lab.
"""

import os
import string

from . import settings


def _rule(options, rule, host):
    parts = [f"name: {rule.name}", f"vip: {rule.vip}", f"protocol: {rule.protocol}",
             f'ports: "{rule.ports}"', f"mode: {rule.mode}"]
    if rule.mode == "multiple":
        parts += [f"affinity: {rule.affinity}"]
        if rule.affinity == "network":
            parts += ["prefix4: 24", "prefix6: 64"]
        parts += [f"weight: {options.weight(host)}"]
        if rule.quic != "none":
            parts += [f"quic: {rule.quic}"]
    if rule.mode == "single":
        parts += [f"priority: {host}"]
    return f"  - {{ {', '.join(parts)} }}"


def _cpus(host):
    # Spread the workers over the processors; the control thread takes the next one.
    count = os.cpu_count() or 1
    return (host - 1) % count, host % count


def _partition_details(options):
    """What goes with the policy: all hosts of the lab, or its client as the gateway."""
    if options.partition == "majority":
        return f'  hosts: "1-{options.hosts}"\n'
    if options.partition == "gateway":
        return f"  gateway: {settings.CLIENT4}\n"
    return ""


def _health(options, host):
    known = {"host": host, "state": options.state_dir()}
    lines = [f"  - {string.Template(check).substitute(known)}" for check in options.health]
    return "\n".join(["health:", *lines]) if lines else "health: []"


def render(options, host):
    """The configuration file of host number `host`."""
    state = options.state_dir()
    worker, control = _cpus(host)
    rules = "\n".join(_rule(options, rule, host) for rule in options.rules)
    return f"""\
# Made by the lab for host {host}; `lab start {host}` writes it anew.
version: 1
cluster:
  name: {options.tag}
  virtual_ips: [{settings.VIP4}/24, "{settings.VIP6}/64"]
  mode: {options.mode}
  key_file: {state}/h{host}.key
  heartbeat: {{ interval: {options.interval}, tolerance: {options.tolerance} }}
  buckets: {options.buckets}
  partition: {options.partition}
{_partition_details(options)}  hold_down: {options.hold_down}
host:
  id: {host}
  name: {settings.host_name(host)}
  initial_state: {options.initial_state}
ports:
  uplink: {{ device: "{options.device(host)}", queues: 1, mtu: 1500 }}
  local: {{ kind: {options.local}, name: covey0, offload: {str(options.offload).lower()} }}
workers: {{ cpus: "{worker}", idle: {options.idle}, control_cpu: {control}, \
realtime: {options.realtime} }}
flows: {{ capacity: 65536, udp_track: {str(options.udp_track).lower()}, \
udp_idle: {options.udp_idle} }}
icmp: {options.icmp}
multicast: {options.multicast}
port_rules:
{rules}
{_health(options, host)}
api: {{ socket: {state}/h{host}.sock, http: "127.0.0.1:9717" }}
state_dir: {state}/h{host}.state
log: {{ level: {options.log_level}, format: text }}
"""
