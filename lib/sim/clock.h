// SPDX-License-Identifier: BSD-3-Clause
// Clock: one host's monotonic clock, which starts anywhere and runs a little fast or slow.
//
// Owner: sim. Thread: any; plain values. Nodes see local times only, the segment keeps true time.
// `never` and `distant past` stay what they are.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace covey::sim {

struct Clock {
  std::int64_t offset_ns = 0;          // at true time 0
  std::int64_t parts_per_million = 0;  // of rate error

  [[nodiscard]] base::TimePoint local(base::TimePoint truth) const {
    constexpr std::int64_t kMillion = 1'000'000;
    if (is_no_time(truth)) return truth;
    const std::int64_t error = truth.ns / kMillion * parts_per_million +
                               truth.ns % kMillion * parts_per_million / kMillion;
    return {truth.ns + error + offset_ns};
  }
  /// The first true time, to a few nanoseconds, at which the clock shows at least `shown`.
  [[nodiscard]] base::TimePoint truth(base::TimePoint shown) const {
    if (is_no_time(shown)) return shown;
    base::TimePoint guess{shown.ns - offset_ns};
    // Each round leaves at most a hundredth of the error; it stops at the first time not too early.
    for (int round = 0; round < kRounds; ++round) {
      const base::Duration missing = shown - local(guess);
      if (missing == base::Duration::zero()) break;
      guess = guess + missing;
    }
    while (local(guess) < shown)
      guess = guess + base::Duration(1);
    return guess;
  }

 private:
  static constexpr int kRounds = 12;
  [[nodiscard]] static bool is_no_time(base::TimePoint t) {
    return t >= base::TimePoint::never() || t <= base::TimePoint::distant_past();
  }
};

}  // namespace covey::sim
