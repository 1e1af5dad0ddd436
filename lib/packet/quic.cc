// SPDX-License-Identifier: BSD-3-Clause
#include "packet/quic.h"

#include <algorithm>

namespace covey::packet {

std::optional<QuicConnectionId> read_quic_connection_id(
    std::span<const std::uint8_t> datagram) noexcept {
  constexpr std::uint8_t kLongHeader = 0x80;
  constexpr std::size_t kLength = 5;  // behind the first byte and the version
  constexpr std::size_t kLongest = 255;
  if (datagram.size() < 2) return std::nullopt;
  if ((datagram[0] & kLongHeader) == 0) {
    return QuicConnectionId{datagram.subspan(1, std::min(datagram.size() - 1, kLongest)), false};
  }
  if (datagram.size() <= kLength) return std::nullopt;
  const std::size_t length = datagram[kLength];
  if (datagram.size() < kLength + 1 + length) return std::nullopt;
  return QuicConnectionId{datagram.subspan(kLength + 1, length), true};
}

}  // namespace covey::packet
