// SPDX-License-Identifier: BSD-3-Clause
#include "config/load_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/values.h"

namespace covey::config {
namespace {

using forwarding::PortRule;
using forwarding::RuleMode;
using forwarding::RuleProtocol;

// One heartbeat message must be able to carry the claims of every map class: 64 fragments of which
// 1300 bytes each are counted on, less what is always in it (hosts, digests, weights).
constexpr std::size_t kClaimsBudget = 64 * 1300 - 6000;
constexpr std::size_t kClaimsOverhead = 16;  // of one bitmap

bool is_reserved(std::string_view name) {
  return name == "default" || name == "spread" ||
         name == "all";  // they name something else in commands
}

void load_vip(const Section& section, const forwarding::Settings& settings, PortRule& rule) {
  const auto text = section.text("vip");
  if (!text || *text == "all") return;
  const auto address = base::IpAddress::parse(*text);
  if (!address) {
    section.not_allowed("vip", fmt::format("'{}' is not an IP address", text->substr(0, 60)));
    return;
  }
  rule.virtual_ip = *address;
  const auto& known = settings.virtual_ips;
  if (std::ranges::find(known, *address, &base::IpPrefix::address) == known.end()) {
    section.not_allowed("vip", fmt::format("{} is not a virtual IP", *text));
  }
}

void load_weight(const Section& section, PortRule& rule) {
  const auto text = section.text("weight");
  if (!text || *text == "equal") return;
  if (const auto weight = parse_number(*text, forwarding::kMaxWeight)) {
    rule.weight = static_cast<std::uint8_t>(*weight);
  } else {
    section.not_allowed("weight", fmt::format("'{}' is no weight", text->substr(0, 60)));
  }
}

/// Keys that the mode gives no meaning to are contradictions, not decoration.
void check_keys_of_mode(const Section& section, const PortRule& rule) {
  const bool is_multiple = rule.mode == RuleMode::multiple;
  const bool is_network = is_multiple && rule.hash.affinity == bucket::Affinity::network;
  section.only_with("affinity", is_multiple, "mode: multiple");
  section.only_with("quic", is_multiple && rule.protocol != RuleProtocol::tcp,
                    "mode: multiple and protocol: udp or both");
  section.only_with("weight", is_multiple, "mode: multiple");
  section.only_with("prefix4", is_network, "affinity: network");
  section.only_with("prefix6", is_network, "affinity: network");
  section.only_with("priority", rule.mode == RuleMode::single, "mode: single");
}

PortRule load_rule(const Section& section, const forwarding::Settings& settings,
                   std::map<std::string, int>& lines) {
  PortRule rule;
  load_name(section, lines, rule.name);
  if (is_reserved(rule.name)) section.mistake("name", fmt::format("'{}' is reserved", rule.name));
  load_vip(section, settings, rule);
  section.get_choice("protocol", rule.protocol);
  if (const auto text = section.text("ports")) {
    if (auto ports = parse_ports(*text)) {
      rule.ports = std::move(*ports);
    } else {
      section.not_allowed("ports", ports.error().context);
    }
  }
  section.get_choice("mode", rule.mode);
  section.get_choice("affinity", rule.hash.affinity);
  section.get_integer("prefix4", rule.hash.prefix4);
  section.get_integer("prefix6", rule.hash.prefix6);
  section.get_choice("quic", rule.quic);
  load_weight(section, rule);
  section.get_integer("priority", rule.priority);
  check_keys_of_mode(section, rule);
  return rule;
}

struct Interval {
  forwarding::PortRange range;
  std::size_t rule;
};

/// Intervals of all rules that can meet: same virtual IP (or all), same transport protocol.
using Group = std::tuple<std::optional<base::IpAddress>, RuleProtocol>;

/// One pass over intervals sorted by their first port: whoever begins before the farthest end so
/// far overlaps it.
void find_overlaps(std::vector<Interval>& intervals,
                   std::set<std::pair<std::size_t, std::size_t>>& pairs) {
  std::ranges::sort(intervals, {},
                    [](const Interval& i) { return std::tuple(i.range.first, i.rule); });
  const Interval* farthest = nullptr;
  for (const Interval& interval : intervals) {
    if (farthest != nullptr && interval.range.first <= farthest->range.last &&
        interval.rule != farthest->rule) {
      pairs.insert(std::minmax({interval.rule, farthest->rule}, std::greater<>()));
    }
    if (farthest == nullptr || interval.range.last > farthest->range.last) farthest = &interval;
  }
}

void check_overlaps(const std::vector<PortRule>& rules, const std::vector<Section>& sections) {
  std::map<Group, std::vector<Interval>> groups;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (const RuleProtocol protocol : {RuleProtocol::tcp, RuleProtocol::udp}) {
      if (rules[i].protocol != protocol && rules[i].protocol != RuleProtocol::both) continue;
      for (const forwarding::PortRange& range : rules[i].ports) {
        groups[{rules[i].virtual_ip, protocol}].push_back({range, i});
      }
    }
  }
  std::set<std::pair<std::size_t, std::size_t>> pairs;  // later rule, earlier rule
  for (auto& [group, intervals] : groups)
    find_overlaps(intervals, pairs);
  for (const auto& [later, earlier] : pairs) {
    sections[later].mistake(
        "ports",
        fmt::format("{} overlaps rule '{}' ({}, line {}) for the same virtual IP and protocol",
                    format_ports(rules[later].ports), rules[earlier].name,
                    format_ports(rules[earlier].ports), sections[earlier].line()));
  }
}

void check_claims_fit(const Section& root, const forwarding::Settings& settings) {
  const std::size_t bitmap = settings.buckets / 8 + kClaimsOverhead;
  std::size_t bytes = bitmap * 2;  // spread class and residual
  std::size_t multiple = 0;
  for (const PortRule& rule : settings.rules) {
    if (rule.mode == RuleMode::multiple) ++multiple;
    bytes += rule.mode == RuleMode::multiple ? bitmap : 1 + kClaimsOverhead;
  }
  if (bytes <= kClaimsBudget) return;
  root.mistake(
      "port_rules",
      fmt::format("{} rules of mode multiple with {} buckets each do not fit a heartbeat: {} bytes "
                  "(allowed: {}; use fewer rules or fewer cluster.buckets)",
                  multiple, settings.buckets, bytes, kClaimsBudget));
}

}  // namespace

void load_name(const Section& section, std::map<std::string, int>& lines, std::string& target) {
  const auto name = section.text("name");
  if (!name) return;
  if (!is_name(*name)) {
    section.not_allowed("name", fmt::format("'{}' is not allowed", name->substr(0, 60)));
    return;
  }
  const auto [first, is_new] = lines.emplace(*name, section.line());
  if (!is_new) {
    section.mistake("name",
                    fmt::format("'{}' is given twice, first in line {}", *name, first->second));
  }
  target = *name;
}

void load_rules(const Section& root, Config& config) {
  forwarding::Settings& settings = config.forwarding;
  const std::vector<Section> sections = root.list("port_rules", base::kMaxRules);
  std::map<std::string, int> lines;
  for (const Section& section : sections)
    settings.rules.push_back(load_rule(section, settings, lines));
  check_overlaps(settings.rules, sections);
  check_claims_fit(root, settings);
}

}  // namespace covey::config
