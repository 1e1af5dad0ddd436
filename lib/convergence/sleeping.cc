// SPDX-License-Identifier: BSD-3-Clause
// Node, sleeping: what a host does that was not looked after for a while, or slept through its
// lease.
//
// Whoever slept through his lease may have been replaced meanwhile by somebody who sleeps now. So
// he says no committed view, and keeps still until a member that stayed awake counts him in or a
// lease has passed: everybody who sleeps apart then says which view he would go on with, all hear
// the same views, and all but one are given up. A sleeper that was already agreeing on a next view,
// or begins to later, has no such word to offer. He is known by what he claims, for a joiner claims
// nothing, and gives up as soon as he hears another sleeper.
#include <algorithm>

#include "convergence/digest.h"
#include "convergence/state.h"

namespace covey::convergence {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using heartbeat::Phase;

/// A host that was not looked after for a while must not blame the others for it: it has neither
/// heard nor been heard. Peers get a new start, and going alone is out of the question for a time.
void Node::Impl::doubt_itself_if_late(TimePoint now) {
  if (life == Life::stopped || life == Life::suspended) return;
  const Timing& timing = config.timing;
  if (now - tick_due <= timing.silence() / 2) return;
  const std::int64_t late_ms = base::to_ms(now - tick_due);
  tick_due = now;
  doubted_at = now;
  peers.restart_timers(now);
  health = static_cast<std::uint8_t>(std::min(health + 1, 3));
  well_after = now + timing.silence() * 10;
  const TimePoint calm = now + lease_passes();
  alone_after = std::max(alone_after, calm);
  unknown_until = std::max(unknown_until, calm);
  if (now > lease_until && !is_young()) {
    lapsed = true;
    lapsed_until = calm;
  }
  if (phase == heartbeat::Phase::listen) listen_until = now + timing.listen_first();
  raise(EventKind::self_doubt, self, "own timer was " + std::to_string(late_ms) + " ms late");
}

/// What a host does that slept through its lease as long as no member that stayed awake is heard;
/// nothing if it goes on like any other. Only who was in the view before helps it to a majority:
/// the newcomers have yet to hear of it.
std::optional<bool> Node::Impl::advance_asleep(TimePoint now, HostSet wanted) {
  if (!lapsed || is_witnessed()) return std::nullopt;
  wanted_view = wanted.intersection(mates());
  if (!may_serve(wanted_view)) return stand_down(now);
  if (phase == Phase::stable) return is_undecided(now) ? std::optional(false) : std::nullopt;
  if (!is_contested()) return std::nullopt;
  become_evicted(now);
  return true;
}

/// Members of the view whose present start is the one that committed it.
HostSet Node::Impl::mates() const {
  HostSet mates;
  committed.members.for_each([&](HostId host) {
    if (host == self || peers.at(host).nonce == committed.nonces[host.value]) mates.insert(host);
  });
  return mates;
}

/// Whether the host, like this one, slept through its lease, and followed another view before, or
/// goes on without this host.
bool Node::Impl::sleeps_apart(HostId host) const {
  const Peer& peer = peers.at(host);
  const bool has_buckets = peer.claims_known && !peer.claims_nothing;
  const bool holds =
      peer.said.phase == Phase::stable || (is_agreeing(peer.said.phase) && has_buckets);
  const bool is_asleep = holds && peer.said.committed_view.empty();
  const bool together = mates().contains(host) && peer.said.view.contains(self);
  return is_asleep && !together && peer.heard() && peer.last_heard >= doubted_at;
}

bool Node::Impl::is_contested() const {
  bool contested = false;
  peers.heard().for_each([&](HostId host) { contested = contested || sleeps_apart(host); });
  return contested;
}

/// A member that did not sleep and still counts us in proves that nobody has taken over.
bool Node::Impl::is_witnessed() const {
  const HostSet next = phase == Phase::prepared ? proposal.view : HostSet{};
  bool witnessed = false;
  mates().united_with(next).intersection(peers.heard()).for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    if (peer.last_heard >= doubted_at && peer.said.committed_view.contains(self)) witnessed = true;
  });
  return witnessed;
}

/// Somebody may have taken over whom we have yet to hear, or who has yet to yield.
bool Node::Impl::is_undecided(TimePoint now) const {
  return lapsed && !is_witnessed() && (now < lapsed_until || is_contested());
}

}  // namespace covey::convergence
