// SPDX-License-Identifier: BSD-3-Clause
#include "support/world.h"

#include <utility>

#include "forwarding/placement.h"

namespace covey::test {

namespace {

using bucket::BucketState;
using flow::FlowState;
using forwarding::PortRule;
using forwarding::RuleMode;
using forwarding::RuleProtocol;

constexpr std::uint64_t kCacheSeed = 7;
constexpr std::uint32_t kCacheCapacity = 64;

base::IpPrefix prefix(std::string_view address, std::uint8_t length) {
  return {ip(address), length};
}

// The conversation a row's frame belongs to, from the client's side.
packet::FlowKey conversation_of(const Frame& frame, const packet::FrameView& view) {
  const auto embedded = packet::embedded_flow(frame, view);
  return embedded ? embedded->reversed() : view.key;
}

}  // namespace

std::vector<PortRule> world_rules() {
  PortRule web;
  web.name = "web";
  web.protocol = RuleProtocol::tcp;
  web.ports = {{80, 80}, {443, 443}};

  PortRule app;
  app.name = "app";
  app.virtual_ip = ip(kVip);
  app.ports = {{8000, 8100}};
  app.hash.affinity = bucket::Affinity::network;

  PortRule db;
  db.name = "db";
  db.protocol = RuleProtocol::tcp;
  db.ports = {{5432, 5432}};
  db.mode = RuleMode::single;

  PortRule block;
  block.name = "block";
  block.ports = {{23, 23}};
  block.mode = RuleMode::disabled;

  PortRule games;
  games.name = "games";
  games.virtual_ip = ip(kVip2);
  games.protocol = RuleProtocol::udp;
  games.ports = {{0, 65535}};
  games.hash.affinity = bucket::Affinity::single;

  PortRule vpn;
  vpn.name = "vpn";
  vpn.ports = {{500, 500}, {1701, 1701}, {1723, 1723}};
  return {web, app, db, block, games, vpn};
}

forwarding::Settings world_settings() {
  forwarding::Settings settings;
  settings.self = base::HostId{1};
  settings.virtual_ips = {prefix(kVip, 24), prefix(kVip2, 24), prefix(kVip6, 64)};
  settings.dedicated_ip = prefix(kDedicated, 24);
  settings.buckets = 64;
  settings.rules = world_rules();
  return settings;
}

World& World::foreign() {
  buckets_ = BucketState::foreign;
  return *this;
}
World& World::given_away(bool hands_on) {
  buckets_ = BucketState::given_away;
  hands_on_ = hands_on;
  return *this;
}
World& World::retained() {
  buckets_ = BucketState::retained;
  return *this;
}
World& World::awaited() {
  buckets_ = BucketState::awaited;
  return *this;
}
World& World::dirty() {
  buckets_ = BucketState::own_dirty;
  return *this;
}
World& World::refused() {
  buckets_ = BucketState::refused;
  return *this;
}
World& World::closed() {
  closed_ = true;
  return *this;
}
World& World::stopped() {
  serving_ = false;
  return *this;
}
World& World::lease_expired() {
  lease_valid_ = false;
  return *this;
}
World& World::icmp(forwarding::IcmpPolicy policy) {
  settings_.icmp = policy;
  return *this;
}
World& World::mode(forwarding::ClusterMode mode) {
  settings_.mode = mode;
  return *this;
}
World& World::multicast(forwarding::MulticastPolicy policy) {
  settings_.multicast = policy;
  return *this;
}
World& World::unmasked() {
  settings_.mask_source_mac = false;
  return *this;
}
World& World::gateway(std::string_view address) {
  settings_.gateway = ip(address);
  return *this;
}

World& World::udp_track() {
  settings_.udp_track = true;
  return *this;
}
World& World::no_fast_reset() {
  settings_.fast_reset = false;
  return *this;
}

World& World::quic() {
  for (PortRule& rule : settings_.rules)
    rule.quic = forwarding::QuicRouting::cid;
  return *this;
}

World& World::without_rules() {
  return rules({});
}
World& World::rules(std::vector<forwarding::PortRule> rules) {
  settings_.rules = std::move(rules);
  return *this;
}
World& World::bucket_count(std::uint32_t buckets) {
  settings_.buckets = buckets;
  return *this;
}
World& World::with_many_addresses() {
  for (unsigned i = 1; i <= kManyAddresses; ++i) {
    base::IpPrefix ipv4 = prefix(kVip, 24);
    ipv4.address.bytes[2] = 1;
    ipv4.address.bytes[3] = static_cast<std::uint8_t>(i);
    base::IpPrefix ipv6 = prefix(kVip6, 64);
    ipv6.address.bytes[13] = 1;
    ipv6.address.bytes[15] = static_cast<std::uint8_t>(i);
    settings_.virtual_ips.insert(settings_.virtual_ips.end(), {ipv4, ipv6});
  }
  return *this;
}
World& World::holds(FlowState state) {
  held_ = state;
  return *this;
}
World& World::overhears() {
  overheard_ = true;
  return holds(FlowState::half_open);
}

forwarding::Snapshot World::snapshot() const {
  forwarding::Snapshot snapshot;
  snapshot.policy =
      std::make_shared<const forwarding::Policy>(settings_, bucket::SipKey{1, 2}, kStackMac);
  snapshot.buckets.serving = serving_;
  snapshot.buckets.members = base::HostSet{0b11};
  if (hands_on_) snapshot.buckets.hands_on_until = base::TimePoint::never();
  const bool is_foreign = buckets_ < BucketState::awaited;
  const base::HostId one{is_foreign ? std::uint8_t{2} : std::uint8_t{1}};
  const base::HostId owner = buckets_ == BucketState::refused ? base::kNobody : one;
  for (const std::uint32_t size : snapshot.policy->classes().class_sizes) {
    const base::ClassIndex map_class{static_cast<std::uint16_t>(snapshot.buckets.classes.size())};
    if (closed_ && map_class != bucket::kSpreadClass) snapshot.buckets.closed.push_back(map_class);
    snapshot.buckets.classes.add(std::vector(size, buckets_), std::vector(size, owner));
  }
  return snapshot;
}

void World::fill(flow::FlowCache& flows, const packet::FlowKey& seen) const {
  const base::TimePoint now{};
  if (held_ == FlowState::none) return;
  const packet::FlowKey key = forwarding::tracked_key(seen, settings_.udp_track).value_or(seen);
  const flow::Placement at = forwarding::placement_of(snapshot(), key).value_or(flow::Placement{});
  if (overheard_) {
    flows.note_egress(key, {kAck, kOurSequence + 1, 0}, at, now);
    return;
  }
  flows.note_egress(key, {std::uint8_t{kSyn | kAck}, kOurSequence, 0}, at, now);
  if (held_ == FlowState::half_open) return;
  flows.note_egress(key, {kAck, kOurSequence, 0}, at, now);
  if (held_ == FlowState::established) return;
  flows.note_egress(key, {std::uint8_t{kFin | kAck}, kOurSequence, 0}, at, now);
  flows.note_inbound(key, {std::uint8_t{kFin | kAck}, 0, kOurSequence + 1}, now);
}

std::string World::effect_of(const forwarding::Decision& decision) const {
  std::string effect = "-";
  if (decision.has_rule) {
    effect =
        decision.rule == forwarding::kDefaultRule ? "default" : settings_.rules[decision.rule].name;
  } else if (decision.has_bucket) {
    effect = "spread";
  }
  if (decision.tracked) effect += " tracked";
  return effect;
}

InBurst decided_in_burst(const Frame& frame, const forwarding::Surroundings& around) {
  Frame copy = frame;
  const std::span<std::uint8_t> bytes(copy);
  forwarding::Screen screen;
  if (screen.settle({&bytes, 1}, around) != 0) return {screen.settled(0, around.snapshot), true};
  packet::FrameView view;
  forwarding::Decision decision;
  if (screen.decide(1, {{&bytes, 1}, {&view, 1}, {&decision, 1}}, around) == 0) {
    decision = forwarding::decide(frame, view, around);
  }
  return {decision, false};
}

World::Outcome World::receive(const Frame& frame) const {
  const forwarding::Snapshot now = snapshot();
  const packet::FrameView view = packet::parse(frame);
  flow::FlowCache flows({.capacity = kCacheCapacity}, now.policy->classes().class_sizes,
                        kCacheSeed);
  fill(flows, conversation_of(frame, view));
  const forwarding::Surroundings around{now, flows, lease_valid_, nullptr, hands_on_};
  const forwarding::Decision decision = forwarding::decide(frame, view, around);
  return {decision, effect_of(decision), decided_in_burst(frame, around)};
}

World::Outcome World::send(const Frame& frame) const {
  const forwarding::Snapshot now = snapshot();
  const packet::FrameView view = packet::parse(frame);
  flow::FlowCache flows({.capacity = kCacheCapacity}, now.policy->classes().class_sizes,
                        kCacheSeed);
  fill(flows, view.key.reversed());
  const forwarding::Decision decision =
      forwarding::decide_egress(frame, view, {now, flows, lease_valid_});
  return {decision, effect_of(decision), {}};
}

}  // namespace covey::test
