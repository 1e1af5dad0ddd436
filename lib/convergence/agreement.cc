// SPDX-License-Identifier: BSD-3-Clause
// Node, agreement: LISTEN -> PROPOSE -> PREPARED -> STABLE and the ways out of it.
//
// PROPOSE freezes the claims. PREPARED says: I have every member's part and computed this map.
// STABLE says: every member had computed the same map; now buckets may move (handover.cc).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "convergence/digest.h"
#include "convergence/state.h"
#include "convergence/words.h"

namespace covey::convergence {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using heartbeat::Phase;

namespace {

/// A step settles within few transitions (refuse, listen, propose, prepare, commit); a longer
/// chain waits for the next step.
constexpr int kMaxTransitions = 8;

bool is_participant(Phase phase) {
  return is_agreeing(phase) || phase == Phase::stable;
}

}  // namespace

void Node::Impl::progress(TimePoint now) {
  if (life != Life::running) return;
  for (int i = 0; i < kMaxTransitions && advance(now); ++i) {
  }
  if (bond.holds && nobody_committed()) unbind(now);
}

/// At most one change of phase; true if there was one.
bool Node::Impl::advance(TimePoint now) {
  std::string objection = reason_to_refuse(now);
  if (phase == Phase::refused) {
    if (!objection.empty()) {
      if (objection != refusal) raise(EventKind::host_refused, self, objection);
      refusal = std::move(objection);
      return false;
    }
    become_listening(now);
    return true;
  }
  if (!objection.empty()) {
    become_refused(now, std::move(objection));
    return true;
  }
  const ViewQuestion question = view_question(now);
  HostSet wanted = choose_view(question, edges);
  hoped_view = {};
  if (!wanted.contains(self)) return step_aside(now);
  wanted_view = wanted;
  if (const auto changed = advance_asleep(now, wanted)) return *changed;
  if (!may_serve(wanted)) {
    hoped_view = view_together(question);
    if (!all_hope_for(hoped_view, question.base.members)) return stand_down(now);
    wanted = hoped_view;
  }
  const bool alone = wanted.size() == 1;
  if (alone && proposal.view != wanted && !may_be_alone(now)) return false;
  if (must_propose(wanted)) {
    become_proposing(now, next_generation(), wanted);
    return true;
  }
  if (const std::uint32_t higher = generation_to_adopt(); higher != 0) {
    become_proposing(now, higher, wanted);
    return true;
  }
  if (phase == Phase::propose && all_parts_known()) return become_prepared();
  if (phase == Phase::prepared && all_prepared()) {
    become_stable(now);
    return true;
  }
  return false;
}

/// Views that hosts with our configuration follow. Whoever slept through his lease does not count
/// what he heard before.
std::vector<CommittedView> Node::Impl::views_of_others() const {
  std::vector<CommittedView> views;
  peers.heard().for_each([&](HostId host) {
    const heartbeat::Message& said = peers.at(host).said;
    const bool asleep = lapsed && peers.at(host).last_heard < doubted_at;
    if (!asleep && is_participant(said.phase) && said.committed_view.contains(host)) {
      const CommittedView view{.members = said.committed_view,
                               .generation = said.committed_generation};
      if (views.empty() || views.back() != view) views.push_back(view);  // mostly all are one
    }
  });
  return views;
}

CommittedView Node::Impl::senior() const {
  std::vector<CommittedView> views = views_of_others();
  // Whoever slept through his lease has been replaced by any view that goes on without him.
  const bool replaced = std::any_of(views.begin(), views.end(), [&](const CommittedView& view) {
    return !view.members.contains(self);
  });
  if (!is_young() && !(lapsed && replaced)) {
    views.push_back({.members = committed.members, .generation = committed.generation});
  }
  if (lapsed && !replaced) {
    peers.heard().for_each([&](HostId host) {
      const heartbeat::Message& said = peers.at(host).said;
      if (sleeps_apart(host))
        views.push_back({.members = said.view, .generation = said.generation});
    });
  }
  return senior_view(views);
}

ViewQuestion Node::Impl::view_question(TimePoint now) const {
  ViewQuestion question;
  question.self = self;
  question.now = now;
  question.debounce = config.timing.debounce();
  question.base = senior();
  for (std::uint8_t value = 1; value <= base::kMaxHosts; ++value) {
    const HostId host{value};
    question.facts[value] =
        host == self ? own_facts(now, question.base) : facts_of(host, question.base);
  }
  return question;
}

HostFacts Node::Impl::own_facts(TimePoint now, const CommittedView& base) const {
  HostFacts facts;
  facts.voice = true;
  facts.hears = peers.heard();
  facts.hears.insert(self);
  // A view that names us may mean an earlier start of this host, or one we only prepared.
  facts.member = base.members.contains(self) && (!is_young() || phase == Phase::prepared);
  const bool has_listened = is_agreeing(phase) || now >= listen_until || is_invited();
  // A table that is under way does not matter: what it gives up or takes is claimed until then.
  const bool empty_handed = all_none(ownership.claims());
  facts.admissible = is_young() && has_listened && empty_handed && may_join(now, base);
  return facts;
}

/// A host that flaps is held down. One that yields to another view after a cut has heard the hosts
/// of its own all the time, and what it is given there they may be serving: it waits until each of
/// them has given that view up too, or a lease has passed.
bool Node::Impl::may_join(TimePoint now, const CommittedView& base) const {
  if (base.members.empty()) return true;
  bool behind = false;
  former_view.without(base.members).for_each([&](HostId host) {
    if (host != self && !peers.at(host).left && !peers.at(host).said.committed_view.empty()) {
      behind = true;
    }
  });
  return now >= held_until() && !(behind && now < former_until);
}

HostFacts Node::Impl::facts_of(HostId host, const CommittedView& base) const {
  HostFacts facts;
  const Peer& peer = peers.at(host);
  if (!peer.bound) return facts;
  facts.voice = peer.heard();
  facts.hears = peer.hears;
  bool same_nonce = true;
  if (base == CommittedView{.members = proposal.view, .generation = proposal.generation}) {
    same_nonce = peer.nonce == proposal.nonces[host.value];
  } else if (base ==
             CommittedView{.members = committed.members, .generation = committed.generation}) {
    same_nonce = peer.nonce == committed.nonces[host.value];
  }
  const bool says_outside = peer.heard() && !is_participant(peer.said.phase);
  facts.member = same_nonce && !peer.left && !peer.mismatched && !says_outside;
  const bool empty_handed = peer.claims_known && peer.claims_nothing;
  const bool joins = is_agreeing(peer.said.phase) && peer.said.committed_view.empty();
  const bool waits = peer.said.phase == Phase::listen || peer.said.phase == Phase::evicted ||
                     peer.said.phase == Phase::minority;
  const bool first_view = base.members.empty() && waits;
  facts.admissible = peer.heard() && peer.edge && empty_handed && (joins || first_view);
  return facts;
}

/// A host that hears nobody suspects itself for the length of a lease: others may be serving, or
/// may be about to leave it out as deaf, and a view that it founds alone must not be ahead of
/// theirs. One that hears hosts with which it has no view yet waits longer, but not for ever: they
/// may be deaf.
bool Node::Impl::may_be_alone(TimePoint now) const {
  if (now < alone_after) return false;
  if (peers.heard().empty()) {
    return now >= peers.last_heard() + config.timing.silence() + config.timing.guard();
  }
  if (!is_young() || now >= alone_after + config.timing.silence()) return true;
  bool others = false;
  peers.heard().for_each([&](HostId host) {
    if (peers.at(host).said.phase != Phase::refused) others = true;
  });
  return !others;
}

bool Node::Impl::is_invited() const {
  bool invited = false;
  peers.alive().for_each([&](HostId host) {
    const heartbeat::Message& said = peers.at(host).said;
    if (is_agreeing(said.phase) && said.view.contains(self)) invited = true;
  });
  return invited;
}

bool Node::Impl::must_propose(HostSet wanted) const {
  if (!is_participant(phase) || wanted != proposal.view) return true;
  if (nonces_of(wanted) != proposal.nonces) return true;
  if (phase != Phase::stable) return part_is_stale();
  const Statement& mine = committed.statements[self.value];
  if (takes_no_flows() != mine.draining ||
      wants(self, committed.configuration->digest) != mine.classes)
    return true;
  const std::optional<std::uint64_t> target = common_target(wanted, offer());
  return target && *target != committed.configuration->digest;
}

/// One more than any heard; or the highest itself, if it is still being proposed and new to us.
std::uint32_t Node::Impl::next_generation() const {
  std::uint32_t highest = 0;
  bool open = true;
  peers.heard().for_each([&](HostId host) {
    const heartbeat::Message& said = peers.at(host).said;
    if (said.generation < highest) return;
    if (said.generation > highest) open = true;
    highest = said.generation;
    open = open && is_agreeing(said.phase);
  });
  if (highest > proposal.generation && open) return highest;
  return std::max(highest, proposal.generation) + 1;
}

std::uint32_t Node::Impl::generation_to_adopt() const {
  bool behind = false;
  proposal.view.for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    if (host != self && peer.heard() && peer.said.view.contains(self) &&
        peer.said.generation > proposal.generation) {
      behind = true;
    }
  });
  return behind ? next_generation() : 0;
}

