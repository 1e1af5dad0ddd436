// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/finish.h"

#include <algorithm>
#include <cstring>

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "localstack/left_over.h"
#include "packet/headers.h"

namespace covey::dataplane {

using localstack::bytes_of;

void finish_checksum(rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left,
                     Abilities device) noexcept {
  const packet::LeftOver whole{left.checksum_start, left.checksum_field, 0};
  if (device.checksums && left.has_checksum() && localstack::leave_to_device(frame, view, whole)) {
    return;
  }
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
  static_cast<void>(localstack::leave_to_device(head, view, left));
  return head;
}

}  // namespace covey::dataplane
