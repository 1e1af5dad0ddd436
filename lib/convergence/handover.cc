// SPDX-License-Identifier: BSD-3-Clause
// Node, hand-over: tables to the workers, in the order that leaves no bucket with two owners, and
// the lease that fences a host which the others can no longer reach.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "convergence/digest.h"
#include "convergence/state.h"

namespace covey::convergence {

using base::HostId;
using base::TimePoint;
using bucket::Bitmap;
using heartbeat::Phase;

/// Sends the workers a new table if they should follow another one.
void Node::Impl::settle(TimePoint now) {
  if (life == Life::stopped || life == Life::suspended) return;
  Bitmaps own = own_target(now);
  if (ownership.under_way()) return;
  const bool serving = life == Life::running;
  const bool changed = switching || own != ownership.table() || serving != installed_serving ||
                       closed_classes() != installed_closed ||
                       (!is_young() && installed_generation != committed.generation) ||
                       (now >= hands_on_until && !all_none(given_away));
  bool refresh = false;
  if (now >= absent_until) {
    absent_until = TimePoint::never();
    dirty_news = true;
  }
  if (dirty_news && now >= table_refresh_due) {
    dirty_news = false;
    const Bitmap others = dirty();
    refresh = others != installed_dirty || retained(others) != installed_retained;
  }
  if (changed || refresh) install(now, std::move(own));
}

/// The own buckets this host should accept, as far as it may yet.
Bitmaps Node::Impl::own_target(TimePoint now) {
  hand_over = HandOverStep{};
  if (life != Life::running || is_young()) return nothing();
  if (switching) return carried(ownership.table(), *current, *staged);
  if (phase != Phase::stable) return ownership.table();  // frozen
  if (ownership.table() == committed.mine) return committed.mine;

  const TimePoint known_until =
      std::max({namesake_until(), forgotten_until(),
                evidence.outside_until(self, committed.members, committed.nonces, lease_passes())});
  orphans_until = std::max(unknown_until, known_until);
  std::array<Bitmaps, base::kMaxHosts + 1> translated;  // of members that are still switching
  HandOver input;
  input.self = self;
  input.members = committed.members;
  input.map = &committed.map;
  input.mine = &committed.mine;
  input.table = &ownership.table();
  input.orphans_free = now >= orphans_until;
  if (now >= known_until && !committed.inherited.empty()) input.inherited = &committed.inherited;
  committed.members.for_each([&](HostId host) {
    MemberClaims& claims = input.claims[host.value];
    claims.part = &committed.statements[host.value];
    const Peer& peer = peers.at(host);
    if (host == self || !is_seen_committed(host)) return;
    claims.now = &peer.claims;
    if (peer.said.config_digest == current->digest) return;
    translated[host.value] =
        claims_in(shape, offer_of(peer.said), peer.said.staged_classes, peer.claims, true);
    claims.now = &translated[host.value];
  });
  hand_over = next_own(input);
  return hand_over.own;
}

/// The member follows the same map, and its claims since then are known.
bool Node::Impl::is_seen_committed(HostId host) const {
  const Peer& peer = peers.at(host);
  return peer.nonce == committed.nonces[host.value] && peer.said.phase == Phase::stable &&
         peer.claims_known && peer.said.generation == committed.generation && !peer.mismatched;
}

/// Each other member claims no bucket but those that the map gives it. With that word it says where
/// it still serves old flows.
bool Node::Impl::others_have_released() const {
  bool released = phase == Phase::stable && !switching;
  committed.members.for_each([&](HostId host) {
    if (host == self || !released) return;
    const Peer& peer = peers.at(host);
    const bool is_told = is_seen_committed(host) && peer.residual_known;
    // The claims of one that has yet to switch are in the classes of another configuration.
    released = is_told && peer.said.config_digest == current->digest;
    for (std::size_t c = 0; released && c < peer.claims.size(); ++c)
      released = without(peer.claims[c], owned_by(committed.map, c, host)).none();
  });
  return released;
}

/// Another host with our id that had a view and fell silent may be serving until then. Alone it
/// needs nobody's word, and its last messages may have been lost: we followed after D without one.
TimePoint Node::Impl::namesake_until() const {
  if (namesake.committed.members.empty()) return TimePoint::distant_past();
  return namesake.last_heard + config.timing.silence() + lease_passes();
}

/// Two majorities share a host, and it knows whom it acknowledged; unless it was started between
/// them. A lease that its last start extended has passed by then.
TimePoint Node::Impl::forgotten_until() const {
  TimePoint until = TimePoint::distant_past();
  if (config.partition != PartitionPolicy::majority) return until;
  committed.members.for_each([&](HostId host) {
    if (host != self) until = std::max(until, peers.at(host).first_heard + lease_passes());
  });
  return until;
}

/// What a member has taken of what the map gives it: it has made sure that nobody else is serving
/// there. When it leaves it claims nothing more, and a host that was started a moment ago need not
/// wait for hosts that it may not have heard yet: to serve there they would have had to agree with
/// somebody since, as with any host that leaves.
Bitmaps Node::Impl::taken_by(HostId host) const {
  const Peer& peer = peers.at(host);
  const bool is_known = !is_young() && committed.members.contains(host) &&
                        is_seen_committed(host) && committed.configuration == current &&
                        peer.said.config_digest == current->digest && !switching;
  Bitmaps taken;
  for (std::size_t c = 0; is_known && c < peer.claims.size(); ++c)
    taken.push_back(intersection(peer.claims[c], owned_by(committed.map, c, host)));
  return taken;
}

void Node::Impl::note_estate(const Bitmaps& taken) {
  if (estate.empty()) estate = taken;
  for (std::size_t c = 0; c < taken.size(); ++c)
    estate[c] = united(estate[c], taken[c]);
}

Bitmaps Node::Impl::nothing() const {
  return no_buckets(next_shape().class_buckets);
}

void Node::Impl::install(TimePoint now, Bitmaps own) {
  note_given_away(now, own);
  installed_dirty = dirty();
  installed_retained = retained(installed_dirty);
  bucket::BucketTable table = build_table(own);
  installed_generation = committed.generation;
  installed_serving = life == Life::running;
  installed_closed = table.closed;
  installed_moves = own != ownership.table();
  table_refresh_due = now + config.timing.interval;
  installed = switching ? staged : current;
  const std::uint32_t id =
      switching ? ownership.install_other(std::move(own)) : ownership.install(std::move(own));
  emit(InstallMap{.install_id = id, .config_digest = installed->digest, .table = std::move(table)});
}

void Node::Impl::map_installed(TimePoint now, const MapInstalled& input) {
  if (!ownership.confirm(input.install_id)) return;
  if (switching && installed == staged) finish_switching(now);
  take_residual(input.residual);
}

/// Buckets that are not its own and in which this host serves old flows, as its workers count them.
void Node::Impl::take_residual(const Bitmap& counted) {
  if (counted.size() != shape.residual_buckets || counted == residual) return;
  residual = counted;
  dirty_news = true;
}

/// Buckets where another living host still serves old flows, or one that may be back in a moment;
/// every bucket while one has not said, or not in buckets of the configuration of the next table.
Bitmap Node::Impl::dirty() const {
  const std::uint32_t buckets = next_shape().residual_buckets;
  Bitmap dirty(buckets);
  peers.bound().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const bool is_known = peer.residual_known && peer.residual.size() == buckets;
    if (is_known && (peer.heard() || may_come_back(peer))) dirty = united(dirty, peer.residual);
    if (!is_known && peer.heard()) dirty = all_buckets(buckets);
  });
  return dirty;
}

