// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/finish.h"

#include <algorithm>
#include <cstring>

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "packet/headers.h"

namespace covey::dataplane {

using localstack::bytes_of;

namespace {

/// Says to the device where the headers are, that of layer 4 having `l4` bytes; false if it has no
/// word for this kind of checksum.
bool describe(rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left,
              std::uint64_t l4) {
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  if (!is_tcp && view.key.protocol != packet::kProtocolUdp) return false;
  // A checksum further inside belongs to what a tunnel carries.
  if (left.checksum_start != view.l4_offset) return false;
  const auto l3 = static_cast<std::uint64_t>(view.l4_offset - view.l3_offset);
  frame->tx_offload = rte_mbuf_tx_offload(view.l3_offset, l3, l4, left.segment, 0, 0, 0);
  frame->ol_flags |= is_tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  frame->ol_flags |= view.layer3 == packet::Layer3::ipv4
                         ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
                         : RTE_MBUF_F_TX_IPV6;
  return true;
}

}  // namespace

void finish_checksum(rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left,
                     Abilities device) noexcept {
  if (device.checksums && left.has_checksum() && describe(frame, view, left, 0)) return;
  packet::finish_checksum(bytes_of(frame), left);
}

rte_mbuf* cut_out(const packet::LongSegment& whole, std::size_t index, rte_mempool* pool) noexcept {
  rte_mbuf* made = rte_pktmbuf_alloc(pool);
  if (made == nullptr) return nullptr;
  const std::size_t length = whole.length(index);
  if (length > rte_pktmbuf_tailroom(made)) {
    rte_pktmbuf_free(made);
    return nullptr;
  }
  made->data_len = static_cast<std::uint16_t>(length);
  made->pkt_len = static_cast<std::uint32_t>(length);
  whole.write(index, bytes_of(made));
  return made;
}

rte_mbuf* chain_for_device(rte_mbuf* frame, const packet::FrameView& view,
                           const packet::LeftOver& left, rte_mempool* pool) noexcept {
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  for (std::span<const std::uint8_t> rest = bytes_of(frame); !rest.empty();) {
    rte_mbuf* part = rte_pktmbuf_alloc(pool);
    if (part == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    const std::size_t length = std::min<std::size_t>(rest.size(), rte_pktmbuf_tailroom(part));
    std::memcpy(rte_pktmbuf_mtod(part, void*), rest.data(), length);
    part->data_len = static_cast<std::uint16_t>(length);
    rest = rest.subspan(length);
    if (head == nullptr) {
      head = part;
    } else {
      tail->next = part;
      ++head->nb_segs;
    }
    tail = part;
  }
  head->pkt_len = frame->pkt_len;
  const std::size_t tcp = packet::packet_end(bytes_of(frame), view) - view.l4_offset;
  static_cast<void>(describe(head, view, left, tcp - view.payload_length));
  head->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  return head;
}

}  // namespace covey::dataplane
