// SPDX-License-Identifier: BSD-3-Clause
#include "control/wall_clock.h"

#include <spdlog/fmt/fmt.h>

#include <ctime>

namespace covey::control {

std::string rfc3339(std::chrono::system_clock::time_point instant) {
  const auto since_epoch =
      std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (since_epoch - seconds).count());
}

void WallClock::observe(base::TimePoint now, std::chrono::system_clock::time_point wall_now) {
  const std::chrono::nanoseconds distance =
      std::chrono::nanoseconds(wall_now.time_since_epoch()) - std::chrono::nanoseconds(now.ns);
  if (observed_ && std::chrono::abs(distance - wall_at_zero_) <= kTolerance) return;
  observed_ = true;
  wall_at_zero_ = distance;
}

std::string WallClock::text(base::TimePoint instant) const {
  const std::chrono::nanoseconds wall = wall_at_zero_ + std::chrono::nanoseconds(instant.ns);
  return rfc3339(std::chrono::system_clock::time_point(
      observed_ ? std::chrono::duration_cast<std::chrono::system_clock::duration>(wall)
                : std::chrono::system_clock::duration{}));
}

}  // namespace covey::control
