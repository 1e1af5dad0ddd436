// SPDX-License-Identifier: BSD-3-Clause
// IdlePolicy: how long a worker that finds nothing to do may sleep before it looks again.
//
// Owner: dataplane. Thread: one worker; pure, time is given in nanoseconds.
// A worker first polls on for kPatience, because traffic comes in trains; then it sleeps, each time
// twice as long, up to kLongest and after a lull of kLull up to kDeepest, until there is work
// again. So a busy worker never sleeps, and an idle one leaves its CPU to others: with several
// daemons on two CPUs pure polling costs all of them more than half of their throughput. The sleeps
// are what an idle host costs (some 2 % of a CPU) and what a first frame waits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/settings.h"

namespace covey::dataplane {

class IdlePolicy {
 public:
  static constexpr std::int64_t kPatience = 50'000;
  static constexpr std::int64_t kShortest = 10'000;
  static constexpr std::int64_t kLongest = 250'000;
  static constexpr std::int64_t kLull = 20'000'000;
  static constexpr std::int64_t kDeepest = 500'000;

  explicit IdlePolicy(Idle mode) : mode_(mode) {}

  /// What to do after a look at `now_ns` that found work or not: nanoseconds to sleep, 0 to go on
  /// at once.
  [[nodiscard]] std::int64_t after_look(bool found_work, std::int64_t now_ns) {
    if (mode_ == Idle::poll) return 0;
    if (found_work || last_work_ns_ == 0) {
      last_work_ns_ = now_ns;
      pause_ = 0;
      return 0;
    }
    const std::int64_t quiet_ns = now_ns - last_work_ns_;
    if (quiet_ns < kPatience) return 0;
    pause_ = std::clamp(pause_ * 2, kShortest, quiet_ns < kLull ? kLongest : kDeepest);
    return pause_;
  }

 private:
  Idle mode_;
  std::int64_t last_work_ns_ = 0;
  std::int64_t pause_ = 0;
};

}  // namespace covey::dataplane
