// SPDX-License-Identifier: BSD-3-Clause
// Node, status: what people and programs are told. Nothing here changes the agreement.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convergence/state.h"
#include "convergence/words.h"

namespace covey::convergence {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using heartbeat::Phase;

namespace {

/// A host that left or fell silent is listed that long.
constexpr base::Duration kListed = std::chrono::minutes(1);

HostState state_of(Phase phase) {
  switch (phase) {
    case Phase::listen:
      return HostState::joining;
    case Phase::propose:
    case Phase::prepared:
      return HostState::converging;
    case Phase::stable:
      return HostState::converged;
    case Phase::evicted:
    case Phase::minority:
    case Phase::refused:
      return HostState::isolated;
    case Phase::leave:
      return HostState::stopped;
  }
  return HostState::isolated;
}

HostState state_of(const Peer& peer) {
  if (peer.left) return HostState::stopped;
  if (peer.silent || peer.mismatched || peer.said.no_gateway) return HostState::isolated;
  return peer.said.draining ? HostState::draining : state_of(peer.said.phase);
}

const char* way_out(const Peer& peer) {
  if (!peer.left) return " lost";
  return peer.said.died ? " died" : " left";
}

bool takes_none(const heartbeat::ClassStatement& statement) {
  return statement.is_withdrawn() || statement.is_last_resort();
}

/// What has changed in the part of a member.
std::string change_of(HostId host, const std::vector<heartbeat::ClassStatement>& before,
                      const std::vector<heartbeat::ClassStatement>& after) {
  for (std::size_t c = 0; c < before.size(); ++c) {
    if (takes_none(before[c]) == takes_none(after[c])) continue;
    return host_text(host) + (takes_none(after[c]) ? " drains a rule" : " takes a rule again");
  }
  return "weight of " + host_text(host) + " changed";
}

}  // namespace

std::string_view name(EventKind kind) {
  switch (kind) {
    case EventKind::host_joined:
      return "host_joined";
    case EventKind::host_left:
      return "host_left";
    case EventKind::host_lost:
      return "host_lost";
    case EventKind::converging:
      return "converging";
    case EventKind::converged:
      return "converged";
    case EventKind::state_changed:
      return "state_changed";
    case EventKind::weight_changed:
      return "weight_changed";
    case EventKind::drain_started:
      return "drain_started";
    case EventKind::drain_finished:
      return "drain_finished";
    case EventKind::host_refused:
      return "host_refused";
    case EventKind::island_suspected:
      return "island_suspected";
    case EventKind::second_owner_suspected:
      return "second_owner_suspected";
    case EventKind::self_doubt:
      return "self_doubt";
    case EventKind::gateway_changed:
      return "gateway_changed";
    case EventKind::configuration_staged:
      return "configuration_staged";
    case EventKind::configuration_switched:
      return "configuration_switched";
  }
  return "unknown";
}

std::string_view name(HostState state) {
  switch (state) {
    case HostState::stopped:
      return "stopped";
    case HostState::suspended:
      return "suspended";
    case HostState::joining:
      return "joining";
    case HostState::converging:
      return "converging";
    case HostState::converged:
      return "converged";
    case HostState::draining:
      return "draining";
    case HostState::isolated:
      return "isolated";
  }
  return "unknown";
}

HostState Node::Impl::state() const {
  switch (life) {
    case Life::stopped:
      return HostState::stopped;
    case Life::suspended:
      return HostState::suspended;
    case Life::stopping:
      return HostState::draining;
    case Life::running:
      break;
  }
  if (draining) return HostState::draining;
  if (lacks_gateway()) return HostState::isolated;
  if (phase == Phase::stable && !is_settled()) return HostState::converging;
  return state_of(phase);
}

/// Every bucket that should be here is here, and none that should not.
bool Node::Impl::is_settled() const {
  const bool moving = ownership.under_way() && installed_moves;
  return phase == Phase::stable && !moving && !switching && !is_deserted() &&
         hand_over.to_release == 0 && hand_over.to_acquire == 0 && hand_over.orphans == 0;
}

/// All other members fell silent, and it is not known yet on whose side the fault is.
bool Node::Impl::is_deserted() const {
  bool alone = committed.members.size() > 1;
  committed.members.for_each([&](HostId host) {
    if (host != self && (peers.at(host).heard() || peers.at(host).left)) alone = false;
  });
  return alone;
}

std::string Node::Impl::reason() const {
  if (life == Life::stopped) return "stopped by the operator";
  if (life == Life::suspended) return "suspended by the operator";
  if (life == Life::stopping) return "stopping";
  if (lacks_gateway()) return "the gateway does not answer";
  if (is_young() && phase != Phase::refused && last_now < held_until() &&
      !senior().members.empty()) {
    return "vanished " + std::to_string(own_flaps()) + " times lately, held down for another " +
           std::to_string((base::to_ms(held_until() - last_now) + 999) / 1000) + " s";
  }
  switch (phase) {
    case Phase::listen:
      return "listening for other hosts";
    case Phase::propose:
      if (all_parts_known()) return "the members have no configuration in common";
      return "proposed, waiting for the other members: " + record.trigger;
    case Phase::prepared:
      return "map computed, waiting for the other members: " + record.trigger;
    case Phase::evicted:
      return "out of the view; waiting to be let in again";
    case Phase::refused:
      return "refused: " + refusal;
    case Phase::minority:
      return why_too_few();
    case Phase::leave:
      return "leaving";
    case Phase::stable:
      break;
  }
  if (is_deserted()) return "no other member is heard; waiting before this host serves alone";
  if (hand_over.orphans > 0) {
    return std::to_string(hand_over.orphans) + " buckets wait until a lost host has stopped";
  }
  if (hand_over.to_acquire > 0) {
    return std::to_string(hand_over.to_acquire) + " buckets are being given up by other members";
  }
  if (hand_over.to_release > 0) {
    return std::to_string(hand_over.to_release) + " buckets wait for their new owners";
  }
  if (!is_settled()) return "workers are taking up a new table";
  std::string text;
  for (const std::string& part : {what_staging_waits_for(), staged_elsewhere(), refused_peers()}) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  }
  return text;
}

