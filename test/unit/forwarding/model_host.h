// SPDX-License-Identifier: BSD-3-Clause
// ModelHost: decide(), decide_egress() and the flow cache of one host, each beside its reference.
//
// Owner: test/unit/forwarding. Thread: one. The reference says in a few lines, from a map of
// flows and the state of one bucket, what must become of a frame; where a flow is placed it asks
// the library, whose hashes have a second opinion elsewhere.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "model_ends.h"
#include "support/flow_reference.h"
#include "support/world.h"

namespace covey::test {

struct ModelHost {
  static constexpr base::Duration kIdle = std::chrono::minutes(10);
  static constexpr base::Duration kUdpIdle = flow::kTick * 5000;  // some 20 s
  static constexpr base::Duration kHandOn = std::chrono::milliseconds(300);
  static constexpr std::uint32_t kRoom = 8192;  // more than there are flows: nothing is evicted

  ModelHost(std::uint8_t number, const forwarding::Settings& settings, std::uint64_t seed)
      : id{number} {
    use(settings);
    begin(seed);
  }

  /// A host that has just started: it holds nothing and owns nothing.
  void begin(std::uint64_t seed) {
    flow::Settings settings;
    settings.capacity = kRoom;
    settings.tcp_idle = kIdle;
    settings.udp_idle = kUdpIdle;
    flows = std::make_unique<flow::FlowCache>(settings, sizes(), seed);
    reference = FlowReference(kIdle, kUdpIdle);
    stack = {};
    hands_on_until = {};
    release_all();
  }
  /// Another configuration: flows stay, places and buckets change.
  void follow(const forwarding::Settings& settings) {
    use(settings);
    flows->follow(std::make_shared<flow::BucketCounts>(sizes(), /*complete=*/false));
  }
  void place_again(std::uint32_t budget) {
    flows->place_again(budget, [this](const packet::FlowKey& key) {
      const auto place = forwarding::placement_of(snapshot, key);
      reference.place(key, place);
      return place;
    });
  }
  void release_all() {
    bucket::ClassTables released;
    for (const bucket::ClassTable& table : snapshot.buckets.classes)
      released.add(std::vector(table.states.size(), bucket::BucketState::foreign), table.owners);
    snapshot.buckets.classes = std::move(released);
  }
  [[nodiscard]] bucket::BucketState state(flow::Placement at) const {
    return snapshot.buckets.state(at.map_class, at.bucket);
  }
  void set_state(flow::Placement at, bucket::BucketState state) {
    snapshot.buckets.classes.set_state(at.map_class, at.bucket, state);
  }
  /// Who takes new flows there, as far as it knows.
  void set_owner(flow::Placement at, base::HostId owner) {
    snapshot.buckets.classes.set_owner(at.map_class, at.bucket, owner);
  }
  [[nodiscard]] bool owns(flow::Placement at) const { return bucket::takes_new_flows(state(at)); }
  /// What its heartbeats say of a bucket that is not its own.
  [[nodiscard]] bool is_residual(flow::Placement at) const {
    return !flows->counts().are_complete() || flows->counts().live(at) != 0;
  }
  [[nodiscard]] const std::vector<std::uint32_t>& sizes() const {
    return snapshot.policy->classes().class_sizes;
  }
  [[nodiscard]] forwarding::Surroundings surroundings(base::TimePoint now) const {
    return {snapshot, *flows, lease_valid, nullptr, now < hands_on_until};
  }
  [[nodiscard]] const base::MacAddress& mac() const { return snapshot.policy->host_mac(); }
  void expire(base::TimePoint now) {
    flows->expire(now, 4 * kRoom);
    reference.expire(now);
  }

  base::HostId id;
  forwarding::Snapshot snapshot;
  std::unique_ptr<flow::FlowCache> flows;
  FlowReference reference{kIdle, kUdpIdle};
  Stack stack;
  base::TimePoint hands_on_until;
  bool lease_valid = true;

 private:
  void use(forwarding::Settings settings) {
    settings.self = id;
    snapshot.policy = std::make_shared<const forwarding::Policy>(std::move(settings),
                                                                 bucket::SipKey{1, 2}, kStackMac);
    snapshot.buckets.serving = true;
    snapshot.buckets.classes = {};
    for (const std::uint32_t size : snapshot.policy->classes().class_sizes) {
      snapshot.buckets.classes.add(std::vector(size, bucket::BucketState::foreign),
                                   std::vector(size, base::kNobody));
    }
  }
};

/// What must become of a frame, told as simply as possible.
class Judge {
 public:
  using Verdict = forwarding::Verdict;
  using Flow = FlowReference::Flow;

  Judge(ModelHost& host, base::TimePoint now) : host_(host), now_(now) {}

