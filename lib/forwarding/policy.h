// SPDX-License-Identifier: BSD-3-Clause
// Policy: the operator's settings compiled for constant-time look-up; and Snapshot, what workers
// read.
//
// Owner: forwarding. Threads: built by the control side, then read-only and shared. Rules are found
// by one table index per frame whatever their number: each virtual IP points to a port table per
// protocol, equal tables are shared. Cluster MACs: unicast 02:bf:w:x:y:z, multicast 03:bf:w:x:y:z,
// igmp 01:00:5e:7f:y:z, where w.x.y.z is the primary virtual IP (for an IPv6 primary: the XOR of
// its four 32-bit words). A host masks its source as 02:HOST:w:x:y:z.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/endian.h"
#include "base/ids.h"
#include "base/setting.h"
#include "bucket/bucket_table.h"
#include "bucket/siphash.h"
#include "forwarding/placing_lanes.h"
#include "forwarding/settings.h"
#include "packet/parse.h"

namespace covey::forwarding {

using RuleIndex = std::uint16_t;
inline constexpr std::size_t kPortCount = 65536;
inline constexpr RuleIndex kDefaultRule = 0xffff;  // "no rule covers it": the default host

/// Which map class each rule uses, and how many classes there are; the same on all hosts with equal
/// rules.
struct ClassPlan {
  std::vector<base::ClassIndex> class_of_rule;  // by rule; unspecified for mode disabled
  std::vector<std::uint32_t> class_sizes;       // bucket count by class
};
[[nodiscard]] ClassPlan plan_classes(const Settings& settings);

/// What this host wants of a map class: a share by weight, or its rank if there is one bucket.
struct ClassShare {
  std::uint16_t weight = kEqualWeight;
  std::uint16_t priority = 0;
};
/// By map class.
[[nodiscard]] std::vector<ClassShare> class_shares(const Settings& settings, const ClassPlan& plan);

/// The address that names the cluster: first IPv4 virtual IP, else the first.
[[nodiscard]] base::IpAddress primary_ip(const Settings& settings);
[[nodiscard]] base::MacAddress cluster_mac(ClusterMode mode, const base::IpAddress& primary);
/// Source address this host's frames leave with: 02:HOST:w:x:y:z.
[[nodiscard]] base::MacAddress masked_host_mac(base::HostId host, const base::IpAddress& primary);

/// What is equal on two hosts exactly when their clusters may join: virtual IPs (in any order, but
/// with the same primary), mode, cluster MAC, ICMP policy, buckets and rules without weight and
/// priority. By name, so that a difference can be told. Its digest travels in heartbeats.
[[nodiscard]] base::Settings shared_settings(const Settings& settings);

/// What placing a plain frame needs of its rule.
struct alignas(64) CompiledRule {
  bucket::Ipv4Masks ipv4;  // as `masks`
  RuleIndex rule = kDefaultRule;
  base::ClassIndex map_class;
  bool is_disabled = false;
  bool reads_quic = false;  // of UDP
  bucket::HashMasks masks;
};

class Policy {
 public:
  /// `local_stack_mac` is the address the local stack listens on; deliveries are rewritten to it.
  Policy(Settings settings, const bucket::SipKey& hash_key,
         const base::MacAddress& local_stack_mac);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const bucket::SipKey& hash_key() const { return hash_key_; }
  [[nodiscard]] const ClassPlan& classes() const { return classes_; }
  [[nodiscard]] const base::MacAddress& cluster_mac() const { return cluster_mac_; }
  /// cluster_mac() and host_mac() as packet::mac_word() has them.
  struct MacWords {
    std::uint64_t cluster = 0;
    std::uint64_t host = 0;
  };
  [[nodiscard]] const MacWords& mac_words() const { return mac_words_; }
  [[nodiscard]] const base::MacAddress& host_mac() const { return host_mac_; }
  /// What host_mac() is on that host.
  [[nodiscard]] base::MacAddress host_mac_of(base::HostId host) const noexcept {
    return masked_host_mac(host, primary_ip(settings_));
  }
  [[nodiscard]] const base::MacAddress& local_stack_mac() const { return local_stack_mac_; }
  /// See listened_groups().
  [[nodiscard]] std::span<const base::IpAddress> groups() const { return groups_; }

