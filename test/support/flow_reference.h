// SPDX-License-Identifier: BSD-3-Clause
// FlowReference: what the header of FlowCache promises, told as simply as possible.
//
// Owner: test/support. Thread: one. A map, without a limit and without any order of age; the models
// of test/unit/flow and test/unit/forwarding hold the cache against it.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "flow/flow_cache.h"
#include "packet/parse.h"

namespace covey::test {

/// An order of keys, for maps.
struct ByBytes {
  bool operator()(const packet::FlowKey& a, const packet::FlowKey& b) const {
    return std::memcmp(&a, &b, sizeof(a)) < 0;
  }
};

class FlowReference {
 public:
  struct Flow {
    flow::FlowState state = flow::FlowState::none;
    std::uint32_t awaited = 0;
    bool client_fin = false;
    bool own_fin = false;
    bool superseded = false;
    bool withheld = false;
    bool asked_again = false;
    bool overheard = false;
    [[nodiscard]] bool disowned() const { return withheld || asked_again; }
    /// Half open: the client names the number.
    [[nodiscard]] bool is_proof(std::uint32_t acknowledgement) const {
      return acknowledgement == awaited || (overheard && acknowledgement == awaited + 1);
    }
    std::optional<base::TimePoint> doubted;
    base::TimePoint heard;
    flow::Placement place;
  };

  explicit FlowReference(base::Duration tcp_idle, base::Duration udp_idle)
      : tcp_idle_(tcp_idle), udp_idle_(udp_idle) {}

  bool inbound(const packet::FlowKey& key, const flow::Segment& segment, base::TimePoint now) {
    const auto found = flows_.find(key);
    if (found == flows_.end()) return false;
    Flow& flow = found->second;
    if (segment.flags & packet::TcpFlags::kRst) {
      if (flow.state == flow::FlowState::lingering) return false;
      if (flow.state == flow::FlowState::half_open || segment.sequence == flow.awaited) {
        flows_.erase(found);
        return true;
      }
      const bool first = !flow.doubted;
      if (first) flow.doubted = now;
      return first;
    }
    const bool bare_syn =
        (segment.flags & packet::TcpFlags::kSyn) && !(segment.flags & packet::TcpFlags::kAck);
    if (bare_syn && (flow.state == flow::FlowState::lingering || flow.disowned())) {
      flows_.erase(found);
      return true;
    }
    const bool acknowledges =
        (segment.flags & packet::TcpFlags::kAck) && !(segment.flags & packet::TcpFlags::kSyn);
    const bool proves = flow.state == flow::FlowState::half_open && acknowledges &&
                        flow.is_proof(segment.acknowledgement);
    if (proves) {
      flow.state = flow::FlowState::established;
      flow.withheld = flow.asked_again = flow.overheard = false;
      flow.awaited = segment.sequence;
    }
    const bool changed =
        (segment.flags & packet::TcpFlags::kFin) && !std::exchange(flow.client_fin, true);
    flow.heard = now;
    if (changed) maybe_linger(flow);
    return changed || proves;
  }

  bool refused(const packet::FlowKey& key, const flow::Segment& segment) {
    const auto found = flows_.find(key);
    if (found == flows_.end()) return false;
    Flow& flow = found->second;
    if (flow.state == flow::FlowState::half_open) {
      const bool asks_again =
          (segment.flags & packet::TcpFlags::kSyn) && !(segment.flags & packet::TcpFlags::kAck);
      const bool is_news = asks_again && !flow.disowned();
      if (is_news) flow.asked_again = true;
      return is_news;
    }
    if (flow.state == flow::FlowState::lingering || !(segment.flags & packet::TcpFlags::kSyn)) {
      flows_.erase(found);
      return true;
    }
    const bool same = flow.superseded && flow.awaited == segment.sequence + 1;
    flow.superseded = true;
    flow.awaited = segment.sequence + 1;
    return !same;
  }

