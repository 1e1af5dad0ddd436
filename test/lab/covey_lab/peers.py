# SPDX-License-Identifier: BSD-3-Clause
"""keepalived and ucarp on the hosts of a lab, in the place of coveyd.

Same bridge, same nginx, same virtual address, same client: one host holds the address, the others
wait for it to fall silent. Used to put failover times side by side; nothing of Covey runs then.
"""

import shlex
import signal

from . import settings, topology
from .shell import ip, wait_until

_KEEPALIVED = """\
global_defs {{
  router_id {name}
  vrrp_version 3
}}
vrrp_instance lab {{
  state BACKUP
  nopreempt
  interface up0
  virtual_router_id 50
  priority {priority}
  advert_int {interval}
  virtual_ipaddress {{ {vip}/24 dev up0 }}
}}
"""


def _own_address(host):
    return f"10.77.0.{10 + host}"


class Peer:
    """Active and standby hosts with one address; subclasses know how to start the program."""

    name = ""

    def __init__(self, lab, interval):
        self.lab = lab
        self.interval = interval

    def prepare(self):
        """Give every host an address of its own and the way to the client's networks."""
        for host in self.lab.hosts():
            name = self.lab.namespace(host)
            ip("-n", name, "address", "replace", f"{_own_address(host)}/24", "dev", "up0")
            ip("-n", name, "route", "replace", settings.ROUTED4, "via", settings.CLIENT4,
               "dev", "up0")

    def start_all(self):
        """Start the program on all hosts and wait until one holds the address."""
        for host in self.lab.hosts():
            self.start(host)
        wait_until(lambda: len(self.holders()) == 1, 30,
                   lambda: f"one host to hold the address: {self.holders()}")

    def stop_all(self):
        """End the program everywhere and take the addresses away."""
        for host in self.lab.hosts():
            self._end(host, signal.SIGTERM)
            self._drop_address(host)

    def start(self, host):
        """Start the program on one host, its cable plugged in, without the virtual address."""
        self._drop_address(host)
        topology.plug(self.lab.options, host)
        self.lab.spawn(f"{self.name}-{host}", self.lab.namespace(host), self._command(host))

    def kill(self, host):
        """The host dies: its cable, so that its kernel is silent too, and all processes."""
        topology.unplug(self.lab.options, host)
        self._end(host, signal.SIGKILL)

    def holders(self):
        """The hosts that have the virtual address and a plugged cable."""
        return [host for host in self.lab.hosts() if self.lab.running(f"{self.name}-{host}")
                and f" {settings.VIP4}/" in self._addresses(host)]

    def _addresses(self, host):
        return ip("-n", self.lab.namespace(host), "-o", "-4", "address", "show", "dev",
                  "up0").stdout

    def _drop_address(self, host):
        ip("-n", self.lab.namespace(host), "address", "del", f"{settings.VIP4}/24", "dev", "up0",
           check=False)

    def _end(self, host, number):
        role = f"{self.name}-{host}"
        if not self.lab.running(role):
            return
        for process in self.lab.state.processes[role].family():
            process.signal(number)
        self.lab.forget_process(role)

    def _command(self, host):
        raise NotImplementedError


class Keepalived(Peer):
    """VRRP version 3, no preemption: a host that comes back waits behind the others."""

    name = "keepalived"

    def _command(self, host):
        base = self.lab.state.directory / f"keepalived-{host}"
        base.with_suffix(".conf").write_text(_KEEPALIVED.format(
            name=settings.host_name(host), priority=250 - 10 * host, interval=self.interval,
            vip=settings.VIP4), encoding="utf-8")
        return ["keepalived", "--dont-fork", "--log-console", "--vrrp",
                f"--use-file={base}.conf", f"--pid={base}.pid", f"--vrrp_pid={base}-vrrp.pid"]


class Ucarp(Peer):
    """CARP in user space; the interval is (base seconds, 256ths of a second per rank)."""

    name = "ucarp"

    def _command(self, host):
        base, skew = self.interval
        scripts = {}
        for verb, action in (("up", "add"), ("down", "del")):
            path = self.lab.state.directory / f"ucarp-{verb}"
            path.write_text(f"#!/bin/sh\nip address {action} {settings.VIP4}/24 dev up0\n",
                            encoding="ascii")
            path.chmod(0o755)
            scripts[verb] = str(path)
        return ["ucarp", "--interface=up0", f"--srcip={_own_address(host)}", "--vhid=50",
                "--pass=lab", f"--addr={settings.VIP4}", f"--advbase={base}",
                f"--advskew={(skew or 1) * host}", f"--upscript={shlex.quote(scripts['up'])}",
                f"--downscript={shlex.quote(scripts['down'])}"]
