// SPDX-License-Identifier: BSD-3-Clause
// SendLog: when this incarnation sent which of its messages, so that an acknowledgement becomes a
// time.
//
// Owner: convergence. Thread: the caller's, one at a time.
// Sequence numbers rise by one from 1. The newest kRemembered are known; an acknowledgement of an
// older one counts as none, which errs on the safe side (edge not good, lease not renewed).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace covey::convergence {

class SendLog {
 public:
  /// Far more messages than fit into a lease: triggered ones are rare outside a convergence.
  static constexpr std::uint32_t kRemembered = 4096;

  SendLog(base::HostId self, std::uint64_t nonce)
      : self_(self), nonce_(nonce), times_(kRemembered) {}

  [[nodiscard]] base::HostId self() const { return self_; }
  [[nodiscard]] std::uint64_t nonce() const { return nonce_; }

  /// Records the next message; returns its sequence number.
  std::uint32_t append(base::TimePoint now) {
    ++newest_;
    times_[newest_ % kRemembered] = now;
    return newest_;
  }
  [[nodiscard]] std::uint32_t newest() const { return newest_; }
  [[nodiscard]] std::optional<base::TimePoint> sent_at(std::uint32_t sequence) const {
    if (sequence == 0 || sequence > newest_ || newest_ - sequence >= kRemembered) return {};
    return times_[sequence % kRemembered];
  }

 private:
  base::HostId self_;
  std::uint64_t nonce_;
  std::vector<base::TimePoint> times_;
  std::uint32_t newest_ = 0;
};

}  // namespace covey::convergence
