// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/policy.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <map>
#include <utility>

#include "base/assert.h"
#include "bucket/flow_hash.h"
#include "forwarding/membership.h"
#include "packet/conversation.h"

namespace covey::forwarding {

namespace {

bool covers_protocol(const PortRule& rule, RuleProtocol protocol) {
  return rule.protocol == RuleProtocol::both || rule.protocol == protocol;
}

// Rules that matter for one virtual IP and protocol, those for all virtual IPs first: a later entry
// of the list overwrites an earlier one, so a rule that names the virtual IP wins.
std::vector<RuleIndex> rules_in_order(const Settings& settings, const base::IpAddress& virtual_ip,
                                      RuleProtocol protocol) {
  std::vector<RuleIndex> found;
  for (const bool specific : {false, true}) {
    for (std::size_t i = 0; i < settings.rules.size(); ++i) {
      const PortRule& rule = settings.rules[i];
      if (rule.virtual_ip.has_value() != specific || !covers_protocol(rule, protocol)) continue;
      if (specific && *rule.virtual_ip != virtual_ip) continue;
      found.push_back(static_cast<RuleIndex>(i));
    }
  }
  return found;
}

std::vector<RuleIndex> port_table(const Settings& settings, const std::vector<RuleIndex>& rules) {
  std::vector<RuleIndex> table(kPortCount, kDefaultRule);
  for (const RuleIndex index : rules) {
    for (const PortRange& range : settings.rules[index].ports) {
      for (std::size_t port = range.first; port <= range.last; ++port)
        table[port] = index;
    }
  }
  return table;
}

std::optional<RuleIndex> portless_rule(const Settings& settings,
                                       const std::vector<RuleIndex>& table) {
  const RuleIndex only = table.front();
  const bool uniform =
      std::all_of(table.begin(), table.end(), [only](RuleIndex index) { return index == only; });
  if (!uniform) return std::nullopt;
  if (only == kDefaultRule) return only;
  const PortRule& rule = settings.rules[only];
  const bool hashes_ports =
      rule.mode == RuleMode::multiple && rule.hash.affinity == bucket::Affinity::none;
  return hashes_ports ? std::nullopt : std::optional<RuleIndex>(only);
}

// Of each IPv4 subnet that has one: those of two addresses and less have none (RFC 3021).
std::vector<base::IpAddress> broadcasts_of(const Settings& settings) {
  constexpr std::uint8_t kLongestWithBroadcast = 30;
  base::IpAddress everybody;
  everybody.family = base::Family::ipv4;
  std::fill_n(everybody.bytes.begin(), 4, std::uint8_t{0xff});
  std::vector<base::IpAddress> found = {everybody};
  for (const base::IpPrefix& subnet : addresses_of(settings)) {
    const bool is_ipv4 = subnet.address.family == base::Family::ipv4;
    if (!is_ipv4 || subnet.length > kLongestWithBroadcast) continue;
    const base::IpAddress mask = base::masked(everybody, subnet.length);
    base::IpAddress broadcast = subnet.address;
    for (std::size_t i = 0; i < 4; ++i)
      broadcast.bytes[i] |= static_cast<std::uint8_t>(~mask.bytes[i]);
    found.push_back(broadcast);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

ClassPlan plan_classes(const Settings& settings) {
  ClassPlan plan;
  plan.class_sizes = {1, settings.buckets};  // the default host, and what is spread without a rule
  for (const PortRule& rule : settings.rules) {
    if (rule.mode == RuleMode::disabled) {
      plan.class_of_rule.push_back(bucket::kDefaultHostClass);
      continue;
    }
    plan.class_of_rule.push_back(
        base::ClassIndex{static_cast<std::uint16_t>(plan.class_sizes.size())});
    plan.class_sizes.push_back(rule.mode == RuleMode::single ? 1 : settings.buckets);
  }
  return plan;
}

std::vector<ClassShare> class_shares(const Settings& settings, const ClassPlan& plan) {
  std::vector<ClassShare> shares(plan.class_sizes.size(), {.priority = settings.self.value});
  for (std::size_t i = 0; i < settings.rules.size(); ++i) {
    const PortRule& rule = settings.rules[i];
    if (rule.mode == RuleMode::disabled) continue;
    ClassShare& share = shares[plan.class_of_rule[i].value];
    share.weight = rule.weight;
    if (rule.priority != 0) share.priority = rule.priority;
  }
  return shares;
}

Policy::Policy(Settings settings, const bucket::SipKey& hash_key,
               const base::MacAddress& local_stack_mac)
    : settings_(std::move(settings)),
      hash_key_(hash_key),
      classes_(plan_classes(settings_)),
      host_mac_(masked_host_mac(settings_.self, primary_ip(settings_))),
      local_stack_mac_(local_stack_mac) {
  COVEY_ASSERT(settings_.rules.size() <= base::kMaxRules);
  COVEY_ASSERT(settings_.virtual_ips.size() <= base::kMaxVirtualIps);
  COVEY_ASSERT(std::has_single_bit(settings_.buckets));
  cluster_mac_ = settings_.cluster_mac.value_or(
      forwarding::cluster_mac(settings_.mode, primary_ip(settings_)));
  groups_ = listened_groups(settings_, cluster_mac_);
  broadcasts_ = broadcasts_of(settings_);
  mac_words_ = {packet::mac_word(cluster_mac_), packet::mac_word(host_mac_)};
  if (settings_.dedicated_ip) dedicated_ip_ = settings_.dedicated_ip->address;
  compile_virtual_ips();
  compile_rules();
}

void Policy::compile_virtual_ips() {
  for (const base::IpPrefix& prefix : settings_.virtual_ips) {
    virtual_ips_.push_back({.words = words_of(prefix.address.bytes),
                            .family = prefix.address.family,
                            .index = static_cast<std::int16_t>(virtual_ips_.size())});
  }
  compile_port_tables();
  compile_slots();
  for (const VirtualIp& slot : slots_) {
    const std::uint64_t table = slot.tcp_table;
    const std::uint64_t ipv4 =
        slot.words.high | table << lanes::kBriefSlotTable | lanes::kBriefSlotIpv4;
    const std::uint64_t other = slot.family == base::Family::none ? 0 : lanes::kBriefSlotOther;
    brief_slots_.push_back(slot.family == base::Family::ipv4 ? ipv4 : other);
  }
}

// Operators number their addresses in a row, and of such some shifts make long probes.
void Policy::compile_slots() {
  std::size_t shortest = virtual_ips_.size() + 1;
  unsigned best = lanes::kLeastMixShift;
  for (unsigned shift = best; shift <= lanes::kMostMixShift && shortest > 1; ++shift) {
    const std::size_t longest = fill_slots(shift);
    if (longest >= shortest) continue;
    shortest = longest;
    best = shift;
  }
  fill_slots(best);
}

/// Returns how many slots are looked at for the address that is found last.
std::size_t Policy::fill_slots(unsigned mix_shift) {
  // At most a quarter full, so that probes are short and an empty slot always ends them.
  slots_.assign(std::bit_ceil(4 * virtual_ips_.size() + 1), VirtualIp{});
  slot_mask_ = slots_.size() - 1;
  mix_shift_ = mix_shift;
  std::size_t longest = 0;
  for (const VirtualIp& virtual_ip : virtual_ips_) {
    std::size_t slot = slot_of(virtual_ip.words);
    std::size_t probes = 1;
    for (; slots_[slot].family != base::Family::none; ++probes)
      slot = (slot + 1) & slot_mask_;
    slots_[slot] = virtual_ip;
    longest = std::max(longest, probes);
  }
  return longest;
}

void Policy::compile_port_tables() {
  std::map<std::vector<RuleIndex>, std::uint16_t> known;  // by the rules the table is made of
  const auto table_for = [&](const base::IpAddress& address, RuleProtocol protocol) {
    std::vector<RuleIndex> rules = rules_in_order(settings_, address, protocol);
    const auto [entry, is_new] =
        known.try_emplace(std::move(rules), static_cast<std::uint16_t>(portless_rules_.size()));
    if (is_new) {
      const std::vector<RuleIndex> table = port_table(settings_, entry->first);
      portless_rules_.push_back(portless_rule(settings_, table));
      for (std::size_t port = 0; port < kPortCount; ++port)
        ports_.push_back(position_of(table[port], port));
    }
    return entry->second;
  };
  for (std::size_t i = 0; i < virtual_ips_.size(); ++i) {
    const base::IpAddress& address = settings_.virtual_ips[i].address;
    virtual_ips_[i].tcp_table = table_for(address, RuleProtocol::tcp);
    virtual_ips_[i].udp_table = table_for(address, RuleProtocol::udp);
  }
}

// What placing_lanes.h says of the words of slots and rules.
void Policy::check_layout() {
  using Word = std::uint64_t;
  constexpr std::size_t kWord = sizeof(Word);
  static_assert(std::endian::native == std::endian::little);
  static_assert(kPortCount == std::size_t{1} << lanes::kPortBits);
  static_assert(sizeof(VirtualIp) == lanes::kSlotWords * kWord);
  static_assert(offsetof(VirtualIp, words.high) == lanes::kSlotHigh * kWord);
  static_assert(offsetof(VirtualIp, words.low) == lanes::kSlotLow * kWord);
  static_assert(offsetof(VirtualIp, family) == lanes::kSlotRest * kWord);
  static_assert(sizeof(VirtualIp::family) == 1 && lanes::kSlotFamily == 0xff);
  static_assert(offsetof(VirtualIp, tcp_table) * 8 ==
                lanes::kSlotRest * 8 * kWord + lanes::kSlotTable);
  static_assert(sizeof(CompiledRule) == lanes::kRuleWords * kWord);
  static_assert(offsetof(CompiledRule, ipv4) == lanes::kRuleIpv4 * kWord);
  static_assert(offsetof(bucket::Ipv4Masks, sender) == 0 * kWord);
  static_assert(offsetof(bucket::Ipv4Masks, first) == 1 * kWord);
  static_assert(offsetof(bucket::Ipv4Masks, second) == 2 * kWord);
  static_assert(offsetof(bucket::Ipv4Masks, count) == 3 * kWord);
  static_assert(offsetof(CompiledRule, masks.ipv6_high) == lanes::kRuleIpv6High * kWord);
  static_assert(offsetof(CompiledRule, masks.ipv6_low) == lanes::kRuleIpv6Low * kWord);
  static_assert(offsetof(CompiledRule, masks.with_ports) * 8 ==
                lanes::kRuleWithPorts * 8 * kWord + lanes::kRuleWithPortsBit);
}

// Tables are shared between protocols, hence the ports of both.
std::uint16_t Policy::position_of(RuleIndex rule, std::size_t port) const {
  const auto number = static_cast<std::uint16_t>(port);
  const bool is_blocked = rule != kDefaultRule && settings_.rules[rule].mode == RuleMode::disabled;
  const bool is_of_tunnel = number == packet::kPortPptp || packet::is_tunnel_port(number);
  const auto position = static_cast<std::uint16_t>(rule + 1);
  return is_blocked || is_of_tunnel ? position | kLookCloser : position;
}

void Policy::compile_rules() {
  compiled_rules_.push_back(
      {.ipv4 = bucket::ipv4_masks_of({}), .map_class = bucket::kDefaultHostClass, .masks = {}});
  for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
    const PortRule& rule = settings_.rules[i];
    const bucket::HashMasks masks = bucket::masks_of(rule.hash);
    compiled_rules_.push_back({.ipv4 = bucket::ipv4_masks_of(masks),
                               .rule = static_cast<RuleIndex>(i),
                               .map_class = classes_.class_of_rule[i],
                               .is_disabled = rule.mode == RuleMode::disabled,
                               .reads_quic = rule.quic == QuicRouting::cid,
                               .masks = masks});
  }
  for (const CompiledRule& rule : compiled_rules_) {
    const auto alike = std::ranges::find(kinds_, rule.masks, &CompiledRule::masks);
    const auto kind = static_cast<std::uint32_t>(alike - kinds_.begin());
    if (alike == kinds_.end()) kinds_.push_back(rule);
    briefs_.push_back(kind << lanes::kBriefKind | rule.map_class.value);
  }
}

std::optional<RuleIndex> Policy::rule_without_ports(int virtual_ip,
                                                    std::uint8_t protocol) const noexcept {
  return portless_rules_[table_of(virtual_ip, protocol)];
}

}  // namespace covey::forwarding
