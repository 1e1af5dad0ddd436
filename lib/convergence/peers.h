// SPDX-License-Identifier: BSD-3-Clause
// PeerTable: what is known about every other host: its incarnation, its newest message, whether it
// is silent, and whether the edge to it is good both ways.
//
// Owner: convergence. Thread: the caller's, one at a time.
// A host id is bound to one incarnation (nonce) while that one is heard; another nonce under it
// waits as a candidate: a restarted host takes over when its predecessor has fallen silent, a
// refused one later, a duplicate id never. A candidate must acknowledge this start of ours, and we
// do so for it once nobody needs our word on the bound incarnation: else two hosts, each bound to a
// dead incarnation of the other, would wait for one another. hear() makes peers look better;
// judge() alone, after all received messages, finds silence and lost edges.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "bucket/bitmap.h"
#include "convergence/send_log.h"
#include "convergence/settings.h"
#include "convergence/staging.h"
#include "heartbeat/message.h"

namespace covey::convergence {

struct Candidate {  // another incarnation under the same id
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
  std::uint32_t heard = 0;  // fresh messages
  base::TimePoint first_heard{};
  base::TimePoint last_heard{};
  bool stays_out = false;   // says that it is refused or has left
  bool mismatched = false;  // no configuration in common
  bool reported = false;
  bool refusal_reported = false;
};

/// An earlier incarnation, and its newest message that was taken in.
struct Retired {
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
};

/// The incarnation of a host that our messages acknowledge.
struct Acknowledged {
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
  base::TimePoint last_heard;
};

/// Whether a host that says this takes no new flows.
[[nodiscard]] bool holds_nothing(const heartbeat::Message& said);

struct Peer {
  bool bound = false;
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
  base::TimePoint first_heard;  // this incarnation
  base::TimePoint last_heard;
  base::TimePoint ack_sent_at;  // when we sent the newest of our messages it acknowledges
  std::uint32_t acked_sequence = 0;
  std::uint32_t evidence_generation = 0;  // its committed generation when last believed on others
  bool silent = true;
  bool left = false;        // said LEAVE
  bool mismatched = false;  // no configuration in common
  bool refusal_reported = false;
  bool edge = false;                   // we hear it and it acknowledges us
  heartbeat::Message said;             // the newest message
  base::HostSet hears;                 // hosts whose present start it says to have heard lately
  std::vector<bucket::Bitmap> claims;  // the newest claims that came as bitmaps ...
  std::uint64_t claims_digest = 0;
  bool claims_known = false;    // ... whether they are still what it claims
  bool claims_nothing = false;  // ... and whether they name no bucket
  bucket::Bitmap residual;
  std::uint64_t residual_digest = 0;
  bool residual_known = false;
  Candidate candidate;
  std::array<Retired, 4> retired{};  // may come back (after a namesake), but recordings may not
  std::size_t retired_count = 0;

  /// Taking part with a configuration that we have too.
  [[nodiscard]] bool heard() const { return bound && !silent && !left && !mismatched; }
  /// Its own word for it that it takes no new flows.
  [[nodiscard]] bool holds_nothing() const { return left || convergence::holds_nothing(said); }
  /// Whether its candidate was heard with this message and cannot take part with us.
  [[nodiscard]] bool candidate_differs(const heartbeat::Message& heard) const {
    return candidate.mismatched && candidate.nonce == heard.nonce &&
           candidate.sequence == heard.sequence;
  }
  /// The bound one; or the candidate, once the bound one has certainly stopped taking new flows
  /// (`lease_passes` after its last word, or by its own word).
  [[nodiscard]] Acknowledged acknowledged(base::TimePoint now, base::Duration lease_passes) const;
};

enum class Hearing : std::uint8_t {
  ignored,    // old, repeated, or another incarnation
  news,       // taken in
  rebound,    // taken in, and the id belongs to a new incarnation now
  duplicate,  // two living hosts use this id: reported once per candidate
};

class PeerTable {
 public:
  /// The shapes of the configurations under which this host can take part.
  PeerTable(const Timing& timing, std::vector<Shape> shapes);

  /// Other configurations from now on: judges again who has one in common with us.
  void set_shapes(std::vector<Shape> shapes, base::TimePoint now);

  /// Takes in a message of another host.
  Hearing hear(base::TimePoint now, const heartbeat::Message& message, const SendLog& sent);
  /// Finds the hosts that fell silent since the last time; they lose their edges.
  base::HostSet judge(base::TimePoint now, base::Duration silence);
  /// Our own timer was late: nothing heard before `now` counts against anyone.
  void restart_timers(base::TimePoint now) { floor_ = now; }
  /// Forgets everything, as at a start.
  void clear();

  [[nodiscard]] const Peer& at(base::HostId host) const { return peers_[host.value]; }
  [[nodiscard]] Peer& at(base::HostId host) { return peers_[host.value]; }
  /// Every host that has an incarnation on record.
  [[nodiscard]] base::HostSet bound() const { return bound_; }
  /// Our row: hosts with a good edge.
  [[nodiscard]] base::HostSet alive() const;
  /// Hosts heard that take part with a configuration that we have too.
  [[nodiscard]] base::HostSet heard() const;
  /// When any host was heard last; those that said LEAVE do not count.
  [[nodiscard]] base::TimePoint last_heard() const;

 private:
  bool admit_candidate(base::TimePoint now, const heartbeat::Message& message, Peer& peer,
                       const SendLog& sent);
  void bind(base::TimePoint now, Peer& peer, const heartbeat::Message& message,
            const SendLog& sent);
  void take(base::TimePoint now, const heartbeat::Message& message, const SendLog& sent);
  [[nodiscard]] bool is_understood(const heartbeat::Message& message) const;
  [[nodiscard]] base::HostSet hears(const heartbeat::Message& message, const SendLog& sent) const;
  [[nodiscard]] bool edge_holds(const Peer& peer, base::TimePoint now,
                                base::Duration silence) const;

  Timing timing_;
  std::vector<Shape> shapes_;
  base::TimePoint floor_ = base::TimePoint::distant_past();
  base::HostSet bound_;
  std::vector<Peer> peers_;  // by host id
};

}  // namespace covey::convergence
