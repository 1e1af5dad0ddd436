// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/left_over.h"

#include <utility>

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "packet/headers.h"

namespace covey::localstack {

bool leave_to_device(rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left,
                     std::uint16_t layer4) noexcept {
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  if (!is_tcp && view.key.protocol != packet::kProtocolUdp) return false;
  // A checksum further inside belongs to what a tunnel carries.
  if (left.checksum_start != view.l4_offset) return false;
  const auto layer3 = static_cast<std::uint64_t>(view.l4_offset - view.l3_offset);
  frame->tx_offload = rte_mbuf_tx_offload(view.l3_offset, layer3, layer4, left.segment, 0, 0, 0);
  frame->ol_flags |= is_tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  frame->ol_flags |= view.layer3 == packet::Layer3::ipv4
                         ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
                         : RTE_MBUF_F_TX_IPV6;
  return true;
}

packet::LeftOver take_left_over(rte_mbuf* frame) noexcept {
  const std::uint64_t flags = std::exchange(frame->ol_flags, 0);
  const std::uint16_t segment = frame->tso_segsz;
  frame->tx_offload = 0;
  packet::LeftOver left;
  if ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_NONE) return left;
  const packet::FrameView view = packet::parse(bytes_of(frame));
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  if (!view.has_ports || (!is_tcp && view.key.protocol != packet::kProtocolUdp)) return left;
  left.checksum_start = view.l4_offset;
  left.checksum_field = static_cast<std::uint16_t>(
      view.l4_offset + (is_tcp ? packet::kTcpChecksum : packet::kUdpChecksum));
  if ((flags & RTE_MBUF_F_RX_LRO) != 0) left.segment = segment;
  return left;
}

}  // namespace covey::localstack
