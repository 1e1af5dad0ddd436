// SPDX-License-Identifier: BSD-3-Clause
// Screen: the first look at a burst, which settles the frames that are nobody's business here, and
// places the others.
//
// Owner: forwarding. Thread: the worker that owns the flow cache. Pure, like decide(). In a cluster
// of N hosts all but one of N frames are for buckets of others, and what they cost each host sets
// how large the cluster can be. So those that are plain (no tags, options, fragments or tunnels)
// are read no further than placing them takes, several at once where the processor can, and placed
// in passes over the burst, whose hashes are computed side by side. What decide() would have said
// of a frame that is settled is only written down if somebody asks. Of the others it reads, looks
// up and decides the segments that it has placed, in passes as well; what is left goes to decide().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bucket/siphash_batch.h"
#include "forwarding/decide.h"
#include "forwarding/placing_lanes.h"
#include "forwarding/segment_lanes.h"

namespace covey::forwarding {

class Screen {
 public:
  static constexpr std::size_t kMostFrames = bucket::HashInputs::kCapacity;
  /// What is done side by side, see segment_lanes.h and placing_lanes.h; null: one by one.
  struct Variant {
    const char* name;
    decltype(&lanes::read_segments_avx2) read;
    decltype(&lanes::look_up_ipv4_avx512) look_up_ipv4;
    decltype(&lanes::look_up_ipv6_avx512) look_up_ipv6;
    decltype(&lanes::parts_avx512) parts;
  };
  /// Those this processor can run, the fastest first.
  [[nodiscard]] static std::span<const Variant> variants() noexcept;

  explicit Screen(const Variant& variant = variants().front()) noexcept : variant_(variant) {}

  /// Frames of a burst, by position: bit i for frames[i].
  using Positions = std::uint64_t;
  [[nodiscard]] static constexpr Positions first(std::size_t count) {
    return count == 0 ? 0 : ~Positions{0} >> (kMostFrames - count);
  }
  using Frames = std::span<const std::span<std::uint8_t>>;
  /// Of at most kMostFrames frames those that are drop_not_owner. `ahead`: as many that may come
  /// next, whose headers are fetched from memory meanwhile.
  [[nodiscard]] Positions settle(Frames frames, const Surroundings& around,
                                 Frames ahead = {}) noexcept;
  /// By which rule frames[i] of the last burst was settled.
  [[nodiscard]] const CompiledRule& rule_of(std::size_t i) const noexcept {
    return rules_[positions_[i]];
  }
  /// What forwarding::decide() says of frames[i], which was settled.
  [[nodiscard]] Decision settled(std::size_t i, const Snapshot& snapshot) const noexcept;

  /// Frames with room for what is found out about each.
  struct Burst {
    Frames frames;
    std::span<packet::FrameView> views;
    std::span<Decision> decisions;
  };
  /// Reads of the last burst those that are `open`, and says of those among them that it has placed
  /// what forwarding::decide() says; returns which. The others the caller may have to decide one
  /// after the other: fragments learn from each other.
  [[nodiscard]] Positions decide(Positions open, const Burst& burst,
                                 const Surroundings& around) noexcept;

 private:
  /// Those whose rule is known.
  struct Candidates {
    Positions all = 0;
    Positions tcp = 0;
    bucket::HashInputs::Lengths lengths = 0;  // of inputs_
  };

  void look_ahead(Frames ahead) noexcept;
  [[nodiscard]] lanes::Found read_segments(Frames frames, const Policy& policy) noexcept;
  void look_up(const lanes::Found& segments, const Policy& policy, Candidates& candidates) noexcept;
  [[nodiscard]] Positions look_up_ipv4(Positions segments, const Policy& policy,
                                       bucket::HashInputs::Lengths& lengths) noexcept;
  [[nodiscard]] Positions look_up_ipv6(Positions segments, const Policy& policy,
                                       bucket::HashInputs::Lengths& lengths) noexcept;
  void look_up_one(std::size_t i, std::span<const std::uint8_t> frame, const Policy& policy,
                   Candidates& candidates) noexcept;
  [[nodiscard]] lanes::Places lane_places() noexcept;
  [[nodiscard]] lanes::Parts parts_of(const Candidates& candidates,
                                      const Surroundings& around) noexcept;
  [[nodiscard]] Positions settle_foreign(const Candidates& candidates,
                                         const Surroundings& around) noexcept;
  void read(Positions open, const Burst& burst, const flow::FlowCache& flows) noexcept;

  Variant variant_;
  lanes::Ahead ahead_;
  lanes::Segments segments_;
  const CompiledRule* rules_ = nullptr;  // of the policy
  // By position.
  alignas(64) std::array<std::uint64_t, kMostFrames> positions_{};  // in rules_, of candidates
  alignas(32) std::array<std::uint32_t, kMostFrames> briefs_{};     // of these, for lanes alone
  bucket::HashInputs inputs_;
  bucket::HashOutputs outputs_;
  std::array<base::BucketIndex, kMostFrames> buckets_;  // of those in placed_
  Positions placed_ = 0;                                // of TCP
  std::array<std::uint32_t, kMostFrames> hashes_;       // of flows that are looked up
  std::array<flow::Sought, kMostFrames> sought_;
};
static_assert(Screen::kMostFrames == lanes::kMostFrames);

}  // namespace covey::forwarding
