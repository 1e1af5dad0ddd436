// SPDX-License-Identifier: BSD-3-Clause
// World: one host of a small cluster, as a row of a forwarding table needs it.
//
// Owner: test/support. Thread: one. The cluster has the virtual IPs kVip, kVip2 and kVip6; this
// host is number 1 with the dedicated address kDedicated. Unless a row says otherwise the host
// serves, its lease is valid, it owns every bucket of every class and holds no connection. The
// rules are those of world_rules():
//   web    all virtual IPs   tcp   80,443      multiple, affinity none
//   app    kVip              both  8000-8100   multiple, affinity network
//   db     all virtual IPs   tcp   5432        single host
//   block  all virtual IPs   both  23          disabled
//   games  kVip2             udp   0-65535     multiple, affinity single
//   vpn    all virtual IPs   both  500,1701,1723  multiple, affinity none
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "forwarding/policy.h"
#include "forwarding/screen.h"
#include "support/frames.h"

namespace covey::test {

inline constexpr std::string_view kVip = "10.77.0.50";
inline constexpr std::string_view kVip2 = "10.77.0.51";
inline constexpr std::string_view kVip6 = "2001:db8:77::50";
inline constexpr std::string_view kDedicated = "10.77.0.11";
inline constexpr std::string_view kClient = "10.77.0.100";
inline constexpr std::string_view kClient6 = "2001:db8:77::100";
inline constexpr base::MacAddress kHostMac{{0x02, 0x01, 10, 77, 0, 50}};
inline constexpr base::MacAddress kStackMac{{0x02, 0, 0, 0, 0, 0x7a}};
inline constexpr std::uint32_t kOurSequence =
    5000;  // of the SYN-ACK of a held half-open connection
inline constexpr unsigned kManyAddresses = 100;

[[nodiscard]] std::vector<forwarding::PortRule> world_rules();
[[nodiscard]] forwarding::Settings world_settings();

/// What becomes of a frame on the way that a worker takes, and whether its first look was enough.
struct InBurst {
  forwarding::Decision decision;
  bool is_settled = false;
};
[[nodiscard]] InBurst decided_in_burst(const Frame& frame, const forwarding::Surroundings& around);

class World {
 public:
  /// Another host owns every bucket.
  World& foreign();
  /// Likewise, but it has just got them from this one.
  World& given_away(bool hands_on = true);
  /// Another host owns every bucket, and this one alone still serves old flows in it.
  World& retained();
  /// This host gets every bucket in a moment.
  World& awaited();
  /// This host owns every bucket, another still serves old connections in it.
  World& dirty();
  /// Every host drains: nobody owns any bucket.
  World& refused();
  /// All classes of rules, and the default host's, are closed.
  World& closed();
  World& stopped();
  World& lease_expired();
  World& icmp(forwarding::IcmpPolicy policy);
  World& mode(forwarding::ClusterMode mode);
  World& multicast(forwarding::MulticastPolicy policy);
  World& unmasked();
  World& udp_track();
  World& no_fast_reset();
  World& quic();  // of all rules that cover UDP
  World& without_rules();
  World& rules(std::vector<forwarding::PortRule> rules);
  World& bucket_count(std::uint32_t buckets);
  World& gateway(std::string_view address);
  /// kManyAddresses more virtual IPs of each family: 10.77.1.1 and on, 2001:db8:77::1:1 and on.
  World& with_many_addresses();
  /// The connection the frame belongs to (for an ICMP error: the one it speaks of) is in the cache.
  World& holds(flow::FlowState state);
  /// Of that connection nothing is known but a bare ACK behind kOurSequence that our stack sent.
  World& overhears();

  struct Outcome {
    forwarding::Decision decision;
    std::string effect;  // "web", "web tracked", "default", "spread", or "-"
    InBurst in_burst;    // received only
  };
  [[nodiscard]] Outcome receive(const Frame& frame) const;
  [[nodiscard]] Outcome send(const Frame& frame) const;

  [[nodiscard]] forwarding::Snapshot snapshot() const;
  [[nodiscard]] const forwarding::Settings& settings() const { return settings_; }

 private:
  [[nodiscard]] std::string effect_of(const forwarding::Decision& decision) const;
  void fill(flow::FlowCache& flows, const packet::FlowKey& seen) const;

  forwarding::Settings settings_ = world_settings();
  bucket::BucketState buckets_ = bucket::BucketState::own;
  bool closed_ = false;
  bool serving_ = true;
  bool lease_valid_ = true;
  bool hands_on_ = false;
  flow::FlowState held_ = flow::FlowState::none;
  bool overheard_ = false;
};

}  // namespace covey::test
