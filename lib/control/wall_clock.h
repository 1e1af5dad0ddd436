// SPDX-License-Identifier: BSD-3-Clause
// WallClock: instants of the monotonic clock as text that people read (RFC 3339, UTC,
// milliseconds).
//
// Owner: control. Thread: the control thread.
// The distance between the two clocks is kept until it has moved by more than kTolerance, so that
// the same instant is the same text in every reply while the wall clock is merely slewed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace covey::control {

/// "2026-01-02T03:04:05.678Z"
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point instant);

class WallClock {
 public:
  static constexpr base::Duration kTolerance = std::chrono::milliseconds(250);

  /// `now` and `wall_now` are readings of the two clocks taken at the same time.
  void observe(base::TimePoint now, std::chrono::system_clock::time_point wall_now);
  /// Before the first observe(): the epoch.
  [[nodiscard]] std::string text(base::TimePoint instant) const;
  /// Nanoseconds since 1970.
  [[nodiscard]] std::int64_t ns(base::TimePoint instant) const {
    return observed_ ? wall_at_zero_.count() + instant.ns : 0;
  }

 private:
  bool observed_ = false;
  std::chrono::nanoseconds wall_at_zero_{};  // wall clock when the monotonic clock was at zero
};

}  // namespace covey::control
