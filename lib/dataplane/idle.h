// SPDX-License-Identifier: BSD-3-Clause
// IdlePolicy: how long a worker that finds nothing to do may sleep before it looks again.
//
// Owner: dataplane. Thread: one worker; pure, time is given in nanoseconds.
// A busy worker never sleeps; an idle one leaves its CPU to others: with several daemons on two
// CPUs pure polling costs all of them more than half of their throughput. One that frames can wake
// polls on for kBriefPatience, because traffic comes in trains, and then sleeps until there are
// some: what it would find by looking a little longer is not worth what others could do meanwhile.
// One that frames cannot wake polls on for kPatience, then sleeps, each time twice as long, up to
// kLongest, after a lull of kLull for kDeepest.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/settings.h"

namespace covey::dataplane {

class IdlePolicy {
 public:
  static constexpr std::int64_t kBriefPatience = 10'000;
  static constexpr std::int64_t kUntilWoken = 4'000'000;  // housekeeping makes up for as much
  static constexpr std::int64_t kPatience = 50'000;
  static constexpr std::int64_t kShortest = 10'000;
  static constexpr std::int64_t kLongest = 250'000;
  static constexpr std::int64_t kLull = 20'000'000;
  static constexpr std::int64_t kDeepest = 500'000;

  struct Pause {
    std::int64_t ns = 0;  // to sleep; 0: go on at once
    bool until_woken = false;
    friend bool operator==(const Pause&, const Pause&) = default;
  };

  /// `can_be_woken`: by frames, from either side.
  IdlePolicy(Idle mode, bool can_be_woken) : mode_(mode), can_be_woken_(can_be_woken) {}

  /// What to do after a look at `now_ns` that found work or not.
  [[nodiscard]] Pause after_look(bool found_work, std::int64_t now_ns) {
    if (mode_ == Idle::poll) return {};
    if (found_work || last_work_ns_ == 0) {
      last_work_ns_ = now_ns;
      pause_ = 0;
      return {};
    }
    const std::int64_t quiet_ns = now_ns - last_work_ns_;
    if (quiet_ns < (can_be_woken_ ? kBriefPatience : kPatience)) return {};
    if (can_be_woken_) return {kUntilWoken, true};
    pause_ = std::clamp(pause_ * 2, kShortest, quiet_ns < kLull ? kLongest : kDeepest);
    return {pause_, false};
  }

 private:
  Idle mode_;
  bool can_be_woken_;
  std::int64_t last_work_ns_ = 0;
  std::int64_t pause_ = 0;
};

}  // namespace covey::dataplane
