// SPDX-License-Identifier: BSD-3-Clause
// The frames that a reader of captures is tested with: good ones, and all sorts of spoilt ones.
//
// Owner: test/golden. Thread: one. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <vector>

#include "heartbeat/keys.h"

namespace covey::golden {

struct Frame {
  std::vector<std::uint8_t> payload;
  bool is_padded = true;  // to the shortest frame of Ethernet
};
using Frames = std::vector<Frame>;

/// Two clusters on one segment that share their keys and differ in name.
struct Clusters {
  heartbeat::DerivedKeys web;
  heartbeat::DerivedKeys mail;
};

/// Key 0, from which the lasting secrets follow, and key 7.
[[nodiscard]] heartbeat::KeyRing two_keys();
[[nodiscard]] Clusters clusters_of(const heartbeat::KeyRing& ring);

[[nodiscard]] Frames all_frames(std::uint64_t seed, const Clusters& clusters);

}  // namespace covey::golden
