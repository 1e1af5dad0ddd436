// SPDX-License-Identifier: BSD-3-Clause
// QUIC: the destination connection ID of a datagram, which alone stays the same when a client
// changes its address (RFC 8999).
//
// Owner: packet. Thread: any; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace covey::packet {

struct QuicConnectionId {
  std::span<const std::uint8_t> bytes;  // into the datagram; at most 255
  /// A long header tells where it ends; after a short one it may be any first part of `bytes`.
  bool is_whole = false;
};

/// `datagram`: what a UDP datagram carries, or the beginning of it. Nothing if it is too short; any
/// other datagram has a connection ID, if only by chance.
[[nodiscard]] std::optional<QuicConnectionId> read_quic_connection_id(
    std::span<const std::uint8_t> datagram) noexcept;

}  // namespace covey::packet
