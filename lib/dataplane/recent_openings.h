// SPDX-License-Identifier: BSD-3-Clause
// RecentOpenings: copies of the SYNs that the local stack got last, until it has had time to
// answer.
//
// Owner: dataplane. Thread: the worker that has it. A bucket may go to another host between a SYN
// and its answer. The answer may not leave then, and nobody else would give one: so the SYN goes
// after its bucket.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "packet/flow_key.h"
#include "packet/parse.h"

namespace covey::dataplane {

class RecentOpenings {
 public:
  static constexpr std::size_t kSlots = 256;
  /// Two VLAN tags, IPv6 and all TCP options. One that brings data as well is longer, and not kept.
  static constexpr std::size_t kRoom = 128;

  /// A bare SYN; the oldest makes room.
  void keep(std::span<const std::uint8_t> frame, const packet::FrameView& view) noexcept {
    if (frame.size() > kRoom) return;
    Opening& opening = openings_[next_];
    next_ = (next_ + 1) % kSlots;
    opening.key = view.key;
    opening.answered_by = view.tcp_sequence + 1;
    opening.length = static_cast<std::uint8_t>(frame.size());
    std::ranges::copy(frame, opening.bytes.begin());
  }
  /// The frame that a SYN-ACK or RST with this number answers, which is then forgotten; empty if it
  /// is not here. `key` as the client sees it. What it points to is good until the next keep().
  [[nodiscard]] std::span<std::uint8_t> take(const packet::FlowKey& key,
                                             std::uint32_t acknowledgement) noexcept {
    for (Opening& it : openings_) {
      if (it.length == 0 || it.answered_by != acknowledgement || it.key != key) continue;
      return std::span(it.bytes).first(std::exchange(it.length, std::uint8_t{0}));
    }
    return {};
  }

 private:
  struct Opening {
    packet::FlowKey key;
    std::uint32_t answered_by = 0;
    std::uint8_t length = 0;  // 0: none
    std::array<std::uint8_t, kRoom> bytes;
  };

  std::array<Opening, kSlots> openings_;
  std::size_t next_ = 0;
};

}  // namespace covey::dataplane
