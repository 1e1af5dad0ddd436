// SPDX-License-Identifier: BSD-3-Clause
// Node, speaking: when a heartbeat goes out and what it says.
//
// At least every interval (with a jitter of a tenth, so that hosts do not fall into lockstep), at
// once when something others wait for has changed, never closer than kMinimumGap.
#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "bucket/siphash.h"
#include "convergence/digest.h"
#include "convergence/state.h"

namespace covey::convergence {

using base::HostId;
using base::TimePoint;
using heartbeat::Message;
using heartbeat::Phase;

namespace {

constexpr base::Duration kMinimumGap = std::chrono::milliseconds(1);
constexpr std::uint16_t kAgeSaturated = 65535;
/// Bitmaps are repeated that many intervals even if everybody acknowledged them.
constexpr int kRepeatIntervals = 3;

}  // namespace

void Node::Impl::speak(TimePoint now) {
  if (life == Life::stopped || life == Life::suspended) return;
  // Who is stopping has one more thing to say, and says it when the workers have stopped.
  const bool news = life == Life::running && utterance() != spoken;
  if (now >= send_due || (news && now >= last_sent + kMinimumGap)) {
    send(now);
  } else if (news) {
    send_due = std::min(send_due, last_sent + kMinimumGap);
  }
}

void Node::Impl::send(TimePoint now) {
  Message message = compose(now);
  spoken = utterance();
  last_sent = now;
  send_due = now + next_interval();
  emit(SendHeartbeat{std::move(message)});
}

/// The interval and up to a tenth more or less, by the incarnation and the sequence number.
base::Duration Node::Impl::next_interval() const {
  const bucket::SipKey key{.k0 = own_nonces.back(), .k1 = self.value};
  const std::uint64_t chance = bucket::siphash13_short(key, sent.newest(), 4);
  const auto percent = static_cast<std::int64_t>(90 + chance % 21);
  return config.timing.interval * percent / 100;
}

Message Node::Impl::compose(TimePoint now) {
  Message message;
  message.cluster_id = config.cluster_id;
  message.host = self;
  message.host_name = config.host_name.substr(0, heartbeat::kMaxHostName);
  message.nonce = own_nonces.back();
  message.sequence = sent.append(now);
  message.generation = proposal.generation;
  message.phase = phase;
  message.health = health;
  message.view = spoken_view();
  message.view_digest = proposal.view_digest;
  if (!lapsed) message.committed_view = committed.members;
  message.committed_generation = committed.generation;
  message.map_digest = proposal.map.digest;
  message.alive = peers.alive();
  message.no_gateway = lacks_gateway();
  add_part(message);
  add_acknowledgements(now, message);
  add_bitmaps(now, message);
  add_flap_counts(now, message);
  add_excerpt(now, message);
  return message;
}

/// While a generation is being agreed on: the part that was put into it. Then: what is so now.
void Node::Impl::add_part(Message& message) const {
  const Offer spoken_offer = is_agreeing(phase) ? proposal.part.offer : offer();
  message.config_digest = spoken_offer.present;
  message.staged_digest = spoken_offer.staged;
  message.switching = spoken_offer.switching;
  message.classes = is_agreeing(phase) ? proposal.part.classes : stated;
  message.staged_classes = is_agreeing(phase) ? proposal.part.staged_classes : staged_stated;
  message.draining = proposal.view.contains(self) ? proposal.part.draining : takes_no_flows();
}

/// Sealed beforehand and kept, so that it must hold for as long as this incarnation lives: of the
/// highest sequence number there is, and with nothing in it that changes.
std::optional<Message> Node::Impl::last_words() const {
  if (life == Life::stopped || life == Life::suspended) return std::nullopt;
  Message message;
  message.cluster_id = config.cluster_id;
  message.host = self;
  message.host_name = config.host_name.substr(0, heartbeat::kMaxHostName);
  message.nonce = own_nonces.back();
  message.sequence = std::numeric_limits<std::uint32_t>::max();
  message.phase = Phase::leave;
  message.died = true;
  message.config_digest = offer().present;
  message.classes = stated;
  return message;
}

void Node::Impl::add_acknowledgements(TimePoint now, Message& message) const {
  const base::Duration lately = config.timing.lease() * 2 + config.timing.silence();
  peers.bound().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const Acknowledged heard = peer.acknowledged(now, lease_passes());
    const bool is_candidate = heard.nonce != peer.nonce;
    if ((peer.left && !is_candidate) || now - heard.last_heard > lately) return;
    const std::int64_t age = base::to_ms(now - heard.last_heard);
    message.acknowledgements.push_back(
        {.host = host,
         .nonce_low = nonce_low(heard.nonce),
         .sequence = heard.sequence,
         .age_ms = static_cast<std::uint16_t>(std::min<std::int64_t>(age, kAgeSaturated))});
  });
}

