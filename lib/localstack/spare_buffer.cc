// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/spare_buffer.h"

#include <cstring>
#include <utility>

#include <rte_mbuf.h>

#include "localstack/long_buffers.h"

namespace covey::localstack {

SpareBuffer::~SpareBuffer() {
  rte_pktmbuf_free(ordinary_);
  rte_pktmbuf_free(rest_);
}

bool SpareBuffer::fill(rte_mempool* pool, rte_mempool* long_buffers) noexcept {
  if (ordinary_ == nullptr) {
    ordinary_ = rte_pktmbuf_alloc(pool);
    if (ordinary_ == nullptr) return false;
    pieces_[0] = {rte_pktmbuf_mtod(ordinary_, std::byte*), rte_pktmbuf_tailroom(ordinary_)};
    count_ = 1;
  }
  if (long_buffers == nullptr) return true;
  if (rest_ == nullptr) rest_ = take_long_buffer(long_buffers);
  if (rest_ == nullptr) return false;
  const std::size_t room = pieces_[0].size();
  pieces_[1] = {rte_pktmbuf_mtod_offset(rest_, std::byte*, room), kLongestFrame - room};
  count_ = 2;
  return true;
}

rte_mbuf* SpareBuffer::take(std::size_t length) noexcept {
  const bool is_long = length > pieces_[0].size();
  // The rest is there already.
  if (is_long) std::memcpy(rte_pktmbuf_mtod(rest_, void*), pieces_[0].data(), pieces_[0].size());
  rte_mbuf* frame = std::exchange(is_long ? rest_ : ordinary_, nullptr);
  frame->data_len = static_cast<std::uint16_t>(length);
  frame->pkt_len = static_cast<std::uint32_t>(length);
  return frame;
}

}  // namespace covey::localstack
