# SPDX-License-Identifier: BSD-3-Clause
"""What a lab looks like, as plain values: options, rules, names and addresses.

Nothing here touches the machine. Options are written to the lab's state file as JSON, so that a
later `lab start 2` makes host 2 exactly as `lab up` did.
"""

import dataclasses
import ipaddress
import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
STATE_ROOT = pathlib.Path("/run/covey-lab")

VIP4 = "10.77.0.50"
VIP6 = "2001:db8:77::50"
CLIENT4 = "10.77.0.100"
CLIENT6 = "2001:db8:77::100"
ROUTED4 = "10.78.0.0/16"
ROUTED6 = "2001:db8:78::/48"
NEIGHBOURS = 60  # client addresses on the segment itself; the others stand behind the client

HTTP_PORTS = (80, 443, 8001, 8002, 5432, 23, 9000)
ECHO_PORT = 7777
TALK_PORT = 8003  # long connections; a rule for it is not among the default ones
QUIC_PORT = 4433  # likewise
DEFAULT_PORT = 9000  # no rule covers it
HEARTBEAT_ETHERTYPE = 0x88B5
VIRTIO = "virtio"  # uplinks on a segment without a kernel, see segment.py


@dataclasses.dataclass
class Rule:
    """One port rule; weights and priorities are per host and come from the options."""
    name: str
    protocol: str
    ports: str
    mode: str = "multiple"
    affinity: str = "none"
    vip: str = "all"
    quic: str = "none"


def default_rules():
    """One rule of each kind, so that every behaviour can be tried in any lab."""
    return [
        Rule("web", "tcp", "80,443"),
        Rule("sticky", "tcp", "8001", affinity="single"),
        Rule("network", "tcp", "8002", affinity="network"),
        Rule("db", "tcp", "5432", mode="single"),
        Rule("echo", "udp", str(ECHO_PORT)),
        Rule("block", "both", "23", mode="disabled"),
    ]


def talk_rule(**more):
    """The rule for connections that talk for long."""
    return Rule("talk", "tcp", str(TALK_PORT), **more)


@dataclasses.dataclass
class Options:
    """Everything a lab can be told; the defaults are what `lab up` gives."""
    tag: str = "lab"
    hosts: int = 3
    weights: list = dataclasses.field(default_factory=list)  # per host, 100 where missing
    rules: list = dataclasses.field(default_factory=default_rules)
    health: list = dataclasses.field(default_factory=list)  # YAML; $host and $state are known
    interval: str = "200ms"
    tolerance: int = 5
    buckets: int = 4096
    mode: str = "unicast"
    querier: int = 0  # version of IGMP in which the bridge asks who listens to groups; 0: never
    icmp: str = "balance"
    multicast: str = "drop"
    udp_track: bool = False
    udp_idle: str = "30s"
    partition: str = "serve"
    initial_state: str = "started"
    hold_down: str = "0ms"  # labs kill more often than any appliance fails
    uplink: str = "af_packet:up0"
    local: str = "tap"  # kind of the local stack
    offload: bool = True  # of the local stack
    wire: bool = False  # cables carry what a wire could: whole checksums, frames of one MTU
    idle: str = "adaptive"
    realtime: str = "auto"
    log_level: str = "info"
    build: str = ""
    coveyd: str = ""  # another program than the built one
    state_root: str = ""  # /run/covey-lab
    daemon_args: list = dataclasses.field(default_factory=list)
    daemon_prefix: list = dataclasses.field(default_factory=list)  # the command that becomes coveyd

    def weight(self, host):
        """The load weight of a host (numbered from 1)."""
        return self.weights[host - 1] if host <= len(self.weights) else 100

    def has_wires(self):
        """Whether cables carry only what a wire could. Some uplinks take nothing else."""
        return self.wire or not self.offload or not self.uplink.startswith("af_packet:")

    def device(self, host):
        """The uplink as the configuration of a host names it."""
        if self.uplink != VIRTIO:
            return self.uplink
        return (f"vdev:net_virtio_user0,path={self.segment_socket(host)},queue_size=1024,"
                f"mac=02:00:00:00:00:{host:02x}")

    def segment_socket(self, host):
        """The port of a host on a segment of virtio devices."""
        return self.state_dir() / f"segment-h{host}"

    def cluster_mac(self):
        """The cluster MAC of the mode."""
        return cluster_mac(mode=self.mode)

    def build_dir(self):
        """The meson build directory: option, else COVEY_BUILD, else build/ in the repository."""
        return pathlib.Path(self.build or os.environ.get("COVEY_BUILD") or REPOSITORY / "build")

    def program(self, name):
        """The path of a built program (coveyd or covey)."""
        if name == "coveyd" and self.coveyd:
            return pathlib.Path(self.coveyd)
        return self.build_dir() / "app" / name / name

    def tool(self, name):
        """The path of a tool of the lab's own (test/lab/native)."""
        return self.build_dir() / "test" / "lab" / "native" / name

    def state_dir(self):
        """The directory that holds all files of this lab."""
        return pathlib.Path(self.state_root or STATE_ROOT) / self.tag

    def to_json(self):
        """A dictionary that json can write."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data):
        """The options that to_json() wrote."""
        values = dict(data)
        values["rules"] = [Rule(**rule) for rule in values["rules"]]
        return cls(**values)


def host_name(host):
    """The name under which a host serves."""
    return f"web{host}"


def namespace(tag, role):
    """The namespace of a role: `hub`, `client` or a host number."""
    return f"covey-{tag}-{role if isinstance(role, str) else f'h{role}'}"


def cluster_mac(vip=VIP4, mode="unicast"):
    """The cluster MAC of a virtual IPv4 address."""
    octets = [f"{octet:02x}" for octet in ipaddress.ip_address(vip).packed]
    head = {"unicast": ["02", "bf"], "multicast": ["03", "bf"], "igmp": ["01", "00"]}[mode]
    return ":".join(head + (["5e", "7f", *octets[2:]] if mode == "igmp" else octets))


def cluster_group(vip=VIP4):
    """The group that a switch knows the cluster MAC of mode igmp by."""
    return "239.255." + ".".join(vip.split(".")[2:])


def masked_mac(host, vip=VIP4):
    """The source MAC with which a host's frames leave, so that no switch learns the cluster MAC."""
    return f"02:{host:02x}:" + cluster_mac(vip)[6:]


def sources4(count, networks=40):
    """`count` IPv4 client addresses: first those on the segment, then over many /24 networks."""
    first = ipaddress.ip_address(CLIENT4)
    near = [str(first + index) for index in range(min(count // 4, NEIGHBOURS))]
    far = [f"10.78.{index % networks}.{1 + index // networks}" for index in range(count)]
    return (near + far)[:count]


def sources6(count, networks=40):
    """`count` IPv6 client addresses: first those on the segment, then over many /64 networks."""
    first = ipaddress.ip_address(CLIENT6)
    near = [str(first + index) for index in range(min(count // 4, NEIGHBOURS))]
    far = [f"2001:db8:78:{index % networks:x}::{1 + index // networks:x}"
           for index in range(count)]
    return [str(ipaddress.ip_address(text)) for text in (near + far)[:count]]
