// SPDX-License-Identifier: BSD-3-Clause
// ParkedFragments: the buffers of fragments that wait for the first one of their datagram.
//
// Owner: dataplane. Thread: the worker that has it. Which of them wait, for how long, and which may
// go on is decided by forwarding::Fragments; here is what it has no notion of, the frames.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include <rte_mbuf.h>

#include "forwarding/fragments.h"

namespace covey::dataplane {

class ParkedFragments {
 public:
  explicit ParkedFragments(std::uint64_t seed) : fragments_(seed) {}
  ParkedFragments(const ParkedFragments&) = delete;
  ParkedFragments& operator=(const ParkedFragments&) = delete;
  ~ParkedFragments() { rte_pktmbuf_free_bulk(frames_.data(), unsigned{kSlots}); }

  [[nodiscard]] const forwarding::Fragments& known() const noexcept { return fragments_; }

  /// See forwarding::Fragments::learn().
  bool learn(const packet::FrameView& view, const forwarding::Decision& decision,
             base::TimePoint now) noexcept {
    return fragments_.learn(view, decision, now);
  }
  /// True if the frame was taken.
  [[nodiscard]] bool park(rte_mbuf* frame, const packet::FrameView& view,
                          base::TimePoint now) noexcept {
    const auto slot = fragments_.park(view, now);
    if (slot) frames_[*slot] = frame;
    return slot.has_value();
  }
  /// Gives back frames that may go on, as many as there is room for; returns how many.
  [[nodiscard]] std::uint16_t take_ready(std::span<rte_mbuf*> room) noexcept {
    std::uint16_t count = 0;
    while (count < room.size()) {
      const auto slot = fragments_.take_ready();
      if (!slot) break;
      room[count++] = take(*slot);
    }
    return count;
  }
  /// Calls drop(rte_mbuf*) for each frame that waited in vain.
  template <typename Drop>
  void expire(base::TimePoint now, Drop&& drop) noexcept {
    for (const forwarding::Fragments::Slot slot : fragments_.expire(now))
      drop(take(slot));
  }

 private:
  static constexpr std::uint16_t kSlots = forwarding::Fragments::kParkingSlots;

  [[nodiscard]] rte_mbuf* take(forwarding::Fragments::Slot slot) noexcept {
    return std::exchange(frames_[slot], nullptr);
  }

  forwarding::Fragments fragments_;
  std::array<rte_mbuf*, kSlots> frames_{};
};

}  // namespace covey::dataplane
