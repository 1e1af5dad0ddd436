// SPDX-License-Identifier: BSD-3-Clause
// Plain TCP segments, most of what a host serves, read from fixed places.
//
// Owner: packet. Thread: any; pure. Plain: Ethernet without tags; IPv4 without options and not a
// fragment, or IPv6 without extension headers; TCP; and all lengths agree with the bytes present.
// The caller knows that, nothing is looked at again. The view gets what parse_into() writes, field
// by field where it lies, and the key is returned in registers, too, to be hashed there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/endian.h"
#include "packet/flow_key.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace covey::packet {

/// Of a plain segment: not IPv6.
[[nodiscard]] inline bool is_plain_ipv4(std::span<const std::uint8_t> frame) noexcept {
  return base::load_be16(frame.data() + kEtherTypeOffset) == kEtherTypeIpv4;
}

namespace detail {

/// All but addresses; returns the last word of the key. `length`: of what the IP header is followed
/// by.
[[nodiscard, gnu::always_inline]] inline std::uint64_t read_plain(
    const std::uint8_t* frame, bool is_ipv4, std::size_t length,
    FrameView& __restrict view) noexcept {
  const std::size_t l4_offset = kEthernetHeader + (is_ipv4 ? kIpv4Header : kIpv6Header);
  const std::uint8_t* l4 = frame + l4_offset;
  view.status = ParseStatus::ok;
  view.layer3 = is_ipv4 ? Layer3::ipv4 : Layer3::ipv6;
  view.has_vlan = false;
  view.is_fragment = false;
  view.is_later_fragment = false;
  view.has_ports = true;
  view.tcp_flags = l4[13];
  view.icmp_type = 0;
  view.icmp_code = 0;
  view.vlan_id = 0;
  view.ether_type = is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  view.l3_offset = kEthernetHeader;
  view.l4_offset = static_cast<std::uint16_t>(l4_offset);
  view.payload_length = static_cast<std::uint16_t>(length - (l4[12] >> 4U) * std::size_t{4});
  view.fragment_id = 0;
  view.tcp_sequence = base::load_be32(l4 + 4);
  view.tcp_acknowledgement = base::load_be32(l4 + 8);
  const base::Family family = is_ipv4 ? base::Family::ipv4 : base::Family::ipv6;
  const auto protocol_and_family = kProtocolTcp | static_cast<std::uint64_t>(family) << 8U;
  return protocol_and_family << 32U | std::rotl(base::load_be32(l4), 16);
}

inline void write_key(const KeyWords& words, FlowKey& __restrict key) noexcept {
  std::memcpy(key.source.data(), &words.source, 8);
  std::memcpy(key.source.data() + 8, &words.source_rest, 8);
  std::memcpy(key.destination.data(), &words.destination, 8);
  std::memcpy(key.destination.data() + 8, &words.destination_rest, 8);
  std::memcpy(&key.source_port, &words.ports, 8);
}

}  // namespace detail

[[nodiscard, gnu::always_inline]] inline Ipv4KeyWords read_plain_ipv4(
    std::span<const std::uint8_t> frame, FrameView& __restrict view) noexcept {
  const std::uint8_t* l3 = frame.data() + kEthernetHeader;
  const std::uint64_t ports =
      detail::read_plain(frame.data(), true, base::load_be16(l3 + 2) - kIpv4Header, view);
  const Ipv4KeyWords words{base::load_le32(l3 + 12), base::load_le32(l3 + 16), ports};
  detail::write_key({words.source, 0, words.destination, 0, ports}, view.key);
  return words;
}

[[nodiscard, gnu::always_inline]] inline KeyWords read_plain_ipv6(
    std::span<const std::uint8_t> frame, FrameView& __restrict view) noexcept {
  const std::uint8_t* l3 = frame.data() + kEthernetHeader;
  const std::uint8_t* addresses = l3 + kIpv6Addresses;
  const std::uint64_t ports =
      detail::read_plain(frame.data(), false, base::load_be16(l3 + 4), view);
  const KeyWords words{base::load_le64(addresses), base::load_le64(addresses + 8),
                       base::load_le64(addresses + 16), base::load_le64(addresses + 24), ports};
  detail::write_key(words, view.key);
  return words;
}

}  // namespace covey::packet
