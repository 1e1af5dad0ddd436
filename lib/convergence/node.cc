// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/node.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "bucket/siphash.h"
#include "convergence/digest.h"
#include "convergence/state.h"

namespace covey::convergence {

using base::TimePoint;

namespace {

ConfigurationPtr configuration_of(const NodeConfig& config) {
  return std::make_shared<const Configuration>(Configuration{
      .digest = config.config_digest,
      .shared_settings = config.shared_settings,
      .classes = config.classes,
  });
}

}  // namespace

Node::Impl::Impl(NodeConfig settings, TimePoint now)
    : config(std::move(settings)),
      self(config.self),
      current(configuration_of(config)),
      shape(shape_of(*current)),
      class_parts(current->classes),
      stated(statements_of(class_parts)),
      installed(current),
      sent(self, config.nonce),
      peers(config.timing, {shape}),
      ownership(shape.class_buckets),
      residual(shape.residual_buckets),
      installed_dirty(shape.residual_buckets),
      installed_retained(shape.residual_buckets),
      last_now(now) {
  COVEY_ASSERT(self.is_valid());
  committed.configuration = current;
  for (const std::uint32_t buckets : shape.class_buckets)
    committed.map.owners.emplace_back(buckets, base::kNobody);
  own_nonces.push_back(config.nonce);
  table_refresh_due = now;
  lease_until = TimePoint::distant_past();
  state_since = now;
  begin_incarnation(now);
  if (config.start_stopped) life = Life::stopped;
  if (config.start_suspended) life = Life::suspended;
  noted_state = state();
}

/// Everything another start of this host would begin with; flows, weights and what is held back
/// stay.
void Node::Impl::begin_incarnation(TimePoint now) {
  life = Life::running;
  sent = SendLog(self, own_nonces.back());
  peers.clear();
  edges = EdgeMatrix();
  namesake = Namesake{};
  proposal = Proposal{};
  Commitment last = std::move(committed);
  committed = Commitment{};
  committed.configuration = std::move(last.configuration);
  committed.map = std::move(last.map);
  draining = false;
  refusal.clear();
  last_members = {};
  former_view = {};
  attempts.clear();
  island = {};
  spoken = Utterance{};
  claims_freshness = Freshness{};
  residual_freshness = Freshness{};
  outside_since = now;
  tick_due = now;
  send_due = now;
  last_sent = TimePoint::distant_past();
  drain_deadline = TimePoint::never();
  alone_after = now + lease_passes();
  unknown_until = now + lease_passes();
  hands_on_until = TimePoint::distant_past();
  lapsed = false;
  doubted_at = TimePoint::distant_past();
  lapsed_until = TimePoint::distant_past();
  orphans_until = unknown_until;
  well_after = now;
  health = 0;
  become_listening(now);
}

void Node::Impl::step(TimePoint now, const Input& input, Effects& effects) {
  COVEY_ASSERT(now >= last_now);
  const std::size_t before = effects.size();
  out = &effects;
  last_now = now;
  doubt_itself_if_late(now);
  take(now, input);
  progress(now);
  settle(now);
  finish_drain_if_due(now);
  finish_stopping(now);
  note_state(now);
  speak(now);
  publish_lease(now);
  out = nullptr;
  COVEY_ASSERT(effects.size() - before <= kMaxEffectsPerStep);
}

void Node::Impl::take(TimePoint now, const Input& input) {
  struct Visitor {
    Impl& impl;
    TimePoint now;
    void operator()(const HeartbeatReceived& in) const { impl.hear(now, in.message); }
    void operator()(const MapInstalled& in) const { impl.map_installed(now, in); }
    void operator()(const FlowCensus& in) const { impl.take_census(now, in); }
    void operator()(const OperatorCommand& in) const { impl.obey(now, in); }
    void operator()(const LinkChanged& in) const {
      // A link that comes back brings a host that has missed things, like a stall of its own.
      if (in.up) impl.alone_after = now + impl.silence() + impl.config.timing.guard();
    }
    void operator()(const TimerFired&) const { impl.timer_fired(now); }
    void operator()(const GatewayChanged& in) const { impl.note_gateway(in.answers); }
    void operator()(const StageConfiguration& in) const {
      impl.stage(now, std::make_shared<const Configuration>(in.configuration));
    }
  };
  std::visit(Visitor{*this, now}, input);
}

void Node::Impl::timer_fired(TimePoint now) {
  if (life == Life::stopped || life == Life::suspended) return;
  tick_due = now + config.timing.tick();
  judge_silence(now);
  evidence.forget(now, config.timing.lease() * 2 + config.timing.silence());
  if (health > 0 && now >= well_after) {
    --health;
    well_after = now + config.timing.silence() * 10;
  }
}

/// After that span without an acknowledgement a host has stopped taking new flows for certain.
base::Duration Node::Impl::lease_passes() const {
  return config.timing.lease() + config.timing.takeover_margin();
}

/// Silence after which this host accuses another; longer while it has reason to doubt itself.
base::Duration Node::Impl::silence() const {
  return config.timing.silence() * (4 + health) / 4;
}

void Node::Impl::raise(EventKind kind, base::HostId host, std::string detail) {
  emit(RaiseEvent{Event{.kind = kind, .host = host, .detail = std::move(detail)}});
}

void Node::Impl::emit(Effect effect) {
  COVEY_ASSERT(out != nullptr);
  out->push_back(std::move(effect));
}

TimePoint Node::Impl::next_wakeup() const {
  if (life == Life::stopped || life == Life::suspended) return TimePoint::never();
  TimePoint next = std::min(tick_due, send_due);
  const auto consider = [&](TimePoint deadline) {
    if (deadline > last_now) next = std::min(next, deadline);
  };
  consider(listen_until);
  consider(alone_after);
  consider(drain_deadline);
  consider(absent_until);
  if (hand_over.orphans > 0) consider(orphans_until);
  return std::max(next, last_now);
}

void Node::Impl::check_invariants() const {
  using heartbeat::Phase;
  for (std::size_t c = 0; c < shape.class_buckets.size(); ++c) {
    COVEY_ASSERT(without(ownership.table()[c], ownership.claims()[c]).none());
  }
  COVEY_ASSERT(committed.configuration == (switching ? staged : current));
  COVEY_ASSERT(proposal.generation >= committed.generation);
  COVEY_ASSERT(is_young() || committed.members.contains(self));
  switch (phase) {
    case Phase::propose:
    case Phase::prepared:
      COVEY_ASSERT(proposal.view.contains(self));
      check_frozen();
      break;
    case Phase::stable:
      COVEY_ASSERT(committed.members == proposal.view);
      COVEY_ASSERT(committed.generation == proposal.generation);
      break;
    case Phase::listen:
    case Phase::evicted:
    case Phase::minority:
    case Phase::refused:
    case Phase::leave:
      COVEY_ASSERT(is_young());
      COVEY_ASSERT(lease_until == TimePoint::distant_past());
      break;
  }
}

/// From a proposal to its commit claims do not grow.
void Node::Impl::check_frozen() const {
  const Part& part = proposal.part;
  const bool same = part.offer.present == current->digest;  // else: switched since
  const Bitmaps frozen =
      same ? part.claims : claims_in(shape, part.offer, part.staged_classes, part.claims, false);
  for (std::size_t c = 0; c < frozen.size(); ++c) {
    COVEY_ASSERT(without(ownership.claims()[c], frozen[c]).none());
  }
}

Node::Node(NodeConfig config, TimePoint now)
    : impl_(std::make_unique<Impl>(std::move(config), now)) {}
Node::~Node() = default;

void Node::step(TimePoint now, const Input& input, Effects& out) {
  impl_->step(now, input, out);
}
TimePoint Node::next_wakeup() const {
  return impl_->next_wakeup();
}
Status Node::status(TimePoint now) const {
  return impl_->status(now);
}
const std::vector<Convergence>& Node::history() const {
  return impl_->history;
}
const Configuration& Node::configuration() const {
  return *impl_->installed;
}
const Configuration& Node::committed_configuration() const {
  return *impl_->committed.configuration;
}
std::vector<base::HostId> Node::owners(base::ClassIndex map_class) const {
  const Commitment& committed = impl_->committed;
  if (committed.configuration == impl_->installed) return committed.map.owners.at(map_class.value);
  return carried(committed.map, *committed.configuration, *impl_->installed)
      .owners.at(map_class.value);
}
std::vector<base::HostId> Node::owners_without(base::HostId gone,
                                               base::ClassIndex map_class) const {
  if (!is_member(gone)) return owners(map_class);
  const Commitment& committed = impl_->committed;
  std::vector<MemberStatement> members;
  committed.members.for_each([&](base::HostId host) {
    members.push_back({.host = host, .statement = &committed.statements[host.value]});
  });
  const ClusterMap map = map_without(gone, impl_->config.map_key, committed.map, members);
  if (committed.configuration == impl_->installed) return map.owners.at(map_class.value);
  return carried(map, *committed.configuration, *impl_->installed).owners.at(map_class.value);
}
bool Node::is_member(base::HostId host) const {
  return impl_->committed.members.contains(host);
}
bucket::Bitmap Node::claims(base::ClassIndex map_class) const {
  const Bitmaps& claims = impl_->ownership.claims();
  if (impl_->current == impl_->installed) return claims.at(map_class.value);
  return carried(claims, *impl_->current, *impl_->installed).at(map_class.value);
}
std::uint64_t Node::map_digest() const {
  return impl_->committed.map.digest;
}
const ClassConfig& Node::part(base::ClassIndex map_class) const {
  const bool follows_current = impl_->installed == impl_->current;
  return (follows_current ? impl_->class_parts : impl_->staged_parts).at(map_class.value);
}
std::uint64_t Node::incarnation_of(base::HostId host) const {
  return impl_->peers.at(host).nonce;
}
std::optional<heartbeat::Message> Node::last_words() const {
  return impl_->last_words();
}
void Node::check_invariants() const {
  impl_->check_invariants();
}

}  // namespace covey::convergence
