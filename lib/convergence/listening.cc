// SPDX-License-Identifier: BSD-3-Clause
// Node, listening: what a received message changes, who is silent, and whom this host must yield
// to.
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "convergence/digest.h"
#include "convergence/state.h"
#include "convergence/words.h"

namespace covey::convergence {

using base::HostId;
using base::TimePoint;
using heartbeat::Message;
using heartbeat::Phase;

void Node::Impl::hear(TimePoint now, const Message& message) {
  if (message.cluster_id != config.cluster_id || !message.host.is_valid()) return;
  if (message.host == self) {
    hear_namesake(now, message);
    return;
  }
  const bool was_left = peers.at(message.host).left;
  const bool was_heard = peers.at(message.host).heard();
  const auto told = [&peer = peers.at(message.host)] {  // what a table of ours depends on
    return std::tuple(peer.residual_known, peer.residual_digest, peer.claims_digest,
                      peer.said.phase, peer.said.generation, peer.said.config_digest);
  };
  const auto told_before = told();
  const bool says_farewell =
      message.phase == Phase::leave && !was_left && message.nonce == peers.at(message.host).nonce;
  const Bitmaps taken = says_farewell ? taken_by(message.host) : Bitmaps{};
  const Hearing hearing = peers.hear(now, message, sent);
  if (hearing == Hearing::duplicate) {
    raise(EventKind::host_refused, message.host,
          host_text(message.host) + " is used by two hosts; the newcomer is kept out");
  }
  Peer& peer = peers.at(message.host);
  if (hearing != Hearing::news && hearing != Hearing::rebound) {
    note_candidate(now, message);
    if (!peer.mismatched && peer.candidate_differs(message)) {
      hear_other_configuration(message, "a newcomer with the id of " + host_text(message.host),
                               peer.candidate.refusal_reported);
    }
    return;
  }
  if (peer.left || !peer.residual_known || told() != told_before) dirty_news = true;
  note_evidence(now, message);
  if (peer.left) {
    absent_until = now + Timing::comeback();
    edges.forget_row(message.host, now);
    const bool was_member = committed.members.contains(message.host);
    if (!was_left && was_member) note_farewell(now, message);
    note_estate(taken);
  } else {
    edges.set_row(message.host, message.alive, now);
  }
  edges.set_row(self, peers.alive(), now);
  if (!peer.mismatched && !peer.left) note_islands(message);
  const bool restarted = hearing == Hearing::rebound && was_heard;
  if (restarted && committed.members.contains(message.host)) flaps.note(message.host, now);
  if (peer.mismatched) {
    hear_other_configuration(message, host_text(message.host), peer.refusal_reported);
  }
}

void Node::Impl::note_farewell(TimePoint now, const Message& message) {
  if (message.died) flaps.note(message.host, now);
  raise(EventKind::host_left, message.host,
        host_text(message.host) + (message.died ? ": its process died" : ""));
}

void Node::Impl::hear_other_configuration(const Message& message, const std::string& who,
                                          bool& reported) {
  Differences& known = differences[message.host];
  const std::string before = known.text();
  if (!message.excerpt.settings.empty()) {
    known.take(current->shared_settings, message.config_digest, message.excerpt);
  }
  const std::string& after = known.text();
  if (reported && before == after) return;
  reported = true;
  raise(EventKind::host_refused, message.host,
        who + " has a different configuration" + (after.empty() ? std::string() : ": " + after));
}

std::string Node::Impl::difference_from(HostId host) const {
  const auto known = differences.find(host);
  return known == differences.end() ? std::string() : known->second.text();
}

/// By the worst count that a member tells about us.
unsigned Node::Impl::own_flaps() const {
  unsigned most = 0;
  peers.heard().for_each([&](HostId host) {
    for (const heartbeat::FlapCount& one : peers.at(host).said.flap_counts) {
      if (one.host == self) most = std::max<unsigned>(most, one.count);
    }
  });
  return most;
}

TimePoint Node::Impl::held_until() const {
  return outside_since + hold_down(config.hold_down, own_flaps());
}

/// What we hear of a host outside our view no longer counts: it may go on talking for as long as it
/// lives, but each message with which we acknowledge it also tells it that it is out, and on that
/// it stops at once. So its lease ends a lease after our commit at the latest.
bool Node::Impl::is_outside(HostId host) const {
  return !is_young() && !committed.members.contains(host) && !proposal.view.contains(host);
}

void Node::Impl::note_evidence(TimePoint now, const Message& message) {
  Peer& peer = peers.at(message.host);
  const std::uint16_t incarnation = nonce_low(message.nonce);
  if (!is_outside(message.host) || !evidence.knows(message.host, incarnation)) {
    evidence.heard(message.host, incarnation, message.sequence, now, now);
  }
  evidence.set_harmless(message.host, incarnation, message.sequence, peer.holds_nothing());
  if (peer.left) return;
  // The same holds for what a peer says about hosts outside its view; the first word after its
  // commit still counts, for it may be the only one on what it heard before.
  const bool first_word = message.committed_generation != peer.evidence_generation;
  peer.evidence_generation = message.committed_generation;
  const base::HostSet its_hosts = message.committed_view.united_with(message.view);
  for (const heartbeat::Acknowledgement& ack : message.acknowledgements) {
    if (ack.host == self || !ack.host.is_valid()) continue;
    const bool counts = message.committed_view.empty() || first_word ||
                        its_hosts.contains(ack.host) || !evidence.knows(ack.host, ack.nonce_low);
    const TimePoint heard = now - std::chrono::milliseconds(ack.age_ms);
    if (counts) evidence.heard(ack.host, ack.nonce_low, ack.sequence, heard, now);
    evidence.still_reported(ack.host, ack.nonce_low, now);
  }
}

/// Before its first view a host may have bound an id to a namesake that is gone. The incumbent,
/// which it hears only as a candidate, may be serving. With a view it does not listen to
/// candidates: they have yet to prove that they are no recordings, which could keep it waiting for
/// ever.
void Node::Impl::note_candidate(TimePoint now, const Message& message) {
  const Candidate& candidate = peers.at(message.host).candidate;
  const bool is_fresh = candidate.nonce == message.nonce && candidate.sequence == message.sequence;
  if (!is_young() || !is_fresh) return;
  const std::uint16_t incarnation = nonce_low(message.nonce);
  evidence.heard(message.host, incarnation, message.sequence, now, now);
  evidence.set_harmless(message.host, incarnation, message.sequence, holds_nothing(message));
}

void Node::Impl::judge_silence(TimePoint now) {
  const base::HostSet fell_silent = peers.judge(now, silence());
  if (!fell_silent.empty()) dirty_news = true;
  base::HostSet lost;
  fell_silent.for_each([&](HostId host) {
    edges.forget_row(host, now);
    if (committed.members.contains(host) && !peers.at(host).left) {
      lost.insert(host);
      flaps.note(host, now);
      raise(EventKind::host_lost, host, host_text(host) + " fell silent");
    }
  });
  edges.set_row(self, peers.alive(), now);
  note_lost(now, lost);
}

void Node::Impl::hear_namesake(TimePoint now, const Message& message) {
  const bool own =
      std::find(own_nonces.begin(), own_nonces.end(), message.nonce) != own_nonces.end();
  if (own) return;
  if (namesake.nonce != message.nonce) {
    namesake = Namesake{};
    namesake.nonce = message.nonce;
  } else if (message.sequence <= namesake.sequence) {
    return;
  }
  namesake.sequence = message.sequence;
  ++namesake.heard;
  namesake.last_heard = now;
  namesake.phase = message.phase;
  namesake.committed = {.members = message.committed_view,
                        .generation = message.committed_generation};
}

std::string Node::Impl::reason_to_refuse(TimePoint now) const {
  const std::string taken_id = namesake_objection(now);
  const std::string difference = configuration_objection();
  return taken_id + (taken_id.empty() || difference.empty() ? "" : "; ") + difference;
}

/// The junior of two hosts with one id stays out. One message may be the last one of our own
/// predecessor, still under way; two are a living host. Whoever slept through his lease has no view
/// to speak of, here as in what he says: else both would count themselves the senior.
std::string Node::Impl::namesake_objection(TimePoint now) const {
  if (namesake.heard < 2 || now - namesake.last_heard >= config.timing.silence()) return {};
  if (namesake.phase == Phase::leave || namesake.phase == Phase::refused) return {};
  const auto rank = [](base::HostSet members, std::uint32_t generation, std::uint64_t nonce) {
    return std::tuple(members.size(), generation, ~nonce);
  };
  const base::HostSet members = lapsed ? base::HostSet{} : committed.members;
  const bool yields = rank(namesake.committed.members, namesake.committed.generation,
                           namesake.nonce) > rank(members, committed.generation, own_nonces.back());
  return yields ? "another host uses id " + std::to_string(self.value) : std::string();
}

/// Of two groups with no configuration in common that hear each other the junior stays out. A view
/// that goes on without this host under another configuration replaces its own, as any newer one
/// does. Whoever slept through his lease says no view of his own, so he must not count it here
/// either: else both sides would take themselves for the senior one.
std::string Node::Impl::configuration_objection() const {
  std::string objection;
  const CommittedView mine = lapsed ? senior_view(views_of_others()) : senior();
  peers.bound().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    if (!peer.mismatched || peer.silent || peer.left || peer.said.phase == Phase::refused) return;
    const CommittedView theirs{.members = peer.said.committed_view,
                               .generation = peer.said.committed_generation};
    const bool neither = theirs.members.empty() && mine.members.empty();
    const bool yields =
        neither ? host < self : theirs != mine && senior_view({mine, theirs}) == theirs;
    if (yields && objection.empty()) {
      const std::string what = difference_from(host);
      objection = "configuration differs from that of " + host_text(host) +
                  (what.empty() ? what : ": " + what);
    }
  });
  return objection;
}

}  // namespace covey::convergence