  bool withheld(const packet::FlowKey& key, const flow::Segment& segment, flow::Placement place,
                base::TimePoint now) {
    if (flows_.contains(key) && flows_[key].state == flow::FlowState::lingering) flows_.erase(key);
    const bool fresh = !flows_.contains(key);
    if (!fresh && flows_[key].state != flow::FlowState::half_open) return false;
    Flow& flow = flows_[key];
    const bool same_number = !fresh && flow.awaited == segment.sequence + 1;
    if (same_number && flow.asked_again) return false;
    const bool same = same_number && flow.withheld;
    flow.state = flow::FlowState::half_open;
    flow.withheld = true;
    flow.asked_again = flow.overheard = false;
    flow.awaited = segment.sequence + 1;
    flow.heard = now;
    if (fresh) flow.place = place;
    return !same;
  }

  bool egress(const packet::FlowKey& key, const flow::Segment& segment, flow::Placement place,
              base::TimePoint now) {
    if (segment.flags & packet::TcpFlags::kRst) return flows_.erase(key) == 1;
    const auto found = flows_.find(key);
    Flow before = found == flows_.end() ? Flow{} : found->second;
    const bool syn = segment.flags & packet::TcpFlags::kSyn;
    if (syn && (segment.flags & packet::TcpFlags::kAck)) {
      return syn_ack(key, before, segment.sequence + 1, place, now);
    }
    const bool is_bare = segment.flags == packet::TcpFlags::kAck && !segment.has_data;
    const bool is_tcp = key.protocol == packet::kProtocolTcp;
    if (before.state == flow::FlowState::none && is_tcp && is_bare) {
      return overhear(key, segment, place, now);
    }
    const bool is_first = is_bare && segment.sequence == before.awaited;
    if (before.state == flow::FlowState::half_open && is_first) return false;
    if (before.state == flow::FlowState::lingering && syn) before = Flow{};
    Flow after = before;
    if (before.state == flow::FlowState::none) after.place = place;
    if (before.state != flow::FlowState::lingering) after.state = flow::FlowState::established;
    after.doubted.reset();
    after.superseded = after.withheld = after.asked_again = after.overheard = false;
    after.heard = now;
    if (segment.flags & packet::TcpFlags::kAck) after.awaited = segment.acknowledgement;
    if (segment.flags & packet::TcpFlags::kFin) after.own_fin = true;
    maybe_linger(after);
    flows_[key] = after;
    return before.state != after.state || before.doubted || before.superseded ||
           before.own_fin != after.own_fin;
  }

  void expire(base::TimePoint now) {
    for (auto item = flows_.begin(); item != flows_.end();) {
      Flow& flow = item->second;
      if (!is_over(item->first, flow, now)) {
        ++item;
      } else if (flow.state == flow::FlowState::half_open && flow.asked_again) {
        flow.asked_again = flow.overheard = false;
        flow.withheld = true;
        flow.heard = now;
      } else {
        item = flows_.erase(item);
      }
    }
  }

  /// Another configuration says where the flow lies; nothing ends it.
  void place(const packet::FlowKey& key, const std::optional<flow::Placement>& place) {
    const auto found = flows_.find(key);
    if (found == flows_.end()) return;
    if (place) {
      found->second.place = *place;
    } else {
      flows_.erase(found);
    }
  }

  [[nodiscard]] const std::map<packet::FlowKey, Flow, ByBytes>& flows() const { return flows_; }
  /// Null if it is not there.
  [[nodiscard]] const Flow* find(const packet::FlowKey& key) const {
    const auto found = flows_.find(key);
    return found == flows_.end() ? nullptr : &found->second;
  }

