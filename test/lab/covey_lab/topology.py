# SPDX-License-Identifier: BSD-3-Clause
"""The network of a lab: a bridge in a hub namespace, one namespace per host, one client.

       client (eth0) --- pc [br0 in hub] p1 --- up0 (host 1)
                                         p2 --- up0 (host 2) ...

The bridge is an ordinary learning one: that frames for the cluster MAC reach every host is the
work of coveyd, which never lets that MAC be learned. Host ends carry no address; the virtual
addresses live on the TAP that coveyd makes. Client addresses in 10.78.0.0/16 and 2001:db8:78::/48
stand behind the client, as if it were their router.
"""

import ipaddress
import socket

from . import settings
from .settings import namespace
from .shell import LabError, ip, ip_batch, run

BRIDGE = "br0"
_AF_XDP = 44

# Hosts keep the kernel's defaults: what coveyd needs otherwise is its own business to set.
_SYSCTL = {
    "hub": ["net.ipv6.conf.default.disable_ipv6=1"],
    "client": ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
               "net.ipv4.conf.all.arp_announce=2", "net.ipv4.tcp_syn_retries=3",
               "net.ipv4.ip_local_port_range=10000 65000", "net.ipv6.ip_nonlocal_bind=1",
               "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
               # One virtual IP answers many clients here, so its fragments are mixed.
               "net.ipv4.ipfrag_max_dist=0"],
}


def has_af_xdp():
    """Whether hosts can have uplinks by af_xdp on this kernel."""
    try:
        socket.socket(_AF_XDP, socket.SOCK_RAW, 0).close()
    except OSError:
        return False
    return True


def roles(options):
    """All namespaces of a lab by role, the hub first."""
    return ["hub", "client", *range(1, options.hosts + 1)]


def port(role):
    """The hub's port towards a role."""
    return "pc" if role == "client" else f"p{role}"


