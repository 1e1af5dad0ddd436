// SPDX-License-Identifier: BSD-3-Clause
// Settings of the forwarding core: virtual IPs, cluster addresses and port rules, as the operator
// gives them.
//
// Owner: forwarding. Thread: any; plain values. Validated by config (overlaps, ranges), compiled by
// Policy. Weight and priority of a rule, the dedicated address and the multicast policy belong to
// this host; everything else must be equal on all hosts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "bucket/flow_hash.h"

namespace covey::forwarding {

enum class RuleMode : std::uint8_t { multiple, single, disabled };
enum class RuleProtocol : std::uint8_t { tcp, udp, both };
enum class ClusterMode : std::uint8_t { unicast, multicast, igmp };
enum class QuicRouting : std::uint8_t { none, cid };
enum class IcmpPolicy : std::uint8_t { balance, all, drop };
enum class MulticastPolicy : std::uint8_t { drop, deliver };

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive
  friend constexpr auto operator<=>(const PortRange&, const PortRange&) = default;
};

inline constexpr std::uint8_t kEqualWeight = 50;  // what `weight: equal` stands for, as in NLB
inline constexpr std::uint8_t kMaxWeight = 100;

struct PortRule {
  std::string name;
  std::optional<base::IpAddress> virtual_ip;  // nothing: all virtual IPs
  RuleProtocol protocol = RuleProtocol::both;
  std::vector<PortRange> ports;
  RuleMode mode = RuleMode::multiple;
  bucket::HashRule hash;               // multiple only
  std::uint8_t weight = kEqualWeight;  // multiple only; this host's share, 0..100
  std::uint8_t priority = 0;           // single only; this host's rank, lower wins; 0: the host id
  QuicRouting quic = QuicRouting::none;  // multiple, UDP only; cid: the connection ID names a host
  friend bool operator==(const PortRule&, const PortRule&) = default;
};

struct Settings {
  base::HostId self;
  std::vector<base::IpPrefix> virtual_ips;     // the first IPv4 (else the first) is the primary
  std::optional<base::IpPrefix> dedicated_ip;  // this host's own address, never balanced
  ClusterMode mode = ClusterMode::unicast;
  std::optional<base::MacAddress> cluster_mac;  // nothing: derived from mode and primary
  bool mask_source_mac = true;
  IcmpPolicy icmp = IcmpPolicy::balance;
  MulticastPolicy multicast = MulticastPolicy::drop;  // of this host
  bool udp_track = false;                             // keep UDP conversations on their host
  bool fast_reset = true;  // let the stack reset connections that no host holds any more
  std::uint32_t buckets = 4096;
  std::optional<base::IpAddress> gateway;  // asked for by partition policy gateway
  std::vector<PortRule> rules;
  friend bool operator==(const Settings&, const Settings&) = default;
};

/// All that this host answers for: the virtual IPs, and its dedicated address.
[[nodiscard]] std::vector<base::IpPrefix> addresses_of(const Settings& settings);

}  // namespace covey::forwarding
