// SPDX-License-Identifier: BSD-3-Clause
// Promises: watches a segment from outside and writes down each broken promise of the protocol.
//
// Owner: sim. Thread: the segment's. It sees true time, every message and what all workers accept,
// which no host can. docs/testing.md lists the promises by their numbers. A host's own invariants
// are asserted by the node itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "convergence/cluster_map.h"
#include "heartbeat/message.h"
#include "sim/links.h"
#include "sim/machine.h"

namespace covey::sim {

/// Two hosts that have heard each other for that long own no bucket both. By their own clocks,
/// which may be slow.
[[nodiscard]] base::Duration patience(const convergence::Timing& timing);

class Promises {
 public:
  /// S4 (one map per generation and view), S7 (generations never fall, claims are frozen).
  void message_sent(base::TimePoint now, const heartbeat::Message& message);
  /// S5 (the map follows from the statements), S6 (fair shares, fewest moves).
  void committed(base::TimePoint now, const Machine& machine);
  /// S1 and S2: no bucket with two owners, unless these two did not hear each other lately, or one
  /// has just booted and joined those whom the other did not hear; with a majority of all hosts no
  /// exception. No owner without its gateway where that is the policy.
  /// Returns when to look again even if nothing changes.
  base::TimePoint check_owners(base::TimePoint now, const std::vector<Machine*>& machines,
                               const Links& links);
  void complain(base::TimePoint now, const std::string& what);

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::uint64_t moved_buckets() const { return moved_; }

 private:
  struct Said {                   // the newest of one incarnation
    std::uint32_t committed = 0;  // the generation its newest agreement began from
    std::uint32_t generation = 0;
    std::uint64_t config = 0;  // whose classes the claims have
    bool agreeing = false;
    std::vector<bucket::Bitmap> claims;  // frozen ones
  };
  struct Stated {  // by one host in one generation
    std::uint64_t nonce = 0;
    bool ambiguous = false;
    convergence::Part part;
  };

  void remember_part(const heartbeat::Message& message);
  void check_map(base::TimePoint now, const Machine& machine, const convergence::Convergence& done);
  void check_shares(base::TimePoint now, const std::vector<base::HostId>& owners,
                    const std::vector<convergence::MemberStatement>& members, std::size_t c);
  [[nodiscard]] bool is_mixed() const;
  base::TimePoint check_pair(base::TimePoint now, const Machine& a, const Machine& b,
                             const Links& links);

  std::map<std::uint64_t, Said> said_;                                       // by nonce
  std::map<std::pair<std::uint32_t, base::HostId>, Stated> parts_;           // by generation
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> maps_;    // S4
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> judged_;  // moved once
  std::vector<std::vector<std::uint64_t>> taken_;                            // scratch
  base::TimePoint second_machine_at_ = base::TimePoint::distant_past();      // one with a taken id
  std::vector<std::string> violations_;
  std::uint64_t moved_ = 0;
};

}  // namespace covey::sim