  /// Position among the virtual IPs, -1 if it is none. Constant time.
  [[nodiscard]] int virtual_ip_index(const base::IpAddress& address) const noexcept {
    return virtual_ip_index(address.bytes, address.family);
  }
  /// The same for an address that lies in a FlowKey: nothing is copied.
  [[nodiscard]] int virtual_ip_index(const std::array<std::uint8_t, 16>& bytes,
                                     base::Family family) const noexcept {
    const AddressWords words = words_of(bytes);
    return virtual_ip_index(words.high, words.low, family);
  }
  /// The same for the address as little-endian words: of IPv4 the first half of the first.
  [[nodiscard]] int virtual_ip_index(std::uint64_t high, std::uint64_t low,
                                     base::Family family) const noexcept {
    const VirtualIp* found = find({high, low}, family);
    return found != nullptr ? found->index : -1;
  }
  /// The rule that covers a port of a virtual IP; kDefaultRule if none does. Protocols other than
  /// TCP and UDP have no port rules.
  [[nodiscard]] RuleIndex rule_for(int virtual_ip, std::uint8_t protocol,
                                   std::uint16_t port) const noexcept {
    if (protocol != packet::kProtocolTcp && protocol != packet::kProtocolUdp) return kDefaultRule;
    const std::uint16_t at = ports_[table_of(virtual_ip, protocol) * kPortCount + port];
    return static_cast<RuleIndex>((at & ~kLookCloser) - 1);
  }
  /// Position of the same rule of TCP, for an address as virtual_ip_index() takes it. From
  /// kLookCloser on: it is no virtual IP, or may be blocked or part of a tunnel.
  [[nodiscard]] std::uint16_t position_for_segment(std::uint64_t high, std::uint64_t low,
                                                   base::Family family,
                                                   std::uint16_t port) const noexcept {
    const VirtualIp* found = find({high, low}, family);
    if (found == nullptr) [[unlikely]]
      return kLookCloser;
    return ports_[found->tcp_table * kPortCount + port];
  }
  static constexpr std::uint16_t kLookCloser = lanes::kLookCloser;
  /// By position.
  [[nodiscard]] const CompiledRule* compiled_rules() const noexcept {
    return compiled_rules_.data();
  }
  /// The same look-up for several segments at once.
  [[nodiscard]] lanes::Rules for_lanes() const noexcept {
    return {reinterpret_cast<const std::uint64_t*>(slots_.data()),
            brief_slots_.data(),
            slot_mask_,
            mix_shift_,
            ports_.data(),
            briefs_.data(),
            reinterpret_cast<const std::uint64_t*>(kinds_.data())};
  }
  /// The rule that covers every port of a virtual IP without looking at ports, if there is one: all
  /// that can be said of a later fragment. Nothing if the decision depends on the port.
  [[nodiscard]] std::optional<RuleIndex> rule_without_ports(int virtual_ip,
                                                            std::uint8_t protocol) const noexcept;
  [[nodiscard]] bool is_dedicated_ip(const base::IpAddress& address) const noexcept {
    return address == dedicated_ip_ && address.family != base::Family::none;
  }
  /// 255.255.255.255, or the broadcast address of the subnet of one of the cluster's or this host's
  /// addresses.
  [[nodiscard]] bool is_broadcast(const base::IpAddress& address) const noexcept {
    return std::ranges::binary_search(broadcasts_, address);
  }
  /// Which table of ports it has: rule_for() gives the same for virtual IPs with the same one.
  [[nodiscard]] std::size_t table_of(int virtual_ip, std::uint8_t protocol) const noexcept {
    const VirtualIp& entry = virtual_ips_[static_cast<std::size_t>(virtual_ip)];
    return protocol == packet::kProtocolTcp ? entry.tcp_table : entry.udp_table;
  }
  [[nodiscard]] const PortRule& rule(RuleIndex index) const { return settings_.rules[index]; }
  /// Also of kDefaultRule.
  [[nodiscard]] const CompiledRule& compiled(RuleIndex index) const {
    return compiled_rules_[static_cast<RuleIndex>(index + 1)];
  }

 private:
  struct AddressWords {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend constexpr bool operator==(const AddressWords&, const AddressWords&) = default;
  };
  struct alignas(32) VirtualIp {
    AddressWords words;
    base::Family family = base::Family::none;
    std::int16_t index = -1;
    std::uint16_t tcp_table = 0;
    std::uint16_t udp_table = 0;
  };

  static void check_layout();
  void compile_virtual_ips();
  void compile_slots();
  std::size_t fill_slots(unsigned mix_shift);
  void compile_port_tables();
  [[nodiscard]] std::uint16_t position_of(RuleIndex rule, std::size_t port) const;
  void compile_rules();
  [[nodiscard]] static AddressWords words_of(const std::array<std::uint8_t, 16>& bytes) noexcept {
    return {base::load_le64(bytes.data()), base::load_le64(bytes.data() + 8)};
  }
  // Only the operator's own addresses are stored, so a fixed mixing function is safe: a client
  // cannot lengthen a probe.
  [[nodiscard]] std::size_t slot_of(const AddressWords& words) const noexcept {
    const std::uint64_t mixed = words.high * lanes::kMixHigh + words.low * lanes::kMixLow;
    return static_cast<std::size_t>(mixed >> mix_shift_) & slot_mask_;
  }
  [[nodiscard]] const VirtualIp* find(const AddressWords& words,
                                      base::Family family) const noexcept {
    const VirtualIp* const slots = slots_.data();
    for (std::size_t slot = slot_of(words);; slot = (slot + 1) & slot_mask_) {
      const VirtualIp& known = slots[slot];
      if (known.words == words && known.family == family) [[likely]]
        return &known;
      if (known.family == base::Family::none) return nullptr;
    }
  }

  Settings settings_;
  bucket::SipKey hash_key_;
  ClassPlan classes_;
  base::MacAddress cluster_mac_;
  base::MacAddress host_mac_;
  MacWords mac_words_;
  base::MacAddress local_stack_mac_;
  base::IpAddress dedicated_ip_;
  std::vector<base::IpAddress> groups_;
  std::vector<base::IpAddress> broadcasts_;  // sorted
  std::vector<VirtualIp> virtual_ips_;
  std::vector<VirtualIp> slots_;  // the same by address: open addressing, empty ones of no family
  std::vector<std::uint64_t> brief_slots_;  // see lanes::Rules
  std::size_t slot_mask_ = 0;
  unsigned mix_shift_ = lanes::kLeastMixShift;
  // Table after table of kPortCount: positions in compiled_rules_, some with kLookCloser.
  std::vector<std::uint16_t> ports_;
  std::vector<CompiledRule> compiled_rules_;              // kDefaultRule first
  std::vector<std::uint32_t> briefs_;                     // of these, see lanes::Rules
  std::vector<CompiledRule> kinds_;                       // one of each way to hash
  std::vector<std::optional<RuleIndex>> portless_rules_;  // by port table
};

/// All that decides a frame besides the flow cache: replaced as a whole, never changed in place.
struct Snapshot {
  std::shared_ptr<const Policy> policy;
  bucket::BucketTable buckets;
};

}  // namespace covey::forwarding