Nonces Node::Impl::nonces_of(HostSet hosts) const {
  Nonces nonces{};
  hosts.for_each([&](HostId host) {
    nonces[host.value] = host == self ? own_nonces.back() : peers.at(host).nonce;
  });
  return nonces;
}

bool Node::Impl::all_parts_known() const {
  bool known = true;
  proposal.view.for_each([&](HostId host) {
    if (host == self) return;
    const Peer& peer = peers.at(host);
    known = known && peer.heard() && is_agreeing(peer.said.phase) && peer.claims_known &&
            peer.said.generation == proposal.generation && peer.said.view == proposal.view;
  });
  return known;
}

bool Node::Impl::all_prepared() const {
  bool prepared = true;
  proposal.view.for_each([&](HostId host) {
    if (host == self) return;
    const Peer& peer = peers.at(host);
    const bool in_phase = peer.said.phase == Phase::prepared || peer.said.phase == Phase::stable;
    prepared = prepared && peer.heard() && in_phase &&
               peer.said.generation == proposal.generation &&
               peer.said.view_digest == proposal.view_digest &&
               peer.said.map_digest == proposal.map.digest;
  });
  return prepared;
}

/// Over everything the map is computed from and everything that makes this view this view.
std::uint64_t Node::Impl::digest_of_view() const {
  Digester digester;
  digester.add(proposal.generation);
  digester.add(proposal.target->digest);
  proposal.view.for_each([&](HostId host) {
    const Statement& statement = proposal.statements[host.value];
    digester.add(host.value);
    digester.add(proposal.nonces[host.value]);
    digester.add(statement.draining ? 1 : 0);
    for (const heartbeat::ClassStatement& part : statement.classes) {
      digester.add(std::uint64_t{part.weight} << 16U | part.priority);
    }
    digester.add(digest_of(statement.claims));
    for (const bool unaccounted : statement.unaccounted)
      digester.add(unaccounted ? 1 : 0);
  });
  return digester.finish();
}

