// SPDX-License-Identifier: BSD-3-Clause
// Sizes and offsets of the headers we read and write, and the walk along IPv6 extension headers.
//
// Owner: packet. Thread: any; pure. Numbers are bytes from the start of the header they belong to.
// Headers are read with base/endian.h at these offsets after a bounds check; no struct is ever cast
// onto a frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/parse.h"

namespace covey::packet {

inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kEtherTypeOffset = 12;
inline constexpr std::size_t kVlanTag = 4;
inline constexpr std::size_t kMinimumFrame =
    60;  // what Ethernet pads to, check sequence not counted

inline constexpr std::size_t kIpv4Header = 20;             // without options
inline constexpr std::uint8_t kIpv4WithoutOptions = 0x45;  // its first byte: version, length
inline constexpr std::size_t kIpv6Header = 40;
inline constexpr std::size_t kFragmentUnit = 8;   // of the offset of a fragment
inline constexpr std::size_t kIpv6Addresses = 8;  // source, then destination
inline constexpr std::size_t kTcpHeader = 20;     // without options
inline constexpr std::size_t kUdpHeader = 8;
inline constexpr std::size_t kIcmpHeader = 8;  // all messages in use have at least these

inline constexpr std::size_t kArpPacket = 28;  // Ethernet and IPv4
inline constexpr std::size_t kArpOperation = 6;
inline constexpr std::size_t kArpSenderMac = 8;
inline constexpr std::size_t kArpSenderIp = 14;
inline constexpr std::size_t kArpTargetMac = 18;
inline constexpr std::size_t kArpTargetIp = 24;
inline constexpr std::uint16_t kArpRequest = 1;
inline constexpr std::uint16_t kArpReply = 2;

inline constexpr std::uint8_t kIcmpEchoReply = 0;
inline constexpr std::uint8_t kIcmpUnreachable = 3;
inline constexpr std::uint8_t kIcmpSourceQuench = 4;
inline constexpr std::uint8_t kIcmpRedirect = 5;
inline constexpr std::uint8_t kIcmpEchoRequest = 8;
inline constexpr std::uint8_t kIcmpTimeExceeded = 11;
inline constexpr std::uint8_t kIcmpParameterProblem = 12;

inline constexpr std::uint8_t kIcmpv6Unreachable = 1;  // 1..4 are the errors
inline constexpr std::uint8_t kIcmpv6ParameterProblem = 4;
inline constexpr std::uint8_t kIcmpv6EchoRequest = 128;
inline constexpr std::uint8_t kIcmpv6EchoReply = 129;
inline constexpr std::uint8_t kIcmpv6ListenerQuery = 130;  // who listens to a multicast group
inline constexpr std::uint8_t kIcmpv6ListenerReport = 131;
inline constexpr std::uint8_t kIcmpv6ListenerDone = 132;
inline constexpr std::uint8_t kIcmpv6RouterSolicitation = 133;
inline constexpr std::uint8_t kIcmpv6RouterAdvertisement = 134;
inline constexpr std::uint8_t kIcmpv6NeighborSolicitation = 135;
inline constexpr std::uint8_t kIcmpv6NeighborAdvertisement = 136;
inline constexpr std::uint8_t kIcmpv6Redirect = 137;
inline constexpr std::uint8_t kIcmpv6ListenerReport2 = 143;

// Solicitation and advertisement have one shape: 8 bytes of header, the target, then options.
inline constexpr std::size_t kNeighborFlags = 4;  // of an advertisement
inline constexpr std::size_t kNeighborTarget = 8;
inline constexpr std::size_t kNeighborOptions = 24;
inline constexpr std::size_t kLinkLayerOption = 8;  // type, length in units of 8 bytes, MAC address
inline constexpr std::uint8_t kSourceLinkLayerOption = 1;
inline constexpr std::uint8_t kTargetLinkLayerOption = 2;

/// Where the bytes of the IP packet end in the frame; what follows is Ethernet padding. `view` must
/// be ok.
[[nodiscard]] std::size_t packet_end(std::span<const std::uint8_t> frame,
                                     const FrameView& view) noexcept;

/// Offset in the frame of a link-layer address option (its type byte) of a neighbour discovery
/// message, 0 if there is none. An option of length zero ends the search, as RFC 4861 makes such a
/// message void.
[[nodiscard]] std::size_t find_link_layer_option(std::span<const std::uint8_t> frame,
                                                 const FrameView& view,
                                                 std::uint8_t option_type) noexcept;

struct ExtensionWalk {
  ParseStatus status = ParseStatus::ok;
  std::uint8_t protocol = 0;  // of what follows the headers walked
  bool is_fragment = false;
  bool is_later_fragment = false;
  std::uint32_t fragment_id = 0;
  std::size_t fragment_offset = 0;  // bytes
  std::size_t length = 0;           // bytes walked
};

/// The protocol of an IPv6 frame is the number of another extension header, as a later fragment may
/// have it.
[[nodiscard]] bool is_extension_header(const FrameView& view) noexcept;

/// Walks the extension headers at the start of `payload`, the first of which has the number
/// `protocol`. Stops at a later fragment: what follows its header is the middle of something.
[[nodiscard]] ExtensionWalk walk_extensions(std::span<const std::uint8_t> payload,
                                            std::uint8_t protocol) noexcept;

}  // namespace covey::packet
