// SPDX-License-Identifier: BSD-3-Clause
// Policy: the operator's settings compiled for constant-time look-up; and Snapshot, what workers read.
//
// Owner: forwarding. Threads: built by the control side, then read-only and shared. Rules are found by one table
// index per frame whatever their number: each virtual IP points to a port table per protocol, equal tables are shared.
// Cluster MACs: unicast 02:bf:w:x:y:z, multicast 03:bf:w:x:y:z, igmp 01:00:5e:7f:y:z, where w.x.y.z is the primary
// virtual IP (for an IPv6 primary: the XOR of its four 32-bit words). A host masks its source as 02:HOST:w:x:y:z.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "bucket/bucket_table.h"
#include "bucket/siphash.h"
#include "forwarding/settings.h"
#include "packet/flow_key.h"

namespace covey::forwarding {

using RuleIndex = std::uint16_t;
inline constexpr RuleIndex kDefaultRule = 0xffff;  // "no rule covers it": the default host

/// Which map class each rule uses, and how many classes there are; the same on all hosts with equal rules.
struct ClassPlan {
  std::vector<base::ClassIndex> class_of_rule;  // by rule; unspecified for mode disabled
  std::vector<std::uint32_t> class_sizes;       // bucket count by class
};
[[nodiscard]] ClassPlan plan_classes(const Settings& settings);

/// The address that names the cluster: first IPv4 virtual IP, else the first.
[[nodiscard]] base::IpAddress primary_ip(const Settings& settings);
[[nodiscard]] base::MacAddress cluster_mac(ClusterMode mode, const base::IpAddress& primary);
/// Source address this host's frames leave with: 02:HOST:w:x:y:z.
[[nodiscard]] base::MacAddress masked_host_mac(base::HostId host, const base::IpAddress& primary);

/// Text that is equal on two hosts exactly when their clusters may join: virtual IPs, mode, buckets, rules
/// without weight and priority. Its digest travels in heartbeats.
[[nodiscard]] std::string shared_description(const Settings& settings);

class Policy {
 public:
  /// `local_stack_mac` is the address the local stack listens on; deliveries are rewritten to it.
  Policy(Settings settings, const bucket::SipKey& hash_key, const base::MacAddress& local_stack_mac);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const bucket::SipKey& hash_key() const { return hash_key_; }
  [[nodiscard]] const ClassPlan& classes() const { return classes_; }
  [[nodiscard]] const base::MacAddress& cluster_mac() const { return cluster_mac_; }
  [[nodiscard]] const base::MacAddress& host_mac() const { return host_mac_; }
  [[nodiscard]] const base::MacAddress& local_stack_mac() const { return local_stack_mac_; }

  /// Position among the virtual IPs, -1 if it is none. Constant time.
  [[nodiscard]] int virtual_ip_index(const base::IpAddress& address) const noexcept;
  /// The rule that covers a port of a virtual IP; kDefaultRule if none does. Protocols other than TCP and
  /// UDP have no port rules.
  [[nodiscard]] RuleIndex rule_for(int virtual_ip, std::uint8_t protocol, std::uint16_t port) const noexcept;
  [[nodiscard]] const PortRule& rule(RuleIndex index) const { return settings_.rules[index]; }

 private:
  using PortTable = std::vector<RuleIndex>;  // 65,536 entries
  struct VirtualIp {
    base::IpAddress address;
    std::uint16_t tcp_table = 0;
    std::uint16_t udp_table = 0;
  };
  Settings settings_;
  bucket::SipKey hash_key_;
  ClassPlan classes_;
  base::MacAddress cluster_mac_;
  base::MacAddress host_mac_;
  base::MacAddress local_stack_mac_;
  std::vector<VirtualIp> virtual_ips_;
  std::vector<PortTable> port_tables_;
};

/// All that decides a frame besides the flow cache: replaced as a whole, never changed in place.
struct Snapshot {
  std::shared_ptr<const Policy> policy;
  bucket::BucketTable buckets;
};

}  // namespace covey::forwarding