  /// `sent_on`: not by the client, but by another host.
  [[nodiscard]] Verdict received(const packet::FlowKey& key, const TcpSegment& segment,
                                 bool sent_on) {
    const Flow* flow = host_.reference.find(key);
    if (sent_on && segment.opens() && flow != nullptr && !will_answer(key))
      return Verdict::drop_duplicate;
    const Verdict verdict = without_handover(key, segment);
    if (verdict != Verdict::drop_not_owner || !segment.opens() || !place(key)) return verdict;
    const bucket::BucketState state = host_.state(*place(key));
    if (sent_on) {
      return state == bucket::BucketState::awaited ? Verdict::drop_handed_on : verdict;
    }
    const bool hands_on = state == bucket::BucketState::given_away && now_ < host_.hands_on_until;
    return hands_on ? Verdict::hand_on : verdict;
  }
  [[nodiscard]] Verdict datagram(const packet::FlowKey& key, bool sent_on) {
    if (host_.reference.find(key) != nullptr) {
      return sent_on ? Verdict::drop_duplicate : Verdict::deliver_flow;
    }
    const Verdict verdict = datagram_by_bucket(key);
    if (verdict == Verdict::drop_rule_disabled) return verdict;
    const bucket::BucketState state = host_.state(*place(key));
    if (verdict == Verdict::drop_not_owner) {
      const bool hands_on = state == bucket::BucketState::retained && !sent_on;
      return hands_on ? Verdict::hand_on : verdict;
    }
    const bool is_dirty = state == bucket::BucketState::own_dirty;
    if (!forwarding::is_delivery(verdict) || is_dirty == sent_on) return verdict;
    return is_dirty ? Verdict::drop_no_flow : Verdict::drop_duplicate;
  }
  [[nodiscard]] Verdict error_about(const packet::FlowKey& key) {
    return host_.reference.find(key) != nullptr ? Verdict::deliver_flow : datagram_by_bucket(key);
  }
  [[nodiscard]] Verdict sent(const packet::FlowKey& key, const TcpSegment& segment) {
    const Flow* flow = host_.reference.find(key);
    const bool takes = takes_in_lease(key);
    bool may_leave = true;
    if ((segment.flags & kSynAck) == kSynAck) {
      may_leave = stays_open(flow) || (takes && (flow == nullptr || !flow->disowned()));
    } else if (segment.has(packet::TcpFlags::kRst)) {
      may_leave = takes || flow != nullptr;
    }
    return may_leave ? Verdict::send_uplink : Verdict::drop_egress_not_owner;
  }
  /// Whether what the stack answers to a datagram makes a conversation of this host, or continues
  /// one.
  [[nodiscard]] bool holds_by_answer(const packet::FlowKey& key) {
    return host_.reference.find(key) != nullptr || takes_in_lease(key);
  }
  /// A connection that this host may go on with, whose ever its bucket is.
  [[nodiscard]] bool stays_open(const Flow* flow) const {
    if (flow == nullptr) return false;
    return flow->state == flow::FlowState::established ||
           (flow->state == flow::FlowState::half_open && !flow->disowned() && host_.lease_valid);
  }
  /// Nothing if the rule is disabled.
  [[nodiscard]] std::optional<flow::Placement> place(const packet::FlowKey& key) const {
    return forwarding::placement_of(host_.snapshot, key);
  }
  [[nodiscard]] bool owns(const packet::FlowKey& key) {
    const auto at = place(key);
    return at && host_.owns(*at);
  }

 private:
  bool will_answer(const packet::FlowKey& key) {
    const auto at = place(key);
    return owns(key) || (at && host_.state(*at) == bucket::BucketState::awaited);
  }
  /// As if no bucket ever changed hands.
  Verdict without_handover(const packet::FlowKey& key, const TcpSegment& segment) {
    using packet::TcpFlags;
    const Flow* flow = host_.reference.find(key);
    const bool opens = segment.opens();
    if (flow == nullptr) return without_flow(key, segment, opens);
    switch (flow->state) {
      case flow::FlowState::none:
        break;
      case flow::FlowState::half_open:
        if (opens) return if_taken(key, Verdict::deliver_flow);
        if (segment.has(TcpFlags::kRst)) return Verdict::deliver_flow;
        if (!segment.has(TcpFlags::kAck) || segment.has(TcpFlags::kSyn))
          return Verdict::drop_no_flow;
        if (flow->is_proof(segment.acknowledgement)) {
          return owns(key) || !flow->withheld ? Verdict::deliver_flow : Verdict::drop_no_flow;
        }
        if (flow->overheard) return without_flow(key, segment, opens);
        return owns(key) && !flow->disowned() ? Verdict::drop_alien_ack : Verdict::drop_no_flow;
      case flow::FlowState::lingering:
        if (opens || is_far_ahead(segment.sequence - flow->awaited))
          return without_flow(key, segment, opens);
        break;
      case flow::FlowState::established:
        if (opens && !owns(key)) return without_flow(key, segment, opens);
        if (!opens && flow->superseded && segment.sequence == flow->awaited)
          return without_flow(key, segment, opens);
        break;
    }
    return Verdict::deliver_flow;
  }
  /// Beyond what data lost in front of a FIN can explain.
  static bool is_far_ahead(std::uint32_t ahead) { return ahead > 0xffff && ahead < 0x80000000; }

  Verdict taken(const packet::FlowKey& key) {
    const bool by_default = place(key)->map_class == bucket::kDefaultHostClass;
    return by_default ? Verdict::deliver_default : Verdict::deliver_owned;
  }
  Verdict datagram_by_bucket(const packet::FlowKey& key) {
    return place(key) ? if_taken(key, taken(key)) : Verdict::drop_rule_disabled;
  }
  bool takes_in_lease(const packet::FlowKey& key) { return owns(key) && host_.lease_valid; }
  Verdict if_taken(const packet::FlowKey& key, Verdict taken) {
    if (!owns(key)) return Verdict::drop_not_owner;
    return host_.lease_valid ? taken : Verdict::drop_lease_expired;
  }
  Verdict without_flow(const packet::FlowKey& key, const TcpSegment& segment, bool opens) {
    if (!place(key)) return Verdict::drop_rule_disabled;
    const Verdict verdict = if_taken(key, taken(key));
    if (opens || !forwarding::is_delivery(verdict)) return verdict;
    const bool is_dirty = host_.state(*place(key)) == bucket::BucketState::own_dirty;
    return is_dirty || (segment.flags & kSynAck) == kSynAck ? Verdict::drop_no_flow : verdict;
  }

  ModelHost& host_;
  base::TimePoint now_;
};

}  // namespace covey::test
