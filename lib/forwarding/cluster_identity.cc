// SPDX-License-Identifier: BSD-3-Clause
// What the settings say about the cluster as a whole: its addresses, and the text all hosts must
// share.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "forwarding/policy.h"

namespace covey::forwarding {

namespace {

using Word = std::array<std::uint8_t, 4>;

// The four bytes w.x.y.z of the MAC addresses.
Word identity_bytes(const base::IpAddress& primary) {
  Word word{};
  for (std::size_t i = 0; i < primary.byte_length(); ++i)
    word[i % 4] ^= primary.bytes[i];
  return word;
}

std::string_view word_of(ClusterMode mode) {
  switch (mode) {
    case ClusterMode::unicast:
      return "unicast";
    case ClusterMode::multicast:
      return "multicast";
    case ClusterMode::igmp:
      return "igmp";
  }
  return "";
}

std::string_view word_of(IcmpPolicy policy) {
  switch (policy) {
    case IcmpPolicy::balance:
      return "balance";
    case IcmpPolicy::all:
      return "all";
    case IcmpPolicy::drop:
      return "drop";
  }
  return "";
}

std::string_view word_of(RuleProtocol protocol) {
  switch (protocol) {
    case RuleProtocol::tcp:
      return "tcp";
    case RuleProtocol::udp:
      return "udp";
    case RuleProtocol::both:
      return "both";
  }
  return "";
}

std::string_view word_of(RuleMode mode) {
  switch (mode) {
    case RuleMode::multiple:
      return "multiple";
    case RuleMode::single:
      return "single";
    case RuleMode::disabled:
      return "disabled";
  }
  return "";
}

/// Only rules that spread have one.
std::string affinity_words(const PortRule& rule) {
  if (rule.mode != RuleMode::multiple) return "-";
  switch (rule.hash.affinity) {
    case bucket::Affinity::none:
      return "none";
    case bucket::Affinity::single:
      return "single";
    case bucket::Affinity::network:
      break;
  }
  std::string text = "network ";
  text += std::to_string(rule.hash.prefix4);
  text += ' ';
  text += std::to_string(rule.hash.prefix6);
  return text;
}

// Sorted, so that "443,80" and "80,443" are one thing.
std::string port_words(std::vector<PortRange> ports) {
  std::sort(ports.begin(), ports.end());
  std::string text;
  for (const PortRange& range : ports) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.last == range.first) continue;
    text += '-';
    text += std::to_string(range.last);
  }
  return text;
}

void append_rule(base::Settings& list, const PortRule& rule) {
  const std::string name = "rule " + rule.name;
  list.push_back({name + ": vip", rule.virtual_ip ? rule.virtual_ip->to_string() : "all"});
  list.push_back({name + ": protocol", std::string(word_of(rule.protocol))});
  list.push_back({name + ": ports", port_words(rule.ports)});
  list.push_back({name + ": mode", std::string(word_of(rule.mode))});
  list.push_back({name + ": affinity", affinity_words(rule)});
  if (rule.quic == QuicRouting::cid) list.push_back({name + ": quic", "cid"});
}

}  // namespace

std::vector<base::IpPrefix> addresses_of(const Settings& settings) {
  std::vector<base::IpPrefix> addresses = settings.virtual_ips;
  if (settings.dedicated_ip) addresses.push_back(*settings.dedicated_ip);
  return addresses;
}

base::IpAddress primary_ip(const Settings& settings) {
  for (const base::IpPrefix& prefix : settings.virtual_ips) {
    if (prefix.address.family == base::Family::ipv4) return prefix.address;
  }
  return settings.virtual_ips.empty() ? base::IpAddress{} : settings.virtual_ips.front().address;
}

base::MacAddress cluster_mac(ClusterMode mode, const base::IpAddress& primary) {
  const Word id = identity_bytes(primary);
  switch (mode) {
    case ClusterMode::unicast:
      return {{0x02, 0xbf, id[0], id[1], id[2], id[3]}};
    case ClusterMode::multicast:
      return {{0x03, 0xbf, id[0], id[1], id[2], id[3]}};
    case ClusterMode::igmp:
      return {{0x01, 0x00, 0x5e, 0x7f, id[2], id[3]}};
  }
  return {};
}

base::MacAddress masked_host_mac(base::HostId host, const base::IpAddress& primary) {
  const Word id = identity_bytes(primary);
  return {{0x02, host.value, id[0], id[1], id[2], id[3]}};
}

base::Settings shared_settings(const Settings& settings) {
  std::vector<base::IpPrefix> addresses = settings.virtual_ips;
  std::sort(addresses.begin(), addresses.end());
  const base::IpAddress primary = primary_ip(settings);
  const base::MacAddress mac = settings.cluster_mac.value_or(cluster_mac(settings.mode, primary));
  base::Settings list;
  list.push_back({"primary virtual ip", primary.to_string()});
  for (const base::IpPrefix& prefix : addresses)
    list.push_back({"virtual ip " + prefix.to_string(), "present"});
  list.push_back({"mode", std::string(word_of(settings.mode))});
  list.push_back({"mac", mac.to_string()});
  list.push_back({"icmp", std::string(word_of(settings.icmp))});
  list.push_back({"buckets", std::to_string(settings.buckets)});
  if (settings.udp_track) list.push_back({"udp_track", "true"});
  if (settings.gateway) list.push_back({"gateway", settings.gateway->to_string()});
  for (const PortRule& rule : settings.rules)
    append_rule(list, rule);
  // The first rule that fits decides, so their order is part of what they say.
  for (std::size_t i = 0; i < settings.rules.size(); ++i)
    list.push_back({"order of rules: " + std::to_string(i + 1), settings.rules[i].name});
  return list;
}

}  // namespace covey::forwarding
