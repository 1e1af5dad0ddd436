// SPDX-License-Identifier: BSD-3-Clause
// FlapLog: how often a host has vanished lately, and how long it must then stay out.
//
// Owner: convergence. Thread: the caller's, one at a time.
// Members count when another member falls silent, dies (by the farewell said for it) or comes back
// as another incarnation without a farewell, and tell it in their messages; leaving on purpose does
// not count. The host itself keeps to the hold-down: it alone decides when it asks to be let in, so
// that the members need not agree on the time. Counts halve every five minutes; two times are
// forgiven.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "base/ids.h"
#include "base/time.h"

namespace covey::convergence {

inline constexpr base::Duration kFlapHalfLife = std::chrono::minutes(5);
inline constexpr base::Duration kLongestHoldDown = std::chrono::minutes(10);
inline constexpr unsigned kForgivenFlaps = 2;

/// `first` for the third flap, twice that for each further one.
[[nodiscard]] constexpr base::Duration hold_down(base::Duration first, unsigned flaps) {
  if (first <= base::Duration::zero() || flaps <= kForgivenFlaps) return {};
  base::Duration span = first;
  for (unsigned i = kForgivenFlaps + 1; i < flaps && span < kLongestHoldDown; ++i)
    span *= 2;
  return std::min(span, kLongestHoldDown);
}

class FlapLog {
 public:
  void note(base::HostId host, base::TimePoint now) {
    const unsigned before = count(host, now);
    records_[host.value] = {.count = std::min(before + 1, kMost), .at = now};
  }
  [[nodiscard]] unsigned count(base::HostId host, base::TimePoint now) const {
    const Record& record = records_[host.value];
    const auto halvings = (now - record.at) / kFlapHalfLife;
    return halvings > 8
               ? 0
               : record.count >> static_cast<unsigned>(std::max<std::int64_t>(halvings, 0));
  }

 private:
  static constexpr unsigned kMost = 255;
  struct Record {
    unsigned count = 0;
    base::TimePoint at;
  };
  std::array<Record, base::kMaxHosts + 1> records_{};
};

}  // namespace covey::convergence
