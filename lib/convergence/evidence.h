// SPDX-License-Identifier: BSD-3-Clause
// Evidence: until when a host outside the view may still be serving, by the newest message of it
// that any member has heard.
//
// Owner: convergence. Thread: the caller's, one at a time.
// A host serves only within a lease that runs from the sending of its newest acknowledged message.
// Every report of that message (mine, or "I heard sequence s of it a ms ago" from a peer) is a time
// not earlier than that sending, so the least report of the newest sequence bounds the lease. It is
// kept per incarnation: a new start of a host says nothing about the last hours of the old one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace covey::convergence {

/// The low bits of a nonce, as acknowledgements carry them.
[[nodiscard]] constexpr std::uint16_t nonce_low(std::uint64_t nonce) {
  return static_cast<std::uint16_t>(nonce & 0xffffU);
}

class Evidence {
 public:
  /// Message `sequence` of the incarnation had been heard by some host not before `at`.
  void heard(base::HostId host, std::uint16_t incarnation, std::uint32_t sequence,
             base::TimePoint at, base::TimePoint now);
  [[nodiscard]] bool knows(base::HostId host, std::uint16_t incarnation) const;
  /// Keeps a record from being forgotten while peers still mention the incarnation.
  void still_reported(base::HostId host, std::uint16_t incarnation, base::TimePoint now);
  /// The incarnation itself says with this message that it takes no new flows (or takes that back).
  /// That holds until a newer message of it has been heard by anybody.
  void set_harmless(base::HostId host, std::uint16_t incarnation, std::uint32_t sequence,
                    bool harmless);

  /// When the last host outside has certainly stopped: the newest evidence plus `wait`. Members
  /// and `self` are not outside; an earlier incarnation of a member is.
  [[nodiscard]] base::TimePoint outside_until(
      base::HostId self, base::HostSet members,
      const std::array<std::uint64_t, base::kMaxHosts + 1>& nonces, base::Duration wait) const;

  /// Forgets what was neither heard nor reported for `age`.
  void forget(base::TimePoint now, base::Duration age);

 private:
  struct Record {
    std::uint32_t sequence = 0;
    base::TimePoint at;
    base::TimePoint reported;
    std::uint32_t harmless_sequence = 0;  // of the message that said so; 0: none
  };
  static constexpr std::size_t kMaxRecords = 1024;  // authenticated peers only: never reached

  std::map<std::pair<base::HostId, std::uint16_t>, Record> records_;
};

}  // namespace covey::convergence
