// SPDX-License-Identifier: BSD-3-Clause
// Node, switching: another configuration is staged, agreed on and taken up by the workers.
//
// A staged configuration is an offer: the members' offers decide which configuration a generation
// is for. From PREPARED on others may have committed to it, so the offer stays until the next
// commit. After the commit this host still speaks of the old configuration, because its workers
// follow it until the first table of the new one is in force; that table takes up nothing.
#include <string>
#include <utility>

#include "convergence/digest.h"
#include "convergence/state.h"
#include "convergence/words.h"

namespace covey::convergence {

using base::HostId;
using base::HostSet;
using base::TimePoint;

void Node::Impl::stage(TimePoint now, const ConfigurationPtr& wanted) {
  if (bond.holds || switching) {
    stage_next = wanted;
    return;
  }
  if (wanted->digest == current->digest) {
    class_parts = held_back_as(class_parts, *current, *wanted);
    restate();
    withdraw(now);
    return;
  }
  staged_parts = held_back_as(class_parts, *current, *wanted);
  staged_stated.clear();
  for (const std::uint16_t origin : carried_from(*current, *wanted))
    staged_stated.push_back({.from = origin});
  restate();
  if (staged != nullptr && staged->digest == wanted->digest) return;
  staged = wanted;
  note_shapes(now);
  raise(EventKind::configuration_staged, self, "effective once all members have staged it");
}

void Node::Impl::withdraw(TimePoint now) {
  if (staged == nullptr) return;
  staged.reset();
  staged_parts.clear();
  staged_stated.clear();
  note_shapes(now);
  raise(EventKind::configuration_staged, self, "withdrawn, the present one stays");
}

void Node::Impl::begin_switching(TimePoint now) {
  switching = true;
  note_shapes(now);
}

/// The workers follow the first table of the new configuration.
void Node::Impl::finish_switching(TimePoint now) {
  current = std::exchange(staged, nullptr);
  shape = std::move(staged_shape);
  class_parts = std::exchange(staged_parts, {});
  staged_stated.clear();
  restate();
  switching = false;
  if (residual.size() != shape.residual_buckets) residual = all_buckets(shape.residual_buckets);
  note_shapes(now);
  raise(EventKind::configuration_switched, self, "the workers follow the new configuration");
  unbind(now);
}

/// Others may commit to what is being prepared now: the offer stays until that is settled.
void Node::Impl::bind() {
  if (!bond.holds) {
    bond = Bond{};
    bond.holds = true;
    bond.first = proposal.generation;
  }
  bond.last = proposal.generation;
  proposal.view.for_each([&](HostId host) {
    bond.hosts.insert(host);
    bond.nonces[host.value] = proposal.nonces[host.value];  // an earlier start of it is over
  });
}

/// Everybody who could have committed has gone on to a later generation without having done so, or
/// holds nothing, or is over: a later start of the host has come. Otherwise hosts that were bound
/// to different offers would wait for one another for ever.
bool Node::Impl::nobody_committed() const {
  if (phase != heartbeat::Phase::propose || proposal.generation <= bond.last) return false;
  bool nobody = true;
  bond.hosts.for_each([&](HostId host) {
    if (host == self) return;
    const Peer& peer = peers.at(host);
    const heartbeat::Message& said = peer.said;
    const bool went_on = peer.heard() && is_agreeing(said.phase) && said.generation > bond.last &&
                         said.committed_generation < bond.first;
    const bool is_over = peer.nonce != bond.nonces[host.value];
    nobody = nobody && (is_over || went_on || peer.holds_nothing());
  });
  return nobody;
}

/// Nobody waits any more for what this host has offered.
void Node::Impl::unbind(TimePoint now) {
  bond.holds = false;
  if (switching || stage_next == nullptr) return;
  const ConfigurationPtr wanted = std::exchange(stage_next, nullptr);
  stage(now, wanted);
}

void Node::Impl::note_shapes(TimePoint now) {
  staged_shape = staged == nullptr ? Shape{} : shape_of(*staged);
  std::vector<Shape> shapes;
  if (!switching) shapes.push_back(shape);
  if (staged != nullptr) shapes.push_back(staged_shape);
  peers.set_shapes(std::move(shapes), now);
  edges.set_row(self, peers.alive(), now);
  differences.clear();
  dirty_news = true;
}

Offer Node::Impl::offer() const {
  return {.present = current->digest,
          .staged = staged == nullptr ? 0 : staged->digest,
          .switching = switching};
}

Part Node::Impl::own_part() const {
  return {.offer = offer(),
          .classes = stated,
          .staged_classes = staged_stated,
          .draining = takes_no_flows(),
          .claims = ownership.claims()};
}

Part Node::Impl::part_of(const Peer& peer) {
  return {.offer = offer_of(peer.said),
          .classes = peer.said.classes,
          .staged_classes = peer.said.staged_classes,
          .draining = peer.said.draining,
          .claims = peer.claims};
}

/// What this host wants differs from what it put into the generation under way. That the workers
/// have followed meanwhile is no difference.
bool Node::Impl::part_is_stale() const {
  const Part& part = proposal.part;
  const bool same_present = part.offer.present == current->digest;
  if (takes_no_flows() != part.draining || offer().next() != part.offer.next()) return true;
  if (same_present) return stated != part.classes || staged_stated != part.staged_classes;
  return stated != statements_in(current->digest, part.offer, part.classes, part.staged_classes);
}

std::optional<std::uint64_t> Node::Impl::common_target(HostSet hosts, const Offer& own) const {
  std::vector<Offer> offers;
  hosts.for_each(
      [&](HostId host) { offers.push_back(host == self ? own : offer_of(peers.at(host).said)); });
  return common_configuration(offers);
}

/// Weights and priorities a host wants under that configuration, which it offers, as it says now.
std::vector<heartbeat::ClassStatement> Node::Impl::wants(HostId host, std::uint64_t digest) const {
  if (host == self) return statements_in(digest, offer(), stated, staged_stated);
  const heartbeat::Message& said = peers.at(host).said;
  return statements_in(digest, offer_of(said), said.classes, said.staged_classes);
}

/// Members that have not staged what this host has.
std::string Node::Impl::what_staging_waits_for() const {
  if (staged == nullptr || switching) return {};
  HostSet missing;
  HostSet others;
  committed.members.for_each([&](HostId host) {
    if (host == self) return;
    const std::uint64_t next = offer_of(peers.at(host).said).next();
    if (next == staged->digest) return;
    (next == current->digest ? missing : others).insert(host);
  });
  std::string text;
  if (!missing.empty()) {
    text = hosts_text(missing) + (missing.size() == 1 ? " has" : " have") +
           " not staged the new configuration";
  }
  if (!others.empty()) {
    text += (text.empty() ? "" : "; ") + hosts_text(others) +
            (others.size() == 1 ? " has" : " have") + " staged another one than this host";
  }
  return text.empty() ? "the new configuration takes effect with the next generation" : text;
}

/// Members that have staged what this host has not.
std::string Node::Impl::staged_elsewhere() const {
  if (staged != nullptr) return {};
  HostSet ahead;
  committed.members.for_each([&](HostId host) {
    if (host != self && offer_of(peers.at(host).said).next() != current->digest) ahead.insert(host);
  });
  if (ahead.empty()) return {};
  return hosts_text(ahead) + (ahead.size() == 1 ? " has" : " have") +
         " staged a new configuration, this host has not";
}

}  // namespace covey::convergence