def create(options, state):
    """Make namespaces, bridge, links and client addresses; each is recorded before it exists."""
    for role in roles(options):
        add_namespace(options, state, role)
    hub = namespace(options.tag, "hub")
    ip_batch(hub, [f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0"])
    if options.querier:
        _make_querier(options)
    ip_batch(hub, [f"link set {BRIDGE} up"])
    for role in roles(options)[1:]:
        if role == "client" or options.uplink != settings.VIRTIO:
            connect(options, role)
    _client_addresses(options)


def _make_querier(options):
    """Let the bridge ask who listens to multicast groups, soon and often."""
    hub = namespace(options.tag, "hub")
    ip("-n", hub, "link", "set", BRIDGE, "type", "bridge", "mcast_snooping", "1",
       "mcast_querier", "1", "mcast_igmp_version", str(options.querier),
       "mcast_mld_version", str(options.querier - 1), "mcast_query_response_interval", "100",
       "mcast_query_interval", "500", "mcast_startup_query_interval", "200")
    # Without an address of its own it does not ask over IPv6.
    run("ip", "netns", "exec", hub, "sysctl", "-qw", f"net.ipv6.conf.{BRIDGE}.disable_ipv6=0")


def add_namespace(options, state, role):
    """Make the namespace of a role, recorded before it exists."""
    name = namespace(options.tag, role)
    state.add_namespace(name)
    ip("netns", "add", name)
    if role in _SYSCTL:
        run("ip", "netns", "exec", name, "sysctl", "-qw", *_SYSCTL[role])
    ip_batch(name, ["link set lo up"])


def _ends(options, role):
    """(namespace, device) at the bridge and at the role: `up0` at a host, `eth0` at all others."""
    return ((namespace(options.tag, "hub"), port(role)),
            (namespace(options.tag, role), "eth0" if isinstance(role, str) else "up0"))


def connect(options, role):
    """Lay the cable between a role and the bridge."""
    lay_cable(*_ends(options, role))
    if options.has_wires():
        set_offloads(options, "off", [role])
    _attach(options, role, port(role))


def lay_cable(one, other):
    """A cable between two (namespace, device), both up."""
    ip("link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name", other[1],
       "netns", other[0])
    for where, name in (one, other):
        ip_batch(where, [f"link set {name} up"])


def _set_offloads(where, name, state):
    run("ip", "netns", "exec", where, "ethtool", "-K", name,
        "tx", state, "tso", state, "gso", state, "gro", state)


def set_offloads(options, state, cables=None):
    """Turn the offloads at both ends of the cables of some roles, or of all, "on" or "off"."""
    for role in cables or roles(options)[1:]:
        for where, name in _ends(options, role):
            _set_offloads(where, name, state)


def disconnect(options, role):
    """Take away the cable of a role, with the device at either end."""
    ip("-n", namespace(options.tag, "hub"), "link", "del", port(role))


def attach_device(options, device):
    """Plug a device of the hub into the bridge."""
    ip("-n", namespace(options.tag, "hub"), "link", "set", device, "master", BRIDGE)


def _attach(options, role, device, bridge=BRIDGE):
    hub = namespace(options.tag, "hub")
    ip("-n", hub, "link", "set", device, "master", bridge)
    if options.querier and options.mode != "unicast" and isinstance(role, int):
        # Once it asks, a Linux bridge looks for the group that the IP address names, and the
        # virtual IPs name none. What is for no known group goes to routers only.
        run("bridge", "-n", hub, "link", "set", "dev", device, "mcast_router", "2")


def _client_addresses(options):
    name = namespace(options.tag, "client")
    first4 = ipaddress.ip_address(settings.CLIENT4)
    first6 = ipaddress.ip_address(settings.CLIENT6)
    lines = []
    for index in range(settings.NEIGHBOURS):
        lines.append(f"address add {first4 + index}/24 dev eth0")
        lines.append(f"address add {first6 + index}/64 dev eth0 nodad")
    # Every address of these networks is local to the client: any of them may be a source.
    lines.append(f"route add local {settings.ROUTED4} dev lo")
    ip_batch(name, lines)
    ip("-n", name, "-6", "route", "add", "local", settings.ROUTED6, "dev", "lo")


def add_host_routes(options, host, device="covey0"):
    """Tell a host, once its TAP has addresses, where the networks behind the client are."""
    name = namespace(options.tag, host)
    ip("-n", name, "route", "replace", settings.ROUTED4, "via", settings.CLIENT4, "dev", device)
    ip("-n", name, "-6", "route", "replace", settings.ROUTED6, "via", settings.CLIENT6,
       "dev", device)


def has_addresses(options, host, device="covey0"):
    """Whether the TAP of a host is there, up, and carries both virtual addresses."""
    shown = ip("-n", namespace(options.tag, host), "-o", "address", "show", "dev", device,
               "up", check=False).stdout
    return f" {settings.VIP4}/" in shown and f" {settings.VIP6}/" in shown


def partition(options, groups):
    """Cut the segment into groups of roles; the client stays with the first unless it is named."""
    members = [set(group) for group in groups]
    if not any("client" in group for group in members):
        members[0].add("client")
    known = set(roles(options)[1:])
    named = [role for group in members for role in group]
    if len(named) != len(set(named)) or set(named) != known:
        raise LabError("each host must stand in exactly one group")
    hub = namespace(options.tag, "hub")
    for index, group in enumerate(members):
        bridge = f"br{index}"
        if index:
            ip("-n", hub, "link", "add", bridge, "type", "bridge", "forward_delay", "0",
               check=False)
            ip("-n", hub, "link", "set", bridge, "up")
        for role in group:
            _attach(options, role, port(role), bridge)


_NFT_TABLE = "lab"


def block(options, rules):
    """Drop frames on the bridge: each rule is (from, to, further nft match or "").

    One direction each. Replaces what an earlier call blocked; an empty list blocks nothing.
    """
    hub = namespace(options.tag, "hub")
    lines = [f"table bridge {_NFT_TABLE}", f"delete table bridge {_NFT_TABLE}"]
    if rules:
        lines += [f"table bridge {_NFT_TABLE} {{", "chain cuts {",
                  "type filter hook forward priority 0;"]
        lines += [f'iifname "{port(source)}" oifname "{port(target)}" {match} counter drop'
                  for source, target, match in rules]
        lines += ["}", "}"]
    run("ip", "netns", "exec", hub, "nft", "-f", "-", stdin="\n".join(lines) + "\n")


def lay_wire(options, role):
    """Take a role's cable out of the bridge and lay it to two loose ends: (its own, the bridge's).

    What passes between the two ends is up to a program (lab-wire).
    """
    hub = namespace(options.tag, "hub")
    inner, outer = f"w{port(role)}", f"b{port(role)}"
    ip("-n", hub, "link", "add", inner, "type", "veth", "peer", "name", outer)
    for name in (inner, outer):
        _set_offloads(hub, name, "off")
    _attach(options, role, outer)
    # The old way ends last: until the program runs, the role hears nothing.
    ip_batch(hub, [f"link set {inner} up", f"link set {outer} up",
                   f"link set {port(role)} nomaster"])
    return port(role), inner


def take_wire(options, role):
    """Undo lay_wire()."""
    hub = namespace(options.tag, "hub")
    ip("-n", hub, "link", "del", f"w{port(role)}", check=False)
    _attach(options, role, port(role))


def unplug(options, role):
    """Pull the cable of a role out of the bridge."""
    ip("-n", namespace(options.tag, "hub"), "link", "set", port(role), "down")


def plug(options, role):
    """Put the cable of a role back."""
    ip("-n", namespace(options.tag, "hub"), "link", "set", port(role), "up")


def heal(options):
    """Join all parts of the segment again."""
    hub = namespace(options.tag, "hub")
    for role in roles(options)[1:]:
        _attach(options, role, port(role))
    for index in range(1, options.hosts + 1):
        ip("-n", hub, "link", "del", f"br{index}", check=False)


def learned(options):
    """The MAC addresses the bridge has learned, with their ports."""
    shown = run("bridge", "-n", namespace(options.tag, "hub"), "fdb", "show").stdout
    return {line.split()[0]: line for line in shown.splitlines() if "permanent" not in line}


def listeners(options, group):
    """The ports of the bridge that said they listen to a group."""
    shown = run("bridge", "-n", namespace(options.tag, "hub"), "mdb", "show").stdout
    words = [line.split() for line in shown.splitlines() if f" grp {group} " in f"{line} "]
    return {line[line.index("port") + 1] for line in words} - {BRIDGE}


def pids_inside(name):
    """Process ids that live in a namespace of the lab."""
    shown = ip("netns", "pids", name, check=False).stdout
    return [int(word) for word in shown.split()]


def exists(name):
    """Whether a namespace exists."""
    return any(line.split()[0] == name for line in ip("netns", "list").stdout.splitlines() if line)


def remove(name):
    """Delete a namespace and with it every link, address and rule inside."""
    if exists(name):
        ip("netns", "del", name)
