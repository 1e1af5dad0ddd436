// SPDX-License-Identifier: BSD-3-Clause
// Screen: the first look at a burst, which settles the frames that are nobody's business here.
//
// Owner: forwarding. Thread: the worker that owns the flow cache. Pure, like decide(). In a cluster
// of N hosts all but one of N frames are for buckets of others, and what they cost each host sets
// how large the cluster can be. So those that are plain (no tags, options, fragments or tunnels)
// are read no further than placing them takes, and placed in passes over the burst, whose hashes
// are computed side by side. A frame that is settled has what decide() would have given it; of any
// other nothing is said.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bucket/siphash_batch.h"
#include "forwarding/decide.h"

namespace covey::forwarding {

class Screen {
 public:
  static constexpr std::size_t kMostFrames = bucket::HashInputs::kCapacity;

  /// Of at most kMostFrames frames. Bit i of the result: decisions[i] holds what is to be done with
  /// frames[i], which is drop_not_owner. Other decisions are left as they are.
  [[nodiscard]] std::uint64_t settle(std::span<const std::span<std::uint8_t>> frames,
                                     const Surroundings& around,
                                     std::span<Decision> decisions) noexcept;

 private:
  /// A frame whose rule is known.
  struct Candidate {
    std::uint16_t frame = 0;  // its position
    RuleIndex rule = kDefaultRule;
    base::ClassIndex map_class;
  };

  [[nodiscard]] std::uint64_t settle_foreign(const Surroundings& around,
                                             std::span<Decision> decisions) const noexcept;

  std::array<Candidate, kMostFrames> candidates_;
  bucket::HashInputs inputs_;
  bucket::HashOutputs outputs_;
};

}  // namespace covey::forwarding