void Node::Impl::add_flap_counts(TimePoint now, Message& message) const {
  message.flaps = static_cast<std::uint8_t>(own_flaps());
  peers.bound().for_each([&](HostId host) {
    const unsigned count = flaps.count(host, now);
    if (count == 0) return;
    message.flap_counts.push_back({.host = host, .count = static_cast<std::uint8_t>(count)});
  });
}

/// Whoever has another configuration, in or out of the cluster, is told ours piece by piece.
void Node::Impl::add_excerpt(TimePoint now, Message& message) {
  bool differs = false;
  peers.bound().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const bool newcomer =
        peer.candidate.mismatched && now - peer.candidate.last_heard < config.timing.silence();
    differs = differs || newcomer || (peer.mismatched && !peer.silent && !peer.left);
  });
  if (!differs || message.config_digest != current->digest) return;
  message.excerpt = next_excerpt(current->shared_settings, excerpt_next);
}

base::HostSet Node::Impl::spoken_view() const {
  return phase == Phase::minority ? hoped_view : proposal.view;
}

/// While a generation is being agreed on: the claims it froze. Then: what workers may accept.
const Bitmaps& Node::Impl::spoken_claims() const {
  return is_agreeing(phase) ? proposal.part.claims : ownership.claims();
}

std::uint64_t Node::Impl::spoken_claims_digest() const {
  return is_agreeing(phase) ? proposal.claims_digest : ownership.claims_digest();
}

void Node::Impl::add_bitmaps(TimePoint now, Message& message) {
  message.claims_digest = spoken_claims_digest();
  message.residual_digest = digest_of(residual);
  if (is_news(claims_freshness, message.claims_digest, message.sequence, now)) {
    message.claims = spoken_claims();
  }
  if (is_news(residual_freshness, message.residual_digest, message.sequence, now)) {
    message.residual = residual;
  }
}

/// Bitmaps travel while not STABLE, for some intervals after a change, and until every member has
/// acknowledged a message that carried this state: otherwise one lost message could hold up a
/// hand-over for ever.
bool Node::Impl::is_news(Freshness& freshness, std::uint64_t digest, std::uint32_t sequence,
                         TimePoint now) const {
  if (freshness.since_sequence == 0 || freshness.digest != digest) {
    freshness = Freshness{.digest = digest, .since_sequence = sequence, .since = now};
  }
  bool news =
      phase != Phase::stable || now - freshness.since <= config.timing.interval * kRepeatIntervals;
  proposal.view.for_each([&](HostId host) {
    if (host != self && peers.at(host).acked_sequence < freshness.since_sequence) news = true;
  });
  return news;
}

Utterance Node::Impl::utterance() const {
  return Utterance{.phase = phase,
                   .generation = proposal.generation,
                   .committed_generation = committed.generation,
                   .view = spoken_view(),
                   .alive = peers.alive(),
                   .view_digest = proposal.view_digest,
                   .map_digest = proposal.map.digest,
                   .claims_digest = spoken_claims_digest(),
                   .offer = is_agreeing(phase) ? proposal.part.offer : offer(),
                   .draining = takes_no_flows()};
}

}  // namespace covey::convergence
