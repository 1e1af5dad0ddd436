// SPDX-License-Identifier: BSD-3-Clause
// Ahead: the frames that come next, whose headers are fetched while those of now are looked at.
//
// Owner: forwarding, internal. Thread: any. Memory answers some questions at a time, and whoever
// asks more waits for the first answers. So each pass over a burst asks for a quarter of the next
// one, some in each of its steps. Internal linkage, as in segment_reader.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace covey::forwarding::lanes {

/// As a span has them.
struct Bytes {
  const std::uint8_t* at = nullptr;
  std::uint64_t size = 0;
};

struct Ahead {
  const Bytes* frames = nullptr;
  std::size_t count = 0;      // at most kMostFrames
  bool second_lines = false;  // of IPv6 a segment has its header in two cache lines
};

/// The passes, in their order.
enum class Pass : unsigned char { reading, looking_up, hashing, parting };

/// In the step of a pass that is about frames `i` to `i` + width - 1.
template <std::size_t width>
static inline void fetch(const Ahead& ahead, Pass pass, std::size_t i) {
  constexpr std::size_t passes = 4;
  constexpr std::size_t quarter = 16;
  constexpr std::size_t line = 64;
  for (std::size_t k = i; k < i + width; k += passes) {
    const std::size_t at = static_cast<std::size_t>(pass) * quarter + k / passes;
    if (at >= ahead.count) return;
    __builtin_prefetch(ahead.frames[at].at);
    if (ahead.second_lines) __builtin_prefetch(ahead.frames[at].at + line);
  }
}

}  // namespace covey::forwarding::lanes