 private:
  [[nodiscard]] bool is_over(const packet::FlowKey& key, const Flow& flow,
                             base::TimePoint now) const {
    if (key.protocol == packet::kProtocolUdp) return now - flow.heard >= udp_idle_;
    if (flow.doubted) return now - *flow.doubted >= flow::kDoubtLife;
    switch (flow.state) {
      case flow::FlowState::half_open:
        return now - flow.heard >= (flow.withheld ? flow::kLinger : flow::kHalfOpenLife);
      case flow::FlowState::lingering:
        return now - flow.heard >= flow::kLinger;
      default:
        return now - flow.heard >= tcp_idle_;
    }
  }
  static void maybe_linger(Flow& flow) {
    if (!flow.client_fin || !flow.own_fin) return;
    flow.state = flow::FlowState::lingering;
    flow.doubted.reset();
    flow.superseded = flow.withheld = flow.asked_again = flow.overheard = false;
  }
  bool overhear(const packet::FlowKey& key, const flow::Segment& segment, flow::Placement place,
                base::TimePoint now) {
    Flow& flow = flows_[key];
    flow.state = flow::FlowState::half_open;
    flow.overheard = true;
    flow.awaited = segment.sequence;
    flow.heard = now;
    flow.place = place;
    return true;
  }
  bool syn_ack(const packet::FlowKey& key, const Flow& before, std::uint32_t expected,
               flow::Placement place, base::TimePoint now) {
    if (before.state == flow::FlowState::established && !before.doubted) {
      flows_[key].client_fin = flows_[key].own_fin = flows_[key].superseded = false;
      return before.client_fin || before.own_fin || before.superseded;
    }
    const bool again = before.state == flow::FlowState::half_open;
    const bool is_known = !before.disowned() && !before.overheard && before.awaited == expected;
    if (again && is_known) return false;
    Flow after;
    after.state = flow::FlowState::half_open;
    after.awaited = expected;
    after.heard = now;
    after.place = again ? before.place : place;
    flows_[key] = after;
    return true;
  }

  base::Duration tcp_idle_;
  base::Duration udp_idle_;
  std::map<packet::FlowKey, Flow, ByBytes> flows_;
};

/// What the cache finds is what the reference has.
inline bool same_flow(const flow::Found& found, const FlowReference::Flow* expected) {
  if (expected == nullptr) return found.state == flow::FlowState::none;
  const bool opening = expected->state == flow::FlowState::half_open;
  const std::uint32_t number = opening ? found.expected_ack : found.next_sequence;
  return found.state == expected->state && number == expected->awaited &&
         found.superseded == expected->superseded && found.disowned == expected->disowned() &&
         found.withheld == expected->withheld && found.overheard == expected->overheard;
}

/// The cache holds what the reference has and nothing else, each flow in its state and place, and
/// counts it so. What is still to be placed again has no place.
inline bool same_everything(const flow::FlowCache& cache, const FlowReference& reference,
                            const std::vector<std::uint32_t>& class_sizes, base::TimePoint now) {
  std::map<flow::FlowState, std::uint64_t> states;
  std::vector<std::vector<std::uint32_t>> live;
  for (const std::uint32_t size : class_sizes)
    live.emplace_back(size);
  for (const auto& [key, flow] : reference.flows()) {
    const bool is_live = flow.state != flow::FlowState::lingering && !flow.withheld;
    ++states[is_live ? flow.state : flow::FlowState::lingering];
    const bool is_placed = cache.counts().are_complete();
    if (is_live && is_placed) ++live.at(flow.place.map_class.value).at(flow.place.bucket.value);
  }
  for (std::uint16_t c = 0; c < live.size() && cache.counts().are_complete(); ++c) {
    for (std::uint32_t b = 0; b < live[c].size(); ++b)
      if (cache.counts().live({{c}, {b}}) != live[c][b]) return false;
  }
  for (const auto& row : cache.list(now, {reference.flows().size() + 1})) {
    const FlowReference::Flow* flow = reference.find(row.key);
    if (flow == nullptr || row.state != flow->state) return false;
    const bool is_placed = row.placement.has_value() || !cache.places_again();
    if (is_placed && row.placement != flow->place) return false;
    if (row.idle != now - flow->doubted.value_or(flow->heard)) return false;
  }
  const flow::Statistics counted = cache.statistics();
  return counted.half_open == states[flow::FlowState::half_open] &&
         counted.established == states[flow::FlowState::established] &&
         counted.lingering == states[flow::FlowState::lingering];
}

}  // namespace covey::test
