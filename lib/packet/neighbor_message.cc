// SPDX-License-Identifier: BSD-3-Clause
#include "packet/neighbor_message.h"

#include <algorithm>

#include "base/endian.h"
#include "packet/checksum.h"

namespace covey::packet {

void put_neighbor_message(const NeighborMessage& message, std::uint8_t* ip) noexcept {
  constexpr std::uint8_t kVersion6 = 0x60;
  constexpr std::uint8_t kHopLimit = 255;
  constexpr std::size_t kLength = kNeighborPacket - kIpv6Header;
  ip[0] = kVersion6;
  base::store_be16(ip + 4, kLength);
  ip[6] = kProtocolIcmpv6;
  ip[7] = kHopLimit;
  std::ranges::copy(message.source, ip + kIpv6Addresses);
  std::ranges::copy(message.destination, ip + kIpv6Addresses + 16);
  std::uint8_t* icmp = ip + kIpv6Header;
  icmp[0] = message.type;
  icmp[4] = message.flags;
  std::ranges::copy(message.target, icmp + kNeighborTarget);
  icmp[kNeighborOptions] = message.option;
  icmp[kNeighborOptions + 1] = 1;  // length in units of 8 bytes
  std::ranges::copy(message.mac.bytes, icmp + kNeighborOptions + 2);
  base::store_be16(icmp + 2,
                   ipv6_checksum({ip + kIpv6Addresses, 32}, kProtocolIcmpv6, {icmp, kLength}));
}

}  // namespace covey::packet