bool Node::Impl::step_aside(TimePoint now) {
  if (!is_young()) {
    become_evicted(now);
    return true;
  }
  if (!is_agreeing(phase)) return false;
  become_listening(now);
  return true;
}

/// `listen_until` is set at a start and at an eviction, not when a joiner has to wait again.
void Node::Impl::become_listening(TimePoint now) {
  if (phase == Phase::refused || proposal.generation == 0) {
    listen_until = now + config.timing.listen_first();
  }
  phase = Phase::listen;
  unbind(now);
  refusal.clear();
  proposal.view = {};
  proposal.view_digest = 0;
  proposal.map = ClusterMap{};
  converging = false;
}

void Node::Impl::become_proposing(TimePoint now, std::uint32_t generation, HostSet wanted) {
  COVEY_ASSERT(generation > proposal.generation);
  if (!converging) {
    converging = true;
    record = Convergence{};
    record.began = now;
    record.trigger = trigger_of(wanted);
    raise(EventKind::converging, self, record.trigger);
  }
  wanted.for_each([&](HostId host) {  // what a joiner said so far counts from now on
    const Peer& peer = peers.at(host);
    if (host == self || !is_outside(host)) return;
    evidence.heard(host, nonce_low(peer.nonce), peer.sequence, peer.last_heard, now);
  });
  phase = Phase::propose;
  proposal.generation = generation;
  proposal.view = wanted;
  proposal.nonces = nonces_of(wanted);
  proposal.part = own_part();
  proposal.claims_digest = ownership.claims_digest();
  proposal.view_digest = 0;
  proposal.target.reset();
  proposal.statements.clear();
  proposal.map = ClusterMap{};
}

