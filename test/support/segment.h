// SPDX-License-Identifier: BSD-3-Clause
// The simulated segment of lib/sim, as the convergence tests use it, and their configuration.
//
// Owner: test support. Thread: the test's.
#pragma once

#include <chrono>
#include <cstdint>

#include "sim/cluster.h"
#include "sim/segment.h"
#include "sim/transcript.h"

namespace covey::test {

using sim::Segment;
using sim::SegmentOptions;
using sim::Transcript;

/// T = 100 ms, K = 3, a default-host class, a spread class and a single-host class.
[[nodiscard]] inline convergence::NodeConfig test_config(std::uint8_t host, std::uint64_t nonce) {
  const sim::Cluster cluster{
      .timing = {.interval = std::chrono::milliseconds(100), .tolerance = 3}};
  return sim::node_config(cluster, base::HostId{host}, nonce);
}

}  // namespace covey::test
