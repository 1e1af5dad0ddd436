// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/class_identity.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "packet/parse.h"

namespace covey::forwarding {

namespace {

constexpr std::size_t kPortCount = 65536;

std::string hash_text(const PortRule& rule) {
  if (rule.mode != RuleMode::multiple) return "elected";
  const bucket::HashRule& hash = rule.hash;
  std::string text = "affinity ";
  text += std::to_string(static_cast<unsigned>(hash.affinity));
  if (hash.affinity != bucket::Affinity::network) return text;
  return text + ' ' + std::to_string(hash.prefix4) + ' ' + std::to_string(hash.prefix6);
}

/// By map class: "80-80 443-443", the ports of one virtual IP and protocol.
std::vector<std::string> ports_by_class(const Policy& policy, int virtual_ip,
                                        std::uint8_t protocol) {
  std::vector<std::string> ports(policy.classes().class_sizes.size());
  std::size_t first = 0;
  for (std::size_t port = 1; port <= kPortCount; ++port) {
    const RuleIndex rule = policy.rule_for(virtual_ip, protocol, static_cast<std::uint16_t>(first));
    const bool goes_on =
        port < kPortCount &&
        policy.rule_for(virtual_ip, protocol, static_cast<std::uint16_t>(port)) == rule;
    if (goes_on) continue;
    const bool is_disabled = rule != kDefaultRule && policy.rule(rule).mode == RuleMode::disabled;
    const base::ClassIndex map_class =
        rule == kDefaultRule ? bucket::kDefaultHostClass : policy.classes().class_of_rule[rule];
    if (!is_disabled) {
      ports[map_class.value] += ' ' + std::to_string(first) + '-' + std::to_string(port - 1);
    }
    first = port;
  }
  return ports;
}

}  // namespace

std::vector<std::uint64_t> class_identities(const Policy& policy) {
  const Settings& settings = policy.settings();
  const ClassPlan& plan = policy.classes();
  std::vector<std::string> texts(plan.class_sizes.size(), "elected");
  texts[bucket::kSpreadClass.value] = "by source";
  for (std::size_t i = 0; i < settings.rules.size(); ++i) {
    const PortRule& rule = settings.rules[i];
    if (rule.mode != RuleMode::disabled) texts[plan.class_of_rule[i].value] = hash_text(rule);
  }
  for (std::size_t c = 0; c < texts.size(); ++c)
    texts[c] += " buckets " + std::to_string(plan.class_sizes[c]);

  std::map<std::size_t, std::vector<std::string>> known;  // by port table
  std::map<base::IpAddress, int> addresses;               // their order says nothing
  for (std::size_t i = 0; i < settings.virtual_ips.size(); ++i)
    addresses.emplace(settings.virtual_ips[i].address, static_cast<int>(i));
  for (const auto& [address, virtual_ip] : addresses) {
    texts[bucket::kSpreadClass.value] += ' ' + address.to_string();
    for (const std::uint8_t protocol : {packet::kProtocolTcp, packet::kProtocolUdp}) {
      const auto [ports, is_new] = known.try_emplace(policy.table_of(virtual_ip, protocol));
      if (is_new) ports->second = ports_by_class(policy, virtual_ip, protocol);
      for (std::size_t c = 0; c < texts.size(); ++c) {
        if (ports->second[c].empty()) continue;
        texts[c] += '\n' + address.to_string() + ' ' + std::to_string(protocol) + ports->second[c];
      }
    }
  }
  std::vector<std::uint64_t> identities;
  std::set<std::uint64_t> used;
  for (std::string& text : texts) {
    while (!used.insert(bucket::siphash13({}, text)).second)
      text += " again";  // rules that others cover in full
    identities.push_back(bucket::siphash13({}, text));
  }
  return identities;
}

}  // namespace covey::forwarding
