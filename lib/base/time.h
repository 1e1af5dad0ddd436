// SPDX-License-Identifier: BSD-3-Clause
// TimePoint and Duration: time as data, without a way to read a clock.
//
// Owner: base. Thread: any; plain values.
// A TimePoint counts nanoseconds since an arbitrary origin of the shell that made it (the monotonic
// clock in the daemon, virtual time in the simulator). There is deliberately no now(): a pure
// library cannot ask for the time, it is told. Wall-clock time appears only in text for people,
// made by the shells.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace covey::base {

using Duration = std::chrono::nanoseconds;

struct TimePoint {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(const TimePoint&, const TimePoint&) = default;
  friend constexpr TimePoint operator+(TimePoint t, Duration d) { return {t.ns + d.count()}; }
  friend constexpr TimePoint operator-(TimePoint t, Duration d) { return {t.ns - d.count()}; }
  friend constexpr Duration operator-(TimePoint a, TimePoint b) { return Duration(a.ns - b.ns); }

  /// Later than every instant a shell can produce; "never" for deadlines.
  [[nodiscard]] static constexpr TimePoint never() { return {INT64_MAX / 2}; }
  /// Earlier than every instant a shell can produce; "not yet" for observations.
  [[nodiscard]] static constexpr TimePoint distant_past() { return {INT64_MIN / 2}; }
};

[[nodiscard]] constexpr std::int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace covey::base
