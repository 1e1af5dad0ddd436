// SPDX-License-Identifier: BSD-3-Clause
// ParkedOpenings: the buffers of frames that begin a flow in a bucket which this host is about to
// get, sent on by the host that gave it away.
//
// Owner: dataplane. Thread: the worker that has it. They wait until the table says something else
// about their bucket, but no longer than kParkingLife: by then the client asks again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include <rte_mbuf.h>

#include "base/time.h"
#include "bucket/bucket_table.h"
#include "forwarding/decide.h"

namespace covey::dataplane {

class ParkedOpenings {
 public:
  static constexpr base::Duration kParkingLife = std::chrono::milliseconds(500);
  static constexpr std::uint16_t kSlots = 256;

  ParkedOpenings() = default;
  ParkedOpenings(const ParkedOpenings&) = delete;
  ParkedOpenings& operator=(const ParkedOpenings&) = delete;
  ~ParkedOpenings() {
    take_if([](const Parked&) { return true; }, [](rte_mbuf* frame) { rte_pktmbuf_free(frame); });
  }

  /// True if the frame was taken; `decision` is the one about it.
  [[nodiscard]] bool park(rte_mbuf* frame, const forwarding::Decision& decision,
                          base::TimePoint now) noexcept {
    if (count_ == kSlots) return false;
    parked_[count_++] = {frame, decision.map_class, decision.bucket, now};
    return true;
  }
  /// Gives back frames whose bucket is awaited no more, the oldest first, as many as there is room
  /// for; returns how many.
  [[nodiscard]] std::uint16_t take_ready(std::span<rte_mbuf*> room,
                                         const bucket::BucketTable& table) noexcept {
    std::uint16_t taken = 0;
    take_if([&](const Parked& it) { return taken < room.size() && !is_awaited(it, table); },
            [&](rte_mbuf* frame) { room[taken++] = frame; });
    return taken;
  }
  /// Calls drop(rte_mbuf*) for each frame that waited in vain.
  template <typename Drop>
  void expire(base::TimePoint now, Drop&& drop) noexcept {
    take_if([now](const Parked& it) { return now - it.since >= kParkingLife; }, drop);
  }

 private:
  struct Parked {
    rte_mbuf* frame = nullptr;
    base::ClassIndex map_class;
    base::BucketIndex bucket;
    base::TimePoint since;
  };

  /// A table of another configuration may have fewer classes or buckets.
  [[nodiscard]] static bool is_awaited(const Parked& it,
                                       const bucket::BucketTable& table) noexcept {
    if (it.map_class.value >= table.classes.size()) return false;
    const auto& states = table.classes[it.map_class.value].states;
    return it.bucket.value < states.size() &&
           states[it.bucket.value] == bucket::BucketState::awaited;
  }
  /// Order is kept.
  template <typename Condition, typename Take>
  void take_if(Condition&& condition, Take&& take) noexcept {
    std::uint16_t kept = 0;
    for (std::uint16_t i = 0; i < count_; ++i) {
      if (condition(parked_[i])) {
        take(parked_[i].frame);
      } else {
        parked_[kept++] = parked_[i];
      }
    }
    count_ = kept;
  }

  std::array<Parked, kSlots> parked_;
  std::uint16_t count_ = 0;
};

}  // namespace covey::dataplane
