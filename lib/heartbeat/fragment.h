// SPDX-License-Identifier: BSD-3-Clause
// Fragment: one sealed payload on the wire: fixed header, a piece of a message body, tag.
//
// Owner: heartbeat. Thread: any; pure functions. Source of the format: docs/wire-format.md.
// Cheap refusals (size, magic, version, cluster) come before the tag, everything else after it, so
// that a forged payload costs one hash at most and a header field is believed only once it is
// authentic. Bytes behind the length that the header tells are Ethernet padding and are ignored.
// Nothing is reassembled here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "heartbeat/codec.h"

namespace covey::heartbeat {

inline constexpr std::uint32_t kMagic = 0x43564842;  // "CVHB"
inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kMaxFragmentBody = kMaxPayload - kHeaderBytes - kTagBytes;

struct FragmentHeader {
  std::uint64_t cluster_id = 0;
  base::HostId host;
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
  std::uint8_t index = 0;  // of this fragment, from 0
  std::uint8_t count = 1;  // fragments of the message
  friend bool operator==(const FragmentHeader&, const FragmentHeader&) = default;
};

struct OpenedFragment {
  OpenStatus status =
      OpenStatus::malformed;  // complete: the tag is right and the header makes sense
  std::uint8_t key_id = 0;    // of the key that sealed it
  FragmentHeader header;
  std::span<const std::uint8_t> body;  // into the payload that was opened
};

/// `body` has 1..kMaxFragmentBody bytes (asserted).
[[nodiscard]] std::vector<std::uint8_t> seal_fragment(const SealKey& key,
                                                      const FragmentHeader& header,
                                                      std::span<const std::uint8_t> body);
/// What a frame says of itself, its seal unchecked; nothing if it is no heartbeat of this cluster
/// and version.
[[nodiscard]] std::optional<FragmentHeader> peek(std::uint64_t cluster_id,
                                                 std::span<const std::uint8_t> payload);
[[nodiscard]] OpenedFragment open_fragment(std::span<const SealKey> keys, std::uint64_t cluster_id,
                                           std::span<const std::uint8_t> payload);

}  // namespace covey::heartbeat
