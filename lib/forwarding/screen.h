// SPDX-License-Identifier: BSD-3-Clause
// Screen: the first look at a burst, which settles the frames that are nobody's business here, and
// places the others.
//
// Owner: forwarding. Thread: the worker that owns the flow cache. Pure, like decide(). In a cluster
// of N hosts all but one of N frames are for buckets of others, and what they cost each host sets
// how large the cluster can be. So those that are plain (no tags, options, fragments or tunnels)
// are read no further than placing them takes, and placed in passes over the burst, whose hashes
// are computed side by side. A frame that is settled has what decide() would have given it; the
// others get theirs from decide(), sooner where the place is known.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bucket/siphash_batch.h"
#include "forwarding/decide.h"
#include "forwarding/placement.h"

namespace covey::forwarding {

class Screen {
 public:
  static constexpr std::size_t kMostFrames = bucket::HashInputs::kCapacity;

  /// Of at most kMostFrames frames. Bit i of the result: decisions[i] holds what is to be done with
  /// frames[i], which is drop_not_owner. Other decisions are left as they are.
  [[nodiscard]] std::uint64_t settle(std::span<const std::span<std::uint8_t>> frames,
                                     const Surroundings& around,
                                     std::span<Decision> decisions) noexcept;
  /// What forwarding::decide() says of frames[i] of the last burst.
  [[nodiscard]] Decision decide(std::size_t i, std::span<const std::uint8_t> frame,
                                const packet::FrameView& view, flow::Sought sought,
                                const Surroundings& around) const noexcept {
    const bool is_placed = (placed_ >> i & 1U) != 0;
    return is_placed ? decide_placed(frame, view, places_[i], sought, around)
                     : forwarding::decide(frame, view, around);
  }

 private:
  /// A frame whose rule is known.
  struct Candidate {
    std::uint8_t frame = 0;  // its position
    bool is_tcp = false;
    RuleIndex rule = kDefaultRule;
    base::ClassIndex map_class;
  };

  [[nodiscard]] std::uint64_t settle_foreign(const Surroundings& around,
                                             std::span<Decision> decisions) noexcept;

  std::array<Candidate, kMostFrames> candidates_;
  std::array<Placement, kMostFrames> places_;  // by position in the burst
  std::uint64_t placed_ = 0;                   // bit i: places_[i] is that of frames[i], of TCP
  bucket::HashInputs inputs_;
  bucket::HashOutputs outputs_;
};

}  // namespace covey::forwarding
