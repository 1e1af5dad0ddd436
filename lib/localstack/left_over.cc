// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/left_over.h"

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "packet/headers.h"

namespace covey::localstack {

bool leave_to_device(rte_mbuf* frame, const packet::FrameView& view,
                     const packet::LeftOver& left) noexcept {
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  if (!is_tcp && view.key.protocol != packet::kProtocolUdp) return false;
  // A checksum further inside belongs to what a tunnel carries.
  if (left.checksum_start != view.l4_offset) return false;
  const auto layer3 = static_cast<std::uint64_t>(view.l4_offset - view.l3_offset);
  // Of no interest unless the frame is to be cut.
  const bool is_cut = is_tcp && left.segment != 0;
  const auto layer4 = static_cast<std::uint64_t>(
      is_cut ? packet::header_of(bytes_of(frame), view) - view.l4_offset : 0);
  frame->tx_offload = rte_mbuf_tx_offload(view.l3_offset, layer3, layer4, left.segment, 0, 0, 0);
  frame->ol_flags |= is_tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  if (left.segment != 0) frame->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  frame->ol_flags |= view.layer3 == packet::Layer3::ipv4
                         ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
                         : RTE_MBUF_F_TX_IPV6;
  return true;
}

bool has_left_over(const rte_mbuf* frame) noexcept {
  return (frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

packet::LeftOver left_over_of(const rte_mbuf* frame, const packet::FrameView& view) noexcept {
  packet::LeftOver left;
  if (!has_left_over(frame)) return left;
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  if (!view.has_ports || (!is_tcp && view.key.protocol != packet::kProtocolUdp)) return left;
  left.checksum_start = view.l4_offset;
  left.checksum_field = static_cast<std::uint16_t>(
      view.l4_offset + (is_tcp ? packet::kTcpChecksum : packet::kUdpChecksum));
  if ((frame->ol_flags & RTE_MBUF_F_RX_LRO) != 0) left.segment = frame->tso_segsz;
  return left;
}

packet::LeftOver take_left_over(rte_mbuf* frame) noexcept {
  packet::LeftOver left;
  if (has_left_over(frame)) left = left_over_of(frame, packet::parse(bytes_of(frame)));
  frame->ol_flags = 0;
  frame->tx_offload = 0;
  return left;
}

void finish_left_over(rte_mbuf* frame) noexcept {
  packet::finish_checksum(bytes_of(frame), take_left_over(frame));
}

}  // namespace covey::localstack
