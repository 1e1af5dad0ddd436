// SPDX-License-Identifier: BSD-3-Clause
// GatewayLink: asks the segment whether the gateway is there, and keeps when it last answered.
//
// Owner: dataplane. Threads: ask() and last_answer() the control thread, take_question() the first
// worker, note_answer() any worker. A question that was not sent yet is not asked twice.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace covey::dataplane {

class GatewayLink {
 public:
  void ask() noexcept { wanted_.store(true, std::memory_order_relaxed); }
  /// True once per question.
  [[nodiscard]] bool take_question() noexcept {
    return wanted_.load(std::memory_order_relaxed) &&
           wanted_.exchange(false, std::memory_order_relaxed);
  }
  void note_answer(base::TimePoint now) noexcept {
    answered_ns_.store(now.ns, std::memory_order_relaxed);
  }
  /// TimePoint::distant_past() before the first answer.
  [[nodiscard]] base::TimePoint last_answer() const noexcept {
    return {answered_ns_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<bool> wanted_{false};
  std::atomic<std::int64_t> answered_ns_{base::TimePoint::distant_past().ns};
};

}  // namespace covey::dataplane