/// It left with connections. Who answers their segments now would end them by a reset.
bool Node::Impl::may_come_back(const Peer& peer) const {
  return peer.left && !peer.said.died && last_now - peer.last_heard < Timing::comeback();
}

/// Buckets where this host serves old flows and no other does: it alone can tell which are new.
Bitmap Node::Impl::retained(const Bitmap& others) const {
  const bool is_known = residual.size() == others.size() && !residual.none();
  return is_known && others_have_released() ? without(residual, others) : Bitmap(others.size());
}

/// Remembers which buckets this host has just stopped to take. The new owner must hear of it before
/// it may begin, and for the flows that begin meanwhile only the workers here can tell that nobody
/// has answered. In the next generation they are somebody else's to give away.
void Node::Impl::note_given_away(TimePoint now, const Bitmaps& own) {
  const bool gives_nothing = switching || life != Life::running;
  const bool is_over = now >= hands_on_until || installed_generation != committed.generation;
  if (gives_nothing || is_over) given_away = nothing();
  if (gives_nothing) return;
  for (std::size_t c = 0; c < own.size(); ++c) {
    const Bitmap lost = without(ownership.table()[c], own[c]);
    if (!lost.none()) hands_on_until = now + config.timing.hand_on();
    given_away[c] = without(united(given_away[c], lost), own[c]);
  }
}

