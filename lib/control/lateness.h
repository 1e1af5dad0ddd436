// SPDX-License-Identifier: BSD-3-Clause
// Lateness: how much later than wanted the control thread's timer ran.
//
// Owner: control. Thread: the control thread. "Lately" is the last one to two minutes. The core
// discounts a lateness of its own (docs/convergence.md); this is for the operator, who can give the
// thread a processor.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "api/messages.h"
#include "base/time.h"

namespace covey::control {

class Lateness {
 public:
  void note(base::TimePoint due, base::TimePoint now) {
    const base::Duration late = std::max(now - due, base::Duration::zero());
    ++timers_;
    for (std::size_t i = 0; i < kLimits.size(); ++i)
      beyond_[i] += late > kLimits[i].limit ? 1 : 0;
    worst_ = std::max(worst_, late);
    if (now - page_began_ >= kPage) {
      worst_before_ = worst_since(now);
      worst_of_page_ = {};
      page_began_ = now;
    }
    worst_of_page_ = std::max(worst_of_page_, late);
  }
  [[nodiscard]] api::ControlStats stats(base::TimePoint now) const {
    api::ControlStats stats;
    stats.timers = timers_;
    for (std::size_t i = 0; i < kLimits.size(); ++i)
      stats.late.emplace_back(kLimits[i].name, beyond_[i]);
    stats.worst_us = to_us(worst_);
    stats.worst_lately_us = to_us(std::max(
        worst_since(now), now - page_began_ < kPage ? worst_before_ : base::Duration::zero()));
    return stats;
  }

 private:
  struct Limit {
    const char* name;
    base::Duration limit;
  };
  static constexpr std::array<Limit, 3> kLimits{{{"1ms", std::chrono::milliseconds(1)},
                                                 {"10ms", std::chrono::milliseconds(10)},
                                                 {"100ms", std::chrono::milliseconds(100)}}};
  static constexpr base::Duration kPage = std::chrono::minutes(1);

  static std::int64_t to_us(base::Duration span) {
    return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  }
  /// Of the page, unless it is long over.
  [[nodiscard]] base::Duration worst_since(base::TimePoint now) const {
    return now - page_began_ < 2 * kPage ? worst_of_page_ : base::Duration::zero();
  }

  std::uint64_t timers_ = 0;
  std::array<std::uint64_t, kLimits.size()> beyond_{};
  base::Duration worst_{};
  base::Duration worst_before_{};  // of the page before
  base::Duration worst_of_page_{};
  base::TimePoint page_began_ = base::TimePoint::distant_past();
};

}  // namespace covey::control
