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

std::string mode_words(const PortRule& rule) {
  switch (rule.mode) {
    case RuleMode::single:
      return "single";
    case RuleMode::disabled:
      return "disabled";
    case RuleMode::multiple:
      break;
  }
  switch (rule.hash.affinity) {
    case bucket::Affinity::none:
      return "multiple affinity none";
    case bucket::Affinity::single:
      return "multiple affinity single";
    case bucket::Affinity::network:
      break;
  }
  std::string text = "multiple affinity network ";
  text += std::to_string(rule.hash.prefix4);
  text += ' ';
  text += std::to_string(rule.hash.prefix6);
  return text;
}

// Sorted, so that "443,80" and "80,443" are one thing.
void append_ports(std::string& text, std::vector<PortRange> ports) {
  std::sort(ports.begin(), ports.end());
  bool is_first = true;
  for (const PortRange& range : ports) {
    text += is_first ? ' ' : ',';
    is_first = false;
    text += std::to_string(range.first);
    if (range.last == range.first) continue;
    text += '-';
    text += std::to_string(range.last);
  }
}

void append_rule(std::string& text, std::size_t index, const PortRule& rule) {
  text += "rule ";
  text += std::to_string(index);
  text += ": ";
  text += rule.name;
  text += " vip ";
  text += rule.virtual_ip ? rule.virtual_ip->to_string() : "all";
  text += ' ';
  text += word_of(rule.protocol);
  text += " ports";
  append_ports(text, rule.ports);
  text += ' ';
  text += mode_words(rule);
  text += '\n';
}

void append_line(std::string& text, std::string_view what, std::string_view value) {
  text += what;
  text += ' ';
  text += value;
  text += '\n';
}

}  // namespace

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

std::string shared_description(const Settings& settings) {
  std::vector<base::IpPrefix> addresses = settings.virtual_ips;
  std::sort(addresses.begin(), addresses.end());
  const base::IpAddress primary = primary_ip(settings);
  const base::MacAddress mac = settings.cluster_mac.value_or(cluster_mac(settings.mode, primary));
  std::string text;
  append_line(text, "primary", primary.to_string());
  for (const base::IpPrefix& prefix : addresses) {
    append_line(text, "virtual ip", prefix.to_string());
  }
  append_line(text, "mode", word_of(settings.mode));
  append_line(text, "mac", mac.to_string());
  append_line(text, "icmp", word_of(settings.icmp));
  append_line(text, "buckets", std::to_string(settings.buckets));
  for (std::size_t i = 0; i < settings.rules.size(); ++i)
    append_rule(text, i, settings.rules[i]);
  return text;
}

}  // namespace covey::forwarding
