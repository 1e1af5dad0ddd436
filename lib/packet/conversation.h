// SPDX-License-Identifier: BSD-3-Clause
// What in SCTP, IKE and L2TP plays the part of a TCP segment's flags and numbers, so that their
// conversations can be followed by the very rules for TCP connections.
//
// Owner: packet. Thread: any; pure. `l4` holds the bytes from the layer-4 header on. Sources: RFC
// 9260 (SCTP), RFC 7296 (IKEv2), RFC 2408 (IKEv1), RFC 3948 (ESP in UDP), RFC 2661 (L2TP).
#pragma once

#include <cstdint>
#include <span>

#include "packet/parse.h"

namespace covey::packet {

//   part of TCP       SCTP                   IKE                                  L2TP
//   SYN               INIT                   first message (responder SPI is 0)   SCCRQ
//   SYN-ACK           INIT-ACK               answer to it (IKEv2)                 SCCRP
//   its number + 1    the tag it gives       responder SPI                        0
//   acknowledgement   verification tag       responder SPI                        0
//   FIN               SHUTDOWN, its answers  -                                    -
//   RST               ABORT                  -                                    -
//
// ESP, AH and GRE, in UDP or not, have no parts: all zero.

/// A UDP port of a protocol whose messages belong to a tunnel.
[[nodiscard]] constexpr bool is_tunnel_port(std::uint16_t port) {
  return port == kPortIke || port == kPortIkeNat || port == kPortL2tp;
}

/// By the key of a conversation. A tunnel over UDP has no port of the client in its key; and nobody
/// answers port 0.
[[nodiscard]] constexpr bool is_udp_conversation(const FlowKey& key) {
  return key.protocol == kProtocolUdp && key.source_port != 0;
}

/// Ports and parts of an SCTP packet.
[[nodiscard, gnu::cold]] ParseStatus read_sctp(std::span<const std::uint8_t> l4,
                                               FrameView& view) noexcept;

/// Parts of a UDP datagram to or from a tunnel port, whose ports are in `view` already. What cannot
/// be read has none.
[[gnu::cold]] void read_tunnel_message(std::span<const std::uint8_t> l4, FrameView& view) noexcept;

}  // namespace covey::packet
