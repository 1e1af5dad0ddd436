// SPDX-License-Identifier: BSD-3-Clause
// Builds the Ethernet frame around a heartbeat payload.
//
// Owner: packet. Thread: any; pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "packet/headers.h"

namespace covey::packet {

/// Bytes of the frame, without its check sequence; Ethernet has no shorter ones than kMinimumFrame.
[[nodiscard]] constexpr std::size_t heartbeat_frame_length(std::size_t payload) noexcept {
  return std::max(kMinimumFrame, kEthernetHeader + payload);
}

/// Broadcast, of the heartbeat EtherType. `out` has heartbeat_frame_length() bytes (asserted).
void build_heartbeat_frame(std::span<const std::uint8_t> payload, const base::MacAddress& source,
                           std::span<std::uint8_t> out) noexcept;

}  // namespace covey::packet
