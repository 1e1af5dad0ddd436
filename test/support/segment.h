// SPDX-License-Identifier: BSD-3-Clause
// The simulated segment of lib/sim, as the convergence tests use it, and their configuration.
//
// Owner: test support. Thread: the test's.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>

#include "sim/cluster.h"
#include "sim/segment.h"
#include "sim/transcript.h"

namespace covey::test {

using sim::kSpread;
using sim::Segment;
using sim::SegmentOptions;
using sim::Transcript;

inline constexpr base::HostId kOne{1};
inline constexpr base::HostId kTwo{2};
inline constexpr base::HostId kThree{3};
inline constexpr base::HostId kFour{4};
inline constexpr base::HostId kFive{5};

/// Cuts (or mends) all links between the two groups, both ways.
inline void split(Segment& segment, std::initializer_list<base::HostId> left,
                  std::initializer_list<base::HostId> right, bool cut = true) {
  for (const base::HostId a : left) {
    for (const base::HostId b : right) {
      segment.cut(a, b, cut);
      segment.cut(b, a, cut);
    }
  }
}

inline const sim::Cluster kCluster{
    .timing = {.interval = std::chrono::milliseconds(100), .tolerance = 3}};

/// T = 100 ms, K = 3, a default-host class, a spread class and a single-host class.
[[nodiscard]] inline convergence::NodeConfig test_config(std::uint8_t host, std::uint64_t nonce) {
  return sim::node_config(kCluster, base::HostId{host}, nonce);
}

}  // namespace covey::test