/// With what install() has just noted.
bucket::BucketTable Node::Impl::build_table(const Bitmaps& own) const {
  using bucket::BucketState;
  bucket::BucketTable table;
  table.generation = committed.generation;
  table.members = committed.members;
  table.serving = life == Life::running;
  table.hands_on_until = hands_on_until;
  table.closed = closed_classes();
  for (std::size_t c = 0; c < own.size(); ++c) {
    const std::vector<HostId>& owners = committed.map.owners[c];
    std::vector<BucketState> states(own[c].size(), BucketState::foreign);
    const bool drains = takes_no_flows() || next_parts()[c].percent == 0;
    for (std::uint32_t b = 0; b < owners.size(); ++b) {
      if (owners[b].is_nobody()) {
        if (drains) states[b] = BucketState::refused;
      } else if (owners[b] == self) {
        states[b] = BucketState::awaited;
      } else if (given_away[c].test({b})) {
        states[b] = BucketState::given_away;
      } else if (installed_retained.test({b})) {
        states[b] = BucketState::retained;
      }
    }
    own[c].for_each([&](base::BucketIndex b) {
      states[b.value] = installed_dirty.test(b) ? BucketState::own_dirty : BucketState::own;
    });
    table.classes.add(std::move(states), owners);
  }
  return table;
}

/// Of the next table.
std::vector<base::ClassIndex> Node::Impl::closed_classes() const {
  std::vector<base::ClassIndex> closed;
  for (std::size_t c = 0; c < next_parts().size(); ++c) {
    if (next_parts()[c].closed) closed.push_back({static_cast<std::uint16_t>(c)});
  }
  return closed;
}

void Node::Impl::publish_lease(TimePoint now) {
  const TimePoint until = lease(now);
  if (until > now) lapsed = false;
  // Small extensions wait: a lease is worth many intervals, the workers' cache line is not free.
  const bool extended = until >= lease_until + config.timing.interval / 20;
  if (until >= lease_until && !extended) return;
  lease_until = until;
  emit(PublishLease{.valid_until = until});
}

/// Peers that may take over wait a lease (and a margin) from the last message they heard of us. We
/// count from its sending, hence always from an earlier time.
TimePoint Node::Impl::lease(TimePoint now) const {
  if (life != Life::running || is_young() || lacks_gateway()) return TimePoint::distant_past();
  const base::Duration length = config.timing.lease();
  TimePoint until = last_sent + length;
  base::HostSet reached;
  reached.insert(self);
  peers.heard().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const bool member =
        committed.members.contains(host) && peer.nonce == committed.nonces[host.value];
    // Once we are prepared the others may commit the next view without our knowing.
    const bool next_member = phase == Phase::prepared && proposal.view.contains(host);
    if (!member && !next_member) return;
    reached.insert(host);
    until = std::min(until, peer.ack_sent_at + length);
  });
  // Whoever hears too few may be the smaller side already and must not outlive what it has.
  if (!may_serve(reached)) return std::min(until, lease_until);
  if (is_undecided(now)) return std::min(until, lease_until);
  return until;
}

}  // namespace covey::convergence
