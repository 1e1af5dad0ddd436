// SPDX-License-Identifier: BSD-3-Clause
// decide(): what happens to one frame. The whole forwarding policy, in reading order, is in
// decide.cc.
//
// Owner: forwarding. Thread: the worker that owns the flow cache. Pure: no clock, no allocation, no
// state of its own; it reads the snapshot and the caches and changes none, so explain() can run
// the very same function. Afterwards the worker tells the cache what happened (see below).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ids.h"
#include "base/time.h"
#include "flow/flow_cache.h"
#include "forwarding/policy.h"
#include "forwarding/verdict.h"
#include "packet/parse.h"

namespace covey::forwarding {

class Fragments;

struct Surroundings {
  const Snapshot& snapshot;
  const flow::FlowCache& flows;
  bool lease_valid = true;               // compared once per burst by the worker
  const Fragments* fragments = nullptr;  // nothing: no first fragment has been seen
  bool hands_on = false;                 // as lease_valid: what was given away is sent on
};

/// Wider than two registers on purpose: it is then written where the caller wants it.
struct alignas(32) Decision {
  Verdict verdict = Verdict::drop_malformed;
  bool has_rule = false;    // a port rule (or the default rule) was looked up: `rule` is meaningful
  bool has_bucket = false;  // `map_class` and `bucket` are meaningful
  bool tracked = false;     // the flow cache knew the flow
  RuleIndex rule = kDefaultRule;
  base::ClassIndex map_class;
  base::BucketIndex bucket;
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// Verdict for a frame that came from the segment.
[[nodiscard]] Decision decide(std::span<const std::uint8_t> frame, const packet::FrameView& view,
                              const Surroundings& around) noexcept;

/// TCP segments of a burst that Screen has placed and whose look-ups have begun, by position.
struct PlacedSegments {
  std::uint64_t positions = 0;  // bit i for what the others have at i
  const std::span<std::uint8_t>* frames = nullptr;
  const packet::FrameView* views = nullptr;
  const CompiledRule* rules = nullptr;     // of the policy
  const std::uint64_t* rule_at = nullptr;  // which of them, none disabled
  const base::BucketIndex* buckets = nullptr;
  const flow::Sought* sought = nullptr;
};
/// The same for those, likewise by position.
void decide_placed(const PlacedSegments& segments, const Surroundings& around,
                   Decision* decisions) noexcept;

/// Verdict for a frame the local stack wants to send: send_uplink or a drop_egress_*.
[[nodiscard]] Decision decide_egress(std::span<const std::uint8_t> frame,
                                     const packet::FrameView& view,
                                     const Surroundings& around) noexcept;

/// Whether what begins a flow where the decision has it goes to the host that has just got the
/// bucket from this one.
[[nodiscard]] inline bool hands_on(const Decision& decision, const Surroundings& around) noexcept {
  return around.hands_on && decision.has_bucket &&
         around.snapshot.buckets.state(decision.map_class, decision.bucket) ==
             bucket::BucketState::given_away;
}

/// Where a flow belongs, as the client sees it; nothing if its rule is disabled, or its destination
/// no virtual IP.
[[nodiscard]] std::optional<flow::Placement> placement_of(const Snapshot& snapshot,
                                                          const packet::FlowKey& key) noexcept;
/// A decision of another configuration about a segment of this flow, with the place it has in this
/// one.
[[nodiscard]] Decision placed_anew(const Decision& decision, const packet::FlowKey& key,
                                   const Snapshot& snapshot) noexcept;

/// Tells the cache about a frame from the segment that was let through, or that was not although
/// the cache knows the flow. True if other workers must hear of it (they call the same function
/// with the same arguments on their own cache).
bool note_received(const packet::FrameView& view, const Decision& decision, flow::FlowCache& flows,
                   base::TimePoint now) noexcept;
/// The same for a frame of the local stack that was let out, or a SYN-ACK that was not.
bool note_sent(const packet::FrameView& view, const Decision& decision, flow::FlowCache& flows,
               base::TimePoint now) noexcept;

/// What the cache holds of the conversation that a frame is part of; `sent`: by the local stack.
[[nodiscard]] flow::FlowState flow_of(const packet::FrameView& view, bool sent,
                                      const flow::FlowCache& flows) noexcept;

/// Rewrites the Ethernet (and ARP/ND) addresses of a frame in place, after the verdict. One that is
/// handed on goes to the host MAC of the bucket's owner.
void rewrite_for_delivery(std::span<std::uint8_t> frame, const packet::FrameView& view,
                          const Policy& policy) noexcept;
void rewrite_for_uplink(std::span<std::uint8_t> frame, const packet::FrameView& view,
                        const Policy& policy) noexcept;
void rewrite_for_owner(std::span<std::uint8_t> frame, const Decision& decision,
                       const Snapshot& snapshot) noexcept;

}  // namespace covey::forwarding
