// SPDX-License-Identifier: BSD-3-Clause
// Placement of a conversation: which rule covers it, which bucket it falls into, whose that is.
//
// Owner: forwarding, internal. Thread: any; pure. Shared by both directions (decide.cc, egress.cc)
// and explain.cc, so that a flow's answers are always judged by the bucket its requests were.
#pragma once

#include "bucket/bucket_table.h"
#include "bucket/flow_hash.h"
#include "forwarding/conversation.h"
#include "forwarding/decide.h"
#include "forwarding/policy.h"
#include "packet/flow_key.h"

namespace covey::forwarding {

struct Placement {
  RuleIndex rule = kDefaultRule;
  bool has_rule = false;     // false: spread by source without any rule
  bool is_disabled = false;  // the rule is of mode disabled: there is no bucket
  base::ClassIndex map_class = bucket::kDefaultHostClass;
  base::BucketIndex bucket;
  bucket::BucketState state = bucket::BucketState::foreign;
};

/// Affinity of everything that has no port rule of mode multiple.
inline constexpr bucket::HashRule kBySource{bucket::Affinity::single, 32, 128};
inline constexpr bucket::HashMasks kSourceMasks = bucket::masks_of(kBySource);
/// SCTP's, see place_sctp().
inline constexpr bucket::HashMasks kPortMasks = bucket::masks_of({});

[[nodiscard]] inline Placement place_in_class(const Snapshot& snapshot, base::ClassIndex map_class,
                                              const bucket::HashMasks& masks,
                                              const packet::FlowKey& key) noexcept {
  Placement place;
  place.map_class = map_class;
  const std::uint32_t mask = snapshot.buckets.classes.rows()[map_class.value].mask;
  // One bucket needs no hash: the default host and single-host rules.
  if (mask != 0) {
    place.bucket =
        bucket::bucket_of(bucket::flow_hash(snapshot.policy->hash_key(), masks, key), mask);
  }
  place.state = snapshot.buckets.state(map_class, place.bucket);
  return place;
}

/// For what no port rule can cover: one client's traffic lands on one host.
[[nodiscard]] inline Placement place_by_source(const Snapshot& snapshot,
                                               const packet::FlowKey& key) noexcept {
  return place_in_class(snapshot, bucket::kSpreadClass, kSourceMasks, key);
}

/// Of tunnels never the ports count, whatever the rule says.
[[nodiscard]] inline bool goes_by_source(const CompiledRule& rule,
                                         const std::optional<TunnelPort>& tunnel) noexcept {
  return tunnel && rule.masks.with_ports;
}

[[nodiscard]] inline Placement place_by_rule(
    const Snapshot& snapshot, RuleIndex index, const packet::FlowKey& key,
    const std::optional<TunnelPort>& tunnel = std::nullopt) noexcept {
  Placement place;
  if (index == kDefaultRule) {
    place = place_in_class(snapshot, bucket::kDefaultHostClass, kSourceMasks, key);
  } else {
    const CompiledRule& rule = snapshot.policy->compiled(index);
    place.is_disabled = rule.is_disabled;
    if (!place.is_disabled) {
      const auto& masks = goes_by_source(rule, tunnel) ? kSourceMasks : rule.masks;
      place = place_in_class(snapshot, rule.map_class, masks, key);
    }
  }
  place.rule = index;
  place.has_rule = true;
  return place;
}

/// An SCTP host may change to another of its addresses in the middle of an association, but its
/// ports stay (RFC 9260).
[[nodiscard]] inline Placement place_sctp(const Snapshot& snapshot, packet::FlowKey key) noexcept {
  key.source = {};
  return place_in_class(snapshot, bucket::kSpreadClass, kPortMasks, key);
}

/// Where a packet belongs by what it is. `key` as the client sees it: its destination is the
/// virtual IP at position `virtual_ip`.
[[nodiscard]] inline Placement place(const Snapshot& snapshot, int virtual_ip,
                                     const packet::FlowKey& key) noexcept {
  if (const auto tunnel = tunnel_of(key.protocol, key.destination_port)) [[unlikely]] {
    const RuleIndex index = snapshot.policy->rule_for(virtual_ip, tunnel->protocol, tunnel->port);
    return place_by_rule(snapshot, index, key, tunnel);
  }
  switch (key.protocol) {
    case packet::kProtocolTcp:
    case packet::kProtocolUdp: {
      const RuleIndex index =
          snapshot.policy->rule_for(virtual_ip, key.protocol, key.destination_port);
      return place_by_rule(snapshot, index, key);
    }
    case packet::kProtocolSctp:
      return place_sctp(snapshot, key);
    default:
      return place_by_source(snapshot, key);
  }
}

/// Whether the ID of a QUIC connection counts for more than its bucket.
[[nodiscard]] inline bool goes_by_connection_id(const Policy& policy, RuleIndex index) noexcept {
  const CompiledRule& rule = policy.compiled(index);
  return rule.reads_quic && !rule.is_disabled;
}

[[nodiscard]] inline Decision decided(Verdict verdict) noexcept {
  Decision decision;
  decision.verdict = verdict;
  return decision;
}

[[nodiscard]] inline Decision decided(Verdict verdict, const Placement& place) noexcept {
  Decision decision;
  decision.verdict = verdict;
  decision.has_rule = place.has_rule;
  decision.has_bucket = !place.is_disabled;
  decision.rule = place.rule;
  decision.map_class = place.map_class;
  decision.bucket = place.bucket;
  return decision;
}

/// What would be let through of a class that is closed on this host is not, in either direction.
/// What another host owns is that one's business, closed or not.
inline void keep_closed(Decision& decision, const bucket::BucketTable& buckets) noexcept {
  const bool is_ours = is_delivery(decision.verdict) || decision.verdict == Verdict::send_uplink ||
                       decision.verdict == Verdict::drop_draining;
  if (is_ours && decision.has_bucket && buckets.is_closed(decision.map_class)) {
    decision.verdict = Verdict::drop_rule_disabled;
  }
}

}  // namespace covey::forwarding
