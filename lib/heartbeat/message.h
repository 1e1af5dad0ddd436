// SPDX-License-Identifier: BSD-3-Clause
// Message: what one host says in a heartbeat, as values. The bytes are codec.h's business.
//
// Owner: heartbeat. Thread: the control thread; plain values.
// A host speaks only about itself and about what it has heard. Everything another host needs to
// reach the same map is here: who I hear (with acknowledgements of their nonce and sequence), my
// view and generation, my weights, and, while a hand-over is going on, the buckets I accept new
// flows for (claims) and those where I still serve old connections (residual).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/setting.h"
#include "bucket/bitmap.h"

namespace covey::heartbeat {

enum class Phase : std::uint8_t {
  listen = 1,    // just started: hears first, claims nothing
  propose = 2,   // proposes a view under a generation; claims frozen
  prepared = 3,  // knows the map of that view; claims frozen
  stable = 4,    // committed; releases and acquires
  evicted = 5,   // not in the clique of hosts that hear each other
  minority = 6,  // too few hosts under partition policy majority
  refused = 7,   // duplicate id or different configuration
  leave = 8,     // gone as of now; its claims count for nothing
};

/// Between the proposal of a generation and its commit.
[[nodiscard]] constexpr bool is_agreeing(Phase phase) {
  return phase == Phase::propose || phase == Phase::prepared;
}

struct Acknowledgement {
  base::HostId host;
  std::uint16_t nonce_low = 0;  // low bits of the nonce heard
  std::uint32_t sequence = 0;   // newest sequence number heard from it
  std::uint16_t age_ms = 0;     // since a fresh frame of it was heard; 65535: longer
  friend bool operator==(const Acknowledgement&, const Acknowledgement&) = default;
};

inline constexpr std::uint16_t kWithdrawn = 0xffff;   // as a priority
inline constexpr std::uint16_t kLastResort = 0xff00;  // likewise, with what is in reserve added
inline constexpr std::uint16_t kMaxReserve = kWithdrawn - kLastResort - 1;

/// This host's part in one map class.
struct ClassStatement {
  std::uint16_t weight = 0;    // spread over buckets by weight; 0: takes none
  std::uint16_t priority = 0;  // one-bucket classes: rank, lower wins
  /// It takes no new flows of the class, whoever else does or does not. Then the weight is 0, so
  /// that a host of an earlier version, for which this is the lowest of all ranks, gives the
  /// buckets to the same hosts as long as anybody takes them.
  [[nodiscard]] bool is_withdrawn() const { return priority == kWithdrawn; }
  /// It takes its part only where nobody else takes any. Then the weight is 0, likewise, and the
  /// priority says what it would take: its weight where buckets are spread, its rank in an
  /// election, where everybody else goes before it.
  [[nodiscard]] bool is_last_resort() const {
    return priority >= kLastResort && priority < kWithdrawn;
  }
  [[nodiscard]] std::uint16_t reserve() const {
    return is_last_resort() ? static_cast<std::uint16_t>(priority - kLastResort) : std::uint16_t{0};
  }
  friend bool operator==(const ClassStatement&, const ClassStatement&) = default;
};

inline constexpr std::uint16_t kNotCarried = 0xffff;

/// This host's part in one map class of the configuration it has staged.
struct StagedClass {
  std::uint16_t weight = 0;
  std::uint16_t priority = 0;
  std::uint16_t from = kNotCarried;  // its present class that is the same one; kNotCarried: none
  friend bool operator==(const StagedClass&, const StagedClass&) = default;
};
/// How often another host has vanished lately, by the sender's count.
struct FlapCount {
  base::HostId host;
  std::uint8_t count = 0;
  friend bool operator==(const FlapCount&, const FlapCount&) = default;
};

/// Some of the settings that all hosts must share, for a host whose digest of them differs.
struct SettingsExcerpt {
  std::uint16_t first = 0;  // position of the first one here ...
  std::uint16_t total = 0;  // ... of so many
  base::Settings settings;
  friend bool operator==(const SettingsExcerpt&, const SettingsExcerpt&) = default;
};

/// A cluster key that the sender holds. The mark tells two keys of one number apart and gives
/// nothing of the key away.
struct HeldKey {
  std::uint8_t id = 0;
  std::uint32_t mark = 0;
  friend bool operator==(const HeldKey&, const HeldKey&) = default;
};
inline constexpr std::size_t kMaxKeys = 2;  // an old and a new one

struct Message {
  std::uint64_t cluster_id = 0;
  base::HostId host;
  std::string host_name;       // at most kMaxHostName bytes, for people
  std::uint64_t nonce = 0;     // random per start of the daemon: an incarnation
  std::uint32_t sequence = 0;  // rises by one per message within an incarnation
  std::uint32_t generation = 0;
  Phase phase = Phase::listen;
  bool draining = false;    // takes no new flows
  bool no_gateway = false;  // why: its gateway does not answer
  bool switching =
      false;          // committed to the staged configuration; its workers still follow the old
  bool died = false;  // phase leave, said for a process that ended without a farewell
  std::uint8_t health = 0;  // 0: well; larger: this host doubts its own timing
  std::uint8_t flaps = 0;   // how often the members say this host has vanished lately

  base::HostSet view;             // proposed or current view
  std::uint64_t view_digest = 0;  // members, nonces, weights, drain, configuration, claims
  base::HostSet committed_view;
  std::uint32_t committed_generation = 0;
  std::uint64_t map_digest = 0;  // of the map for this generation; 0 before it is computed

  std::uint64_t config_digest = 0;  // what must be equal on all hosts: classes and claims are of it
  std::uint64_t staged_digest = 0;  // a configuration waiting to become effective; 0: none

  base::HostSet alive;  // hosts with a good edge both ways, my row of the graph
  std::vector<Acknowledgement> acknowledgements;  // ascending host id, every host heard lately

  std::vector<ClassStatement> classes;  // by map class
  std::uint64_t claims_digest = 0;      // of `claims`, always present
  std::uint64_t residual_digest = 0;
  std::vector<bucket::Bitmap> claims;  // by map class; empty: unchanged, see the digest
  bucket::Bitmap residual;             // all classes joined; size 0: unchanged, see the digest

  std::vector<FlapCount> flap_counts;       // ascending host id, only those above 0
  SettingsExcerpt excerpt;                  // only while somebody's configuration differs
  std::vector<StagedClass> staged_classes;  // by map class of the staged configuration
  std::vector<HeldKey> keys;  // older first, at most kMaxKeys; empty: an earlier version

  friend bool operator==(const Message&, const Message&) = default;
};

inline constexpr std::size_t kMaxHostName = 64;

}  // namespace covey::heartbeat
