// SPDX-License-Identifier: BSD-3-Clause
// Gathering: the frames of one burst for the local stack, those that continue one another put
// together.
//
// Owner: localstack. Thread: the worker of the queue. The stack then does once what it would do for
// each: on bulk TCP most of its work. Within a burst only, so nothing waits. Frames of one
// conversation keep their order; of what is put together all checksums were right.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "packet/parse.h"
#include "packet/segment.h"

struct rte_mbuf;

namespace covey::localstack {

class Gathering {
 public:
  static constexpr std::size_t kMost = 64;  // frames; a worker's burst

  struct Run {
    packet::SegmentRun segments;  // where is_plain
    bool is_plain = false;        // is_mergeable()
    bool is_verified = false;     // is_plain, and all checksums are known to be right
    std::uint8_t first = 0;       // position in the burst
    std::uint8_t last = 0;
  };

  /// At most kMost frames, with what was read of each. Both are lent until the runs are done with.
  void take(std::span<rte_mbuf* const> frames,
            std::span<const packet::FrameView* const> views) noexcept;
  /// Likewise, with nothing put together.
  void take_each(std::span<rte_mbuf* const> frames) noexcept;

  [[nodiscard]] std::span<Run> runs() { return std::span(runs_).first(count_); }
  /// Calls visit(position) for each frame of a run, in order.
  template <typename Visit>
  void each(const Run& run, Visit&& visit) const {
    for (std::uint8_t at = run.first;; at = next_[at]) {
      visit(at);
      if (at == run.last) return;
    }
  }
  /// Position of the frame that follows `position` in its run, which does not end there.
  [[nodiscard]] std::uint8_t after(std::uint8_t position) const { return next_[position]; }

 private:
  static constexpr std::size_t kSlots = 64;  // a power of two
  static constexpr std::uint8_t kNone = 0xff;

  void take(std::uint8_t position, rte_mbuf* frame, const packet::FrameView& view) noexcept;
  bool append(std::uint8_t position, rte_mbuf* frame, const packet::FrameView& view,
              std::uint8_t run) noexcept;

  std::span<rte_mbuf* const> frames_;
  std::span<const packet::FrameView* const> views_;
  std::size_t count_ = 0;
  std::array<Run, kMost> runs_;
  std::array<std::uint8_t, kMost> next_;
  std::array<std::uint8_t, kSlots> latest_;  // the run to which a conversation's next frame may go
};

}  // namespace covey::localstack
