// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/peers.h"

#include <algorithm>
#include <utility>

#include "convergence/digest.h"
#include "convergence/evidence.h"

namespace covey::convergence {

using heartbeat::Message;
using heartbeat::Phase;

namespace {

/// When we sent the newest of our messages that `message` acknowledges.
std::pair<std::uint32_t, base::TimePoint> acknowledged(const Message& message,
                                                       const SendLog& sent) {
  for (const heartbeat::Acknowledgement& ack : message.acknowledgements) {
    if (ack.host != sent.self() || ack.nonce_low != nonce_low(sent.nonce())) continue;
    const auto at = sent.sent_at(ack.sequence);
    if (at) return {ack.sequence, *at};
  }
  return {0, base::TimePoint::distant_past()};
}

}  // namespace

bool holds_nothing(const Message& said) {
  switch (said.phase) {
    case Phase::listen:
    case Phase::evicted:
    case Phase::refused:
    case Phase::minority:
      return !said.claims.empty() && all_none(said.claims);
    case Phase::leave:
      return true;
    case Phase::propose:
    case Phase::prepared:
    case Phase::stable:
      return false;
  }
  return false;
}

Acknowledged Peer::acknowledged(base::TimePoint now, base::Duration lease_passes) const {
  const bool is_over = said.phase == Phase::refused || now - last_heard > lease_passes;
  const bool is_waiting = candidate.nonce != 0 && !candidate.stays_out &&
                          candidate.last_heard > last_heard - lease_passes;
  if (is_over && is_waiting) {
    return {.nonce = candidate.nonce,
            .sequence = candidate.sequence,
            .last_heard = candidate.last_heard};
  }
  return {.nonce = nonce, .sequence = sequence, .last_heard = last_heard};
}

PeerTable::PeerTable(const Timing& timing, std::vector<Shape> shapes)
    : timing_(timing), shapes_(std::move(shapes)), peers_(base::kMaxHosts + 1) {}

void PeerTable::set_shapes(std::vector<Shape> shapes, base::TimePoint now) {
  shapes_ = std::move(shapes);
  bound_.for_each([&](base::HostId host) {
    Peer& peer = peers_[host.value];
    const bool was = std::exchange(peer.mismatched, !is_understood(peer.said));
    if (peer.mismatched) peer.edge = false;
    if (!was || peer.mismatched) return;
    peer.refusal_reported = false;
    peer.edge = edge_holds(peer, now, timing_.silence());
  });
}

void PeerTable::clear() {
  peers_.assign(base::kMaxHosts + 1, Peer{});
  bound_ = {};
  floor_ = base::TimePoint::distant_past();
}

bool PeerTable::is_understood(const Message& message) const {
  const Offer offer = offer_of(message);
  bool in_common = false;
  for (const Shape& shape : shapes_) {
    if (!offer.has(shape.digest)) continue;
    if (!fits(message, shape)) return false;
    in_common = true;
  }
  return in_common;
}

/// Hosts that a message acknowledges, if lately, and if their present start.
base::HostSet PeerTable::hears(const Message& message, const SendLog& sent) const {
  base::HostSet hears;
  for (const heartbeat::Acknowledgement& ack : message.acknowledgements) {
    if (!ack.host.is_valid()) continue;
    const std::uint64_t nonce =
        ack.host == sent.self() ? sent.nonce() : peers_[ack.host.value].nonce;
    const bool lately = std::chrono::milliseconds(ack.age_ms) < timing_.silence();
    if (lately && ack.nonce_low == nonce_low(nonce)) hears.insert(ack.host);
  }
  return hears;
}

void PeerTable::bind(base::TimePoint now, Peer& peer, const Message& message, const SendLog& sent) {
  Peer fresh;
  fresh.bound = true;
  fresh.nonce = message.nonce;
  fresh.first_heard = now;
  fresh.ack_sent_at = base::TimePoint::distant_past();
  fresh.retired = peer.retired;
  fresh.retired_count = peer.retired_count;
  if (peer.bound) {
    fresh.retired[fresh.retired_count % fresh.retired.size()] = {.nonce = peer.nonce,
                                                                 .sequence = peer.sequence};
    ++fresh.retired_count;
  }
  peer = std::move(fresh);
  bound_.insert(message.host);
  bound_.for_each([&](base::HostId host) {  // what they said was about the start before
    peers_[host.value].hears = hears(peers_[host.value].said, sent);
  });
}

bool PeerTable::admit_candidate(base::TimePoint now, const Message& message, Peer& peer,
                                const SendLog& sent) {
  const std::size_t known = std::min(peer.retired_count, peer.retired.size());
  for (std::size_t i = 0; i < known; ++i) {
    const Retired& earlier = peer.retired[i];
    if (earlier.nonce == message.nonce && message.sequence <= earlier.sequence) return false;
  }
  Candidate& candidate = peer.candidate;
  if (candidate.nonce != message.nonce) {
    candidate = Candidate{.nonce = message.nonce, .first_heard = now};
  } else if (message.sequence <= candidate.sequence) {
    return false;
  }
  candidate.sequence = message.sequence;
  candidate.last_heard = now;
  candidate.stays_out = message.phase == Phase::leave || message.phase == Phase::refused;
  candidate.mismatched = !is_understood(message);
  ++candidate.heard;
  if (message.phase == Phase::leave) return false;
  // A recording of an old start can be played at us, but it cannot acknowledge this start of ours.
  const bool answers_us = acknowledged(message, sent).first != 0;
  if (candidate.stays_out) {
    const base::Duration lease_passes = timing_.lease() + timing_.takeover_margin();
    return answers_us && (peer.left || now - peer.last_heard > lease_passes);
  }
  const bool vacant = peer.left || peer.silent || peer.said.phase == Phase::refused ||
                      now - peer.last_heard >= timing_.rebind();
  return vacant && answers_us;
}

Hearing PeerTable::hear(base::TimePoint now, const Message& message, const SendLog& sent) {
  Peer& peer = peers_[message.host.value];
  if (!peer.bound) {
    if (message.phase == Phase::leave) return Hearing::ignored;
    bind(now, peer, message, sent);
    take(now, message, sent);
    return Hearing::rebound;
  }
  if (message.nonce == peer.nonce) {
    if (message.sequence <= peer.sequence || peer.left) return Hearing::ignored;
    take(now, message, sent);
    return Hearing::news;
  }
  if (admit_candidate(now, message, peer, sent)) {
    bind(now, peer, message, sent);
    take(now, message, sent);
    return Hearing::rebound;
  }
  Candidate& candidate = peer.candidate;
  // A restarted host never overlaps its predecessor by more than what was still under way.
  const bool both_alive = candidate.nonce == message.nonce && candidate.heard >= 3 &&
                          peer.last_heard - candidate.first_heard > timing_.interval / 2;
  if (!both_alive || candidate.reported) return Hearing::ignored;
  candidate.reported = true;
  return Hearing::duplicate;
}

namespace {

/// Bitmaps are believed if they match their digest, and stay known while the digest is repeated.
void take_bitmaps(const Message& message, Peer& peer) {
  if (!message.claims.empty() && digest_of(message.claims) == message.claims_digest) {
    peer.claims = message.claims;
    peer.claims_digest = message.claims_digest;
    peer.claims_nothing = all_none(message.claims);
  }
  peer.claims_known = !peer.claims.empty() && peer.claims_digest == message.claims_digest;
  if (message.residual.size() != 0 && digest_of(message.residual) == message.residual_digest) {
    peer.residual = message.residual;
    peer.residual_digest = message.residual_digest;
  }
  peer.residual_known =
      peer.residual.size() != 0 && peer.residual_digest == message.residual_digest;
}

}  // namespace

void PeerTable::take(base::TimePoint now, const Message& message, const SendLog& sent) {
  Peer& peer = peers_[message.host.value];
  peer.sequence = message.sequence;
  peer.last_heard = now;
  peer.silent = false;
  peer.left = message.phase == Phase::leave;
  peer.mismatched = !is_understood(message);
  peer.said = message;
  peer.hears = hears(message, sent);
  take_bitmaps(message, peer);
  const auto [sequence, sent_at] = acknowledged(message, sent);
  if (sequence > peer.acked_sequence) {
    peer.acked_sequence = sequence;
    peer.ack_sent_at = sent_at;
  }
  if (peer.left || peer.mismatched) {
    peer.edge = false;
  } else if (edge_holds(peer, now, timing_.silence())) {
    peer.edge = true;
  }
}

bool PeerTable::edge_holds(const Peer& peer, base::TimePoint now, base::Duration silence) const {
  if (!peer.heard() || peer.acked_sequence == 0) return false;
  const base::TimePoint acked = std::max(peer.ack_sent_at, floor_);
  return now - acked < silence + timing_.interval;
}

base::HostSet PeerTable::judge(base::TimePoint now, base::Duration silence) {
  base::HostSet fell_silent;
  bound_.for_each([&](base::HostId host) {
    Peer& peer = peers_[host.value];
    if (!peer.silent && now - std::max(peer.last_heard, floor_) >= silence) {
      peer.silent = true;
      fell_silent.insert(host);
    }
    peer.edge = peer.edge && edge_holds(peer, now, silence);
  });
  return fell_silent;
}

base::HostSet PeerTable::alive() const {
  base::HostSet alive;
  bound_.for_each([&](base::HostId host) {
    if (peers_[host.value].edge) alive.insert(host);
  });
  return alive;
}

base::TimePoint PeerTable::last_heard() const {
  base::TimePoint last = base::TimePoint::distant_past();
  bound_.for_each([&](base::HostId host) {
    const Peer& peer = peers_[host.value];
    if (!peer.left) last = std::max(last, peer.last_heard);
  });
  return last;
}

base::HostSet PeerTable::heard() const {
  base::HostSet heard;
  bound_.for_each([&](base::HostId host) {
    if (peers_[host.value].heard()) heard.insert(host);
  });
  return heard;
}

}  // namespace covey::convergence
