// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include "doctor/checks.h"
#include "localstack/ingress_block.h"

namespace covey::doctor {
namespace {

using dataplane::DeviceKind;

bool is_on_interface(const config::Config& config) {
  return config.uplink.kind == DeviceKind::af_packet || config.uplink.kind == DeviceKind::af_xdp;
}

bool is_link_local(const base::IpAddress& address) {
  constexpr unsigned kLinkLocal = 0xfe80;
  constexpr unsigned kMask = 0xffc0;
  return address.family == base::Family::ipv6 &&
         (static_cast<unsigned>(address.bytes[0] << 8U | address.bytes[1]) & kMask) == kLinkLocal;
}

bool has_address(const Interface& interface, const base::IpAddress& address) {
  return std::ranges::find(interface.addresses, address, &base::IpPrefix::address) !=
         interface.addresses.end();
}

/// Null if there is no such interface, or none is meant.
const Interface* uplink_of(const Facts& facts) {
  return is_on_interface(*facts.config) ? find_interface(facts, facts.config->uplink.argument)
                                        : nullptr;
}

/// Null if there is none, or it is not there.
const Interface* local_of(const Facts& facts) {
  return facts.config->local.kind == localstack::Kind::none
             ? nullptr
             : find_interface(facts, facts.config->local.name);
}

void check_mtu(const Interface& interface, const char* key, const Facts& facts, Findings& out) {
  const std::uint32_t wanted = facts.config->uplink.mtu;
  if (interface.mtu >= wanted || !facts.about.daemon) return;
  add_fault(out, "mtu_too_small",
            {fmt::format("its MTU is {}, ports.uplink.mtu is {}: longer frames are lost",
                         interface.mtu, wanted),
             interface.name,
             fmt::format("ip link set {} mtu {}; or a smaller {} on all hosts", interface.name,
                         wanted, key)});
}

/// coveyd sets these when it starts.
void check_quiet(const Interface& uplink, Findings& out) {
  constexpr int kNever = 8;
  if (uplink.arp_ignore && *uplink.arp_ignore < kNever) {
    add_fault(out, "kernel_answers_arp",
              {fmt::format("the kernel may answer ARP there by itself (arp_ignore is {}): one host "
                           "then draws all clients",
                           *uplink.arp_ignore),
               uplink.name, fmt::format("sysctl net.ipv4.conf.{}.arp_ignore=8", uplink.name)});
  }
  if (uplink.disable_ipv6 && *uplink.disable_ipv6 == 0) {
    add_fault(out, "kernel_speaks_ipv6",
              {"the kernel speaks IPv6 there beside Covey", uplink.name,
               fmt::format("sysctl net.ipv6.conf.{}.disable_ipv6=1", uplink.name)});
  }
}

bool may_listen_for(const Listener& listener, const api::RuleStatus& rule) {
  constexpr std::uint8_t kLoopback = 127;
  if (!listener.address) return true;
  if (listener.address->family == base::Family::ipv4 && listener.address->bytes[0] == kLoopback)
    return false;
  if (rule.vip == "all") return true;
  return listener.address->to_string() == rule.vip;
}

/// "80,443,8000-8100"
bool is_among(std::uint16_t port, std::string_view ports) {
  while (!ports.empty()) {
    const std::string part(ports.substr(0, ports.find(',')));
    ports.remove_prefix(std::min(part.size() + 1, ports.size()));
    const std::size_t dash = part.find('-');
    const unsigned long first = std::stoul(part);
    const unsigned long last =
        dash == std::string::npos ? first : std::stoul(part.substr(dash + 1));
    if (port >= first && port <= last) return true;
  }
  return false;
}

}  // namespace

void check_uplink(const Facts& facts, Findings& out) {
  if (!is_on_interface(*facts.config)) return;
  const std::string& name = facts.config->uplink.argument;
  const Interface* uplink = uplink_of(facts);
  if (uplink == nullptr) {
    add_fault(
        out, "uplink_missing",
        {"the uplink is not there", name,
         "correct ports.uplink.device; `ip link` lists interfaces of this network namespace"});
    return;
  }
  if (!uplink->up && facts.about.daemon) {
    add_fault(out, "uplink_down",
              {"the uplink was taken down", name, fmt::format("ip link set {} up", name)});
  } else if (uplink->up && !uplink->running) {
    add_fault(out, "uplink_no_carrier",
              {"the uplink has no carrier", name, "look at the cable and at the switch port"});
  }
  check_mtu(*uplink, "ports.uplink.mtu", facts, out);
  if (facts.about.daemon) check_quiet(*uplink, out);
  for (const base::IpPrefix& prefix : uplink->addresses) {
    const auto& virtual_ips = facts.config->forwarding.virtual_ips;
    const bool is_virtual = std::ranges::find(virtual_ips, prefix.address,
                                              &base::IpPrefix::address) != virtual_ips.end();
    if (is_virtual || is_link_local(prefix.address)) continue;
    add_fault(out, "address_on_uplink",
              {fmt::format("{} is cut off there while coveyd runs", prefix.to_string()), name,
               "make it host.dedicated_ip, or give it to another interface"});
  }
}

void check_claim(const Facts& facts, Findings& out) {
  if (facts.config->uplink.kind != DeviceKind::af_packet || !facts.machine.tables) return;
  const std::string name = localstack::ingress_table_name(facts.config->uplink.argument);
  const std::string where = "nftables table netdev " + name;
  const auto table = std::ranges::find_if(*facts.machine.tables, [&](const Table& it) {
    return it.family == "netdev" && it.name == name;
  });
  const bool is_there = table != facts.machine.tables->end();
  if (facts.about.daemon) {
    const bool drops = std::ranges::any_of(facts.machine.chains, [&](const Chain& it) {
      return it.family == "netdev" && it.table == name && it.hook == "ingress" && it.drops;
    });
    if (drops) return;
    add_fault(out, "uplink_not_claimed",
              {"the kernel's stack hears what arrives on the uplink, and answers beside Covey",
               where, "restart coveyd; its log says why it could not take the interface"});
  } else if (is_there && table->has_owner) {
    add_fault(out, "uplink_in_use",
              {fmt::format("another coveyd has the uplink {}", facts.config->uplink.argument),
               where, "one daemon per uplink: end it, or ask it (`covey -s SOCKET`)"});
  } else if (is_there) {
    add_fault(out, "stale_claim",
              {"a table that no daemon owns cuts the uplink off, and keeps coveyd from starting",
               where, "nft delete table netdev " + name});
  }
}

void check_offloads(const Facts& facts, Findings& out) {
  const Interface* uplink = uplink_of(facts);
  const bool wants_whole_frames =
      facts.config->uplink.kind == DeviceKind::af_xdp || !facts.config->local.offload;
  if (uplink == nullptr || !wants_whole_frames || !facts.about.daemon || uplink->offloads.empty())
    return;
  std::string names;
  for (const std::string& offload : uplink->offloads)
    names += (names.empty() ? "" : ", ") + offload;
  add_fault(
      out, "uplink_offloads",
      {fmt::format("offloads are on ({}): expect broken or oversized frames", names), uplink->name,
       fmt::format("ethtool -K {} tx off tso off gso off gro off", uplink->name)});
}

void check_local(const Facts& facts, Findings& out) {
  // It comes and goes with the daemon.
  if (facts.config->local.kind == localstack::Kind::none || !facts.about.daemon) return;
  const std::string& name = facts.config->local.name;
  const Interface* local = local_of(facts);
  if (local == nullptr) {
    add_fault(out, "local_missing",
              {"the interface of the local stack is gone", name,
               "restart coveyd; ask the daemon from its own network namespace"});
    return;
  }
  if (!local->up) {
    add_fault(out, "local_down",
              {"the interface of the local stack was taken down: nothing is delivered", name,
               fmt::format("ip link set {} up", name)});
  }
  constexpr int kStrict = 1;
  if (local->rp_filter == kStrict) {
    add_fault(out, "rp_filter_strict",
              {"the reverse path filter drops clients that are reached by another interface", name,
               fmt::format("sysctl net.ipv4.conf.{}.rp_filter=2", name)});
  }
  check_mtu(*local, "ports.uplink.mtu", facts, out);
}

void check_virtual_ips(const Facts& facts, Findings& out) {
  const Interface* local = local_of(facts);
  const bool runs = facts.about.daemon.has_value();
  std::vector<base::IpPrefix> wanted = facts.config->forwarding.virtual_ips;
  if (facts.config->forwarding.dedicated_ip)
    wanted.push_back(*facts.config->forwarding.dedicated_ip);
  for (const base::IpPrefix& prefix : wanted) {
    const std::string text = prefix.address.to_string();
    if (runs && local != nullptr && local->up && !has_address(*local, prefix.address)) {
      add_fault(
          out, "vip_missing",
          {fmt::format("{} was taken off: what is delivered for it is not answered", text),
           local->name, fmt::format("ip addr add {} dev {}", prefix.to_string(), local->name)});
    }
    for (const Interface& other : facts.machine.interfaces) {
      if (&other == local || !has_address(other, prefix.address)) continue;
      add_fault(out, "vip_elsewhere",
                {fmt::format("{} is also there: the kernel answers for it beside Covey", text),
                 other.name, fmt::format("ip addr del {} dev {}", text, other.name)});
    }
  }
}

void check_firewall(const Facts& facts, Findings& out) {
  const std::string& local = facts.config->local.name;
  for (const Chain& chain : facts.machine.chains) {
    if (!chain.drops || chain.hook.empty()) continue;
    if (chain.family == "netdev" && chain.device != local) continue;
    add_fault(out, "firewall_drops",
              {fmt::format("chain {} drops what no rule of it accepts; clients come by {}",
                           chain.name, local),
               fmt::format("nftables table {} {}", chain.family, chain.table),
               "see that it accepts the ports of the rules: nft list ruleset"});
  }
}

void check_listeners(const Facts& facts, Findings& out) {
  if (!facts.machine.listeners || !facts.about.daemon) return;
  if (facts.config->local.kind == localstack::Kind::none) return;
  const bool is_redirecting = std::ranges::any_of(
      facts.machine.chains, [](const Chain& it) { return it.hook == "prerouting"; });
  for (const api::RuleStatus& rule : facts.about.daemon->rules) {
    const bool is_served = (rule.mode == "multiple" || rule.mode == "single") &&
                           rule.protocol == "tcp" && rule.state == "enabled";
    if (!is_served) continue;
    const bool is_listened_on = std::ranges::any_of(*facts.machine.listeners, [&](const auto& it) {
      return may_listen_for(it, rule) && is_among(it.port, rule.ports);
    });
    if (is_listened_on) continue;
    const Words words{
        fmt::format("rule {} gives connections to this host, but no service listens on port {}",
                    rule.rule, rule.ports),
        rule.rule, "start the service on the virtual IP or on all addresses; or covey stop"};
    // They may be sent on to a service elsewhere, as containers have it.
    if (is_redirecting) {
      add_note(out, "nobody_listens", words);
    } else {
      add_fault(out, "nobody_listens", words);
    }
  }
}

void check_mode(const Facts& facts, Findings& out) {
  const forwarding::Settings& settings = facts.config->forwarding;
  if (settings.mode == forwarding::ClusterMode::unicast) {
    if (settings.mask_source_mac) return;
    add_note(out, "source_mac_not_masked",
             {"hosts send with the cluster MAC: a switch learns it, and only one host is reached",
              "cluster.mask_source_mac", "set it to true, unless all hosts are behind a hub"});
    return;
  }
  if (!facts.about.daemon) return;
  for (const auto& [name, count] : facts.about.daemon->after.verdicts) {
    if (name != "group_query" || count.frames != 0) continue;
    add_note(out, "no_querier",
             {"nobody on the segment asked who listens to groups: a switch that snoops forgets",
              "cluster.mode", "switch on the querier of the switch, or snooping off"});
  }
}

}  // namespace covey::doctor
