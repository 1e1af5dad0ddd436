// SPDX-License-Identifier: BSD-3-Clause
// Stage: what a worker does to the bursts of a scene between taking them from the port and handing
// them on: screen, parse, look up, decide; and what of it takes time by itself.
//
// Owner: test/bench. Thread: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bucket/siphash_batch.h"
#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "forwarding/screen.h"
#include "scenes.h"

namespace covey::bench {

class Stage {
 public:
  explicit Stage(const Scene& scene);

  /// Decides the next burst.
  void decide_burst();
  /// All frames once; returns how many got another verdict than expected.
  [[nodiscard]] std::size_t rehearse();
  /// Only reads a word of each line of each frame of the next burst: what memory alone costs. Their
  /// sum, so that it must be done.
  std::uint64_t touch_burst();
  /// Of a scene that is tracked: reads a word of each frame, the line of the index where its flow
  /// is found, and the flow.
  std::uint64_t touch_flows();
  /// Of a scene of foreign IPv4: a plain pass that decides by Covey's hash. Checks that it is a
  /// plain TCP segment, hashes it, and looks at one bit of its bucket; knows one rule and no
  /// virtual IP. Returns how many are foreign.
  std::size_t place_burst();
  /// Asks, for each frame of the next burst, for some line of that memory, at the cheapest moment
  /// and without waiting for it, and decides the burst: what any table of flows costs besides, even
  /// one that knows where each lies. The memory: a power of two of lines.
  void decide_beside(const Memory& memory);

 private:
  using Frames = std::array<std::span<std::uint8_t>, kBurst>;
  struct Turn {
    std::size_t first;  // of the frames, in the pool
    const Frames& frames;
    const Frames& ahead;
  };
  Turn next_turn();
  /// With the headers of those ahead on their way.
  Turn fetched_turn();
  [[nodiscard]] std::size_t count_unexpected() const;
  void hold_all();

  const Scene scene_;
  const forwarding::Snapshot now_;
  const Pool pool_;
  flow::FlowCache flows_;
  std::size_t next_ = 0;  // frame
  forwarding::Screen screen_;
  std::array<Frames, 2> bursts_;  // of which one is the next
  std::array<packet::FrameView, kBurst> views_;
  std::vector<std::uint32_t> hashes_;                   // of flows, by frame, if tracked
  std::array<flow::Sought, kBurst> sought_;             // by touch_flows()
  std::array<forwarding::Decision, kBurst> decisions_;  // not of what is settled at first sight
  std::uint64_t settled_ = 0;                           // of the last burst, at first sight
  bucket::HashInputs inputs_;                           // of place_burst()
  bucket::HashOutputs outputs_;                         // likewise
  std::uint64_t random_ = 1;                            // of decide_beside()
};

}  // namespace covey::bench