/// False while the members have no configuration in common.
bool Node::Impl::become_prepared() {
  const std::optional<std::uint64_t> target = common_target(proposal.view, proposal.part.offer);
  if (!target) return false;
  const bool is_present = *target == current->digest;
  COVEY_ASSERT(is_present || (staged != nullptr && *target == staged->digest));
  proposal.target = is_present ? current : staged;
  if (!is_present) bind();
  const Shape& target_shape = is_present ? shape : staged_shape;
  proposal.statements.assign(base::kMaxHosts + 1, Statement{});
  std::vector<MemberStatement> members;
  proposal.view.for_each([&](HostId host) {
    Statement& statement = proposal.statements[host.value];
    statement = statement_in(target_shape, host == self ? proposal.part : part_of(peers.at(host)));
    members.push_back({.host = host, .statement = &statement});
  });
  proposal.map = compute_map(config.map_key, target_shape.class_buckets, members);
  proposal.view_digest = digest_of_view();
  phase = Phase::prepared;
  note_prepared(proposal.view);
  return true;
}

void Node::Impl::become_stable(TimePoint now) {
  Commitment before = std::move(committed);
  if (before.configuration != proposal.target) {
    before.map = carried(before.map, *before.configuration, *proposal.target);
  }
  committed = Commitment{};
  committed.generation = proposal.generation;
  committed.members = proposal.view;
  committed.nonces = proposal.nonces;
  committed.configuration = proposal.target;
  committed.statements = proposal.statements;
  committed.map = proposal.map;
  if (before.configuration == committed.configuration) committed.inherited = std::move(estate);
  estate.clear();
  last_members = committed.members;
  attempts.clear();
  island = {};
  for (std::size_t c = 0; c < committed.map.owners.size(); ++c) {
    committed.mine.push_back(owned_by(committed.map, c, self));
  }
  phase = Phase::stable;
  if (committed.configuration != current) begin_switching(now);
  unbind(now);
  converging = false;
  record.generation = committed.generation;
  record.ended = now;
  record.members = committed.members;
  record.moved_buckets = moved_buckets(before.map, committed.map);
  if (history.size() >= kHistoryLength) history.erase(history.begin());
  history.push_back(record);
  committed.members.for_each([&](HostId host) {
    const bool stayed =
        before.members.contains(host) && before.nonces[host.value] == committed.nonces[host.value];
    if (host != self && !stayed) raise(EventKind::host_joined, host, host_text(host) + " joined");
  });
  raise(EventKind::converged, self,
        "generation " + std::to_string(committed.generation) + ", " +
            std::to_string(committed.members.size()) + " members, " +
            std::to_string(record.moved_buckets) + " buckets moved");
}

void Node::Impl::become_evicted(TimePoint now) {
  give_up_membership(now);
  phase = Phase::evicted;
}

void Node::Impl::become_refused(TimePoint now, std::string reason) {
  give_up_membership(now);
  phase = Phase::refused;
  raise(EventKind::host_refused, self, reason);
  refusal = std::move(reason);
}

/// The workers stop taking new flows with the lease at once; settle() sends the empty table.
void Node::Impl::give_up_membership(TimePoint now) {
  if (!is_young()) {
    former_view = committed.members;
    former_until = now + lease_passes();
  }
  committed.members = {};
  committed.statements.clear();
  estate.clear();
  unbind(now);
  proposal.view = {};
  proposal.view_digest = 0;
  proposal.map = ClusterMap{};
  converging = false;
  lapsed = false;
  outside_since = now;
  listen_until = now + config.timing.listen_first();
  alone_after = std::max(alone_after, now + lease_passes());
  unknown_until = std::max(unknown_until, now + lease_passes());
}

}  // namespace covey::convergence
