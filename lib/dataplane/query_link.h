// SPDX-License-Identifier: BSD-3-Clause
// QueryLink: tells the worker that speaks for the host of queries about multicast groups that any
// worker has heard.
//
// Owner: dataplane. Threads: note() any worker, take() the first one. Of queries that were not
// taken yet the oldest version and the shortest time remain: whoever answers that answers all of
// them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "packet/group_message.h"

namespace covey::dataplane {

class QueryLink {
 public:
  void note(const packet::GroupQuery& query) noexcept {
    std::atomic<std::uint64_t>& word = words_[query.family == base::Family::ipv4 ? 0 : 1];
    std::uint64_t waiting = word.load(std::memory_order_relaxed);
    const auto both = [&] {
      if (waiting == kNothing) return packed(query.version, time_of(query));
      return packed(std::min<std::uint64_t>(query.version, waiting >> kTimeBits),
                    std::min(time_of(query), waiting & kTimeMask));
    };
    while (!word.compare_exchange_weak(waiting, both(), std::memory_order_relaxed)) {
    }
  }
  /// Calls `answer` with what was noted since the last call, at most once for each family.
  template <typename Answer>
  void take(Answer&& answer) noexcept {
    for (const base::Family family : {base::Family::ipv4, base::Family::ipv6}) {
      std::atomic<std::uint64_t>& word = words_[family == base::Family::ipv4 ? 0 : 1];
      if (word.load(std::memory_order_relaxed) == kNothing) continue;
      const std::uint64_t noted = word.exchange(kNothing, std::memory_order_relaxed);
      answer(packet::GroupQuery{family,
                                static_cast<std::uint8_t>(noted >> kTimeBits),
                                std::chrono::milliseconds(noted & kTimeMask),
                                {}});
    }
  }

 private:
  static constexpr std::uint64_t kNothing = 0;  // no version is 0
  static constexpr unsigned kTimeBits = 32;     // milliseconds; the longest is above two hours
  static constexpr std::uint64_t kTimeMask = 0xffff'ffff;

  static std::uint64_t packed(std::uint64_t version, std::uint64_t time) noexcept {
    return version << kTimeBits | time;
  }
  static std::uint64_t time_of(const packet::GroupQuery& query) noexcept {
    return static_cast<std::uint64_t>(base::to_ms(query.response_time));
  }

  std::array<std::atomic<std::uint64_t>, 2> words_{};
};

}  // namespace covey::dataplane
