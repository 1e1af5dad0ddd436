// SPDX-License-Identifier: BSD-3-Clause
// Tag: the last 16 bytes of every sealed frame, keyed BLAKE2b-128 over all that stands before it.
//
// Owner: heartbeat. Thread: any; pure functions. The crypto library must have been initialised,
// which whoever derived the key has done. Comparison takes the same time for any two tags.
#pragma once

#include <cstdint>
#include <span>

#include "base/byte_reader.h"
#include "heartbeat/key_ring.h"

namespace covey::heartbeat {

inline constexpr std::size_t kTagBytes = 16;

/// Appends the tag over all that was written.
void append_tag(base::ByteWriter& out, const ClusterKey& key);
/// `tag` has kTagBytes (asserted).
[[nodiscard]] bool tag_is_right(const ClusterKey& key, std::span<const std::uint8_t> sealed,
                                std::span<const std::uint8_t> tag);

}  // namespace covey::heartbeat
