// SPDX-License-Identifier: BSD-3-Clause
// Multicast groups as addresses: which MAC address carries a group, which group carries the
// questions about an address.
//
// Owner: packet. Thread: any; pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/address.h"

namespace covey::packet {

/// The MAC address that frames to a group have: 01:00:5e and 23 bits of an IPv4 group (RFC 1112),
/// 33:33 and 32 bits of an IPv6 group (RFC 2464).
[[nodiscard]] inline base::MacAddress group_mac(const base::IpAddress& group) noexcept {
  const auto& b = group.bytes;
  if (group.family == base::Family::ipv6) return {{0x33, 0x33, b[12], b[13], b[14], b[15]}};
  constexpr std::uint8_t kMapped = 0x7f;
  return {{0x01, 0x00, 0x5e, static_cast<std::uint8_t>(b[1] & kMapped), b[2], b[3]}};
}

/// Of the 32 IPv4 groups that a MAC address carries the one in 239.128.0.0/9, which belongs to the
/// organisation (RFC 2365): 01:00:5e:7f:y:z gives 239.255.y.z.
[[nodiscard]] inline base::IpAddress administrative_group(const base::MacAddress& mac) noexcept {
  constexpr std::uint8_t kAdministrative = 239;
  constexpr std::uint8_t kUpperHalf = 0x80;
  const auto& b = mac.bytes;
  const std::uint8_t bytes[] = {kAdministrative, static_cast<std::uint8_t>(kUpperHalf | b[3]), b[4],
                                b[5]};
  return base::IpAddress::from_ipv4(bytes);
}

/// ff02::1:ffXX:XXXX, where the X are the last three bytes of the address (RFC 4291): to this group
/// a neighbour sends who wants to know its MAC address.
[[nodiscard]] inline base::IpAddress solicited_node_group(const base::IpAddress& address) noexcept {
  base::IpAddress group;
  group.family = base::Family::ipv6;
  group.bytes = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::copy_n(address.bytes.begin() + 13, 3, group.bytes.begin() + 13);
  return group;
}

}  // namespace covey::packet
