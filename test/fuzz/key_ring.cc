// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: any bytes as a key file.
//
// Owner: test/fuzz. Thread: one. What is read must be read again as itself from its own text, and
// keep to the limits; what is refused must say why, and the same bytes are refused as a new key.
#include <cstddef>
#include <cstdint>
#include <string>

#include "heartbeat/key_ring.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  heartbeat::ClusterKey key{};
  key.fill(1);
  const auto mine = heartbeat::ring_of(key);
  require(mine.has_value());
  const auto ring = heartbeat::ring_from_text(text);
  const auto grown = heartbeat::with_key(*mine, text);
  if (!ring) {
    require(!ring.error().context.empty() && !grown);
    return 0;
  }
  require(!ring->keys.empty() && ring->keys.size() <= heartbeat::kMaxKeys);
  const std::string again = heartbeat::ring_to_text(*ring);
  require(again.size() <= heartbeat::kMaxKeyFile);
  require(heartbeat::ring_from_text(again) && *heartbeat::ring_from_text(again) == *ring);
  if (grown) require(grown->keys.size() == 2 && grown->lasting == mine->lasting);
  return 0;
}