/// A view may be in order and yet lack somebody who should be in it.
std::string Node::Impl::refused_peers() const {
  std::string text;
  peers.bound().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    if (!peer.mismatched || peer.silent || peer.left) return;
    const std::string what = difference_from(host);
    text += (text.empty() ? "" : "; ") + host_text(host) +
            " refused: " + (what.empty() ? "its configuration differs" : what);
  });
  return text;
}

Status Node::Impl::status(TimePoint now) const {
  Status status;
  status.state = state();
  status.generation = is_young() ? proposal.generation : committed.generation;
  status.converged = life == Life::running && is_settled() && !lacks_gateway();
  status.since = state_since;
  status.reason = reason();
  const bool has_default = !is_young() && !committed.map.owners.empty();
  if (has_default) status.default_host = committed.map.owners.front().front();
  status.members = member_list(now);
  for (MemberStatus& member : status.members) {
    member.is_default = has_default && member.host == status.default_host;
  }
  status.lease_until = lease_until;
  status.staging = what_staging_waits_for();
  std::vector<base::HostSet> others;
  peers.heard().for_each([&](HostId host) {
    const base::HostSet view = peers.at(host).said.committed_view;
    bool known = view.empty() || view.intersects(committed.members);
    for (const base::HostSet& other : others)
      known = known || other.intersects(view);
    if (!known) others.push_back(view);
  });
  // A host without a view of its own may still join one of them.
  if (is_young() && !others.empty()) others.pop_back();
  status.islands = static_cast<std::uint32_t>(others.size());
  return status;
}

std::vector<MemberStatus> Node::Impl::member_list(TimePoint now) const {
  std::vector<MemberStatus> list;
  base::HostSet hosts = peers.bound();
  hosts.insert(self);
  hosts.for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const bool member = committed.members.contains(host);
    if (host != self && !member && peer.silent && now - peer.last_heard > kListed) return;
    const std::vector<heartbeat::ClassStatement>& parts = host == self ? stated : peer.said.classes;
    MemberStatus status;
    status.host = host;
    status.name = host == self ? config.host_name : peer.said.host_name;
    status.state = host == self ? state() : state_of(peer);
    status.age = host == self ? base::Duration{} : now - peer.last_heard;
    status.in_view = member;
    status.nonce = host == self ? own_nonces.back() : peer.nonce;
    if (host != self) status.keys = peer.said.keys;
    status.withdrawn = withdrawn(host);
    for (const std::size_t c :
         {std::size_t{bucket::kFirstRuleClass}, std::size_t{bucket::kSpreadClass.value}}) {
      if (c >= parts.size()) continue;
      status.weight = parts[c].weight;
      break;
    }
    list.push_back(std::move(status));
  });
  return list;
}

/// Nothing of a host that does not speak of the configuration the workers here follow.
std::vector<base::ClassIndex> Node::Impl::withdrawn(HostId host) const {
  std::vector<base::ClassIndex> classes;
  const Offer offered = host == self ? offer() : offer_of(peers.at(host).said);
  if (!offered.has(installed->digest)) return classes;
  const std::vector<heartbeat::ClassStatement> part = wants(host, installed->digest);
  for (std::size_t c = 0; c < part.size(); ++c) {
    if (takes_none(part[c])) classes.push_back({static_cast<std::uint16_t>(c)});
  }
  return classes;
}

void Node::Impl::note_state(TimePoint now) {
  const HostState present = state();
  if (present == noted_state) return;
  raise(EventKind::state_changed, self,
        std::string(name(noted_state)) + " -> " + std::string(name(present)));
  noted_state = present;
  state_since = now;
}

/// Why a new generation is needed, in words for the history.
std::string Node::Impl::trigger_of(HostSet wanted) const {
  if (is_young()) return host_text(self) + " joins";
  std::string text;
  const auto add = [&](const std::string& cause) { text += (text.empty() ? "" : ", ") + cause; };
  committed.members.without(wanted).for_each(
      [&](HostId host) { add(host_text(host) + way_out(peers.at(host))); });
  wanted.for_each([&](HostId host) {
    if (!committed.members.contains(host)) {
      add(host_text(host) + " joins");
      return;
    }
    if (nonces_of(wanted)[host.value] != committed.nonces[host.value]) {
      add(host_text(host) + " restarted");
      return;
    }
    const Statement& old = committed.statements[host.value];
    const heartbeat::Message& said = peers.at(host).said;
    const bool drains = host == self ? takes_no_flows() : said.draining;
    const bool no_gateway = host == self ? lacks_gateway() : said.no_gateway;
    if (drains && !old.draining)
      add(host_text(host) + (no_gateway ? " lost its gateway" : " drains"));
    if (!drains && old.draining) add(host_text(host) + " takes new flows again");
    const std::uint64_t digest = committed.configuration->digest;
    if (host != self && !offer_of(said).has(digest)) return;
    const std::vector<heartbeat::ClassStatement> wanted_part = wants(host, digest);
    if (wanted_part != old.classes) add(change_of(host, old.classes, wanted_part));
  });
  const std::optional<std::uint64_t> target = common_target(wanted, offer());
  if (target && *target != committed.configuration->digest) add("configuration");
  return text.empty() ? "agreement repeated" : text;
}

}  // namespace covey::convergence
