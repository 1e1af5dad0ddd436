// SPDX-License-Identifier: BSD-3-Clause
// ForgottenFlows: when to tell the operator that the flow cache is too small, or being flooded.
//
// Owner: control. Thread: the control thread; pure. The counters say how many; this says when a
// span of forgetting begins and how it goes on, once in kSpan at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace covey::control {

class ForgottenFlows {
 public:
  static constexpr base::Duration kSpan = std::chrono::minutes(1);

  /// Both since the start: flows that gave way to newer ones, and segments that found no room. What
  /// to say, if anything.
  [[nodiscard]] std::optional<std::string> note(std::uint64_t evicted, std::uint64_t untracked,
                                                base::TimePoint now) {
    const bool is_news = evicted != evicted_ || untracked != untracked_;
    if (!is_news || now < silent_until_) return std::nullopt;
    silent_until_ = now + kSpan;
    std::string text = std::to_string(evicted - evicted_) + " flows gave way to newer ones, " +
                       std::to_string(untracked - untracked_) + " segments found no room";
    evicted_ = evicted;
    untracked_ = untracked;
    return text;
  }

 private:
  std::uint64_t evicted_ = 0;
  std::uint64_t untracked_ = 0;
  base::TimePoint silent_until_ = base::TimePoint::distant_past();
};

}  // namespace covey::control
