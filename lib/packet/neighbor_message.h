// SPDX-License-Identifier: BSD-3-Clause
// Writes an IPv6 packet with one neighbour discovery message: what an answer and a question have in
// common.
//
// Owner: packet, inner header. Thread: any; pure. The Ethernet header is the caller's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "packet/headers.h"

namespace covey::packet {

struct NeighborMessage {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  std::array<std::uint8_t, 16> target{};
  std::uint8_t option = 0;  // of the link-layer address
  base::MacAddress mac;
};

inline constexpr std::size_t kNeighborPacket = kIpv6Header + kNeighborOptions + kLinkLayerOption;

/// `ip` has room for kNeighborPacket bytes, which are zero.
void put_neighbor_message(const NeighborMessage& message, std::uint8_t* ip) noexcept;

}  // namespace covey::packet
