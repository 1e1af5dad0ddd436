// SPDX-License-Identifier: BSD-3-Clause
// Builds the frames Covey answers by itself: ARP replies and IPv6 neighbour advertisements for
// virtual IPs.
//
// Owner: packet. Thread: any; pure. Writes into the buffer it is given and returns the length, 0 if
// it does not fit or the request is not answerable. A VLAN tag of the request is kept. The Ethernet
// source is `ethernet_source` (the masked host MAC), the advertised address is `answer_mac` (the
// cluster MAC).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "packet/parse.h"

namespace covey::packet {

struct ReplyMacs {
  base::MacAddress ethernet_source;
  base::MacAddress answer_mac;
};

[[nodiscard]] std::size_t build_arp_reply(std::span<const std::uint8_t> request,
                                          const FrameView& view, const ReplyMacs& macs,
                                          std::span<std::uint8_t> out) noexcept;

/// RFC 4861 advertisement: solicited + override; a duplicate-address probe is answered to all
/// nodes.
[[nodiscard]] std::size_t build_neighbor_advertisement(std::span<const std::uint8_t> request,
                                                       const FrameView& view, const ReplyMacs& macs,
                                                       std::span<std::uint8_t> out) noexcept;

}  // namespace covey::packet
