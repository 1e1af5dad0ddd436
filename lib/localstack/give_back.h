// SPDX-License-Identifier: BSD-3-Clause
// give_back(): buffers of frames that came and are dropped go back to their pool at once.
//
// Owner: localstack. Thread: the worker that holds them. rte_pktmbuf_free_bulk() looks at two cache
// lines of each buffer, at the second only for what part of the frame comes next: nothing, if it is
// the only one. What the first has to say is read when the frame comes, with where its bytes are.
#pragma once

#include <span>

#include <rte_mbuf.h>

namespace covey::localstack {

/// Whether buffers are all alike: whole frames, in memory of their own, to which nobody else
/// refers, of one pool.
class Likeness {
 public:
  void see(const rte_mbuf* frame) noexcept {
    if (pool_ == nullptr) pool_ = frame->pool;
    difference_ |= (frame->nb_segs ^ 1U) | (rte_mbuf_refcnt_read(frame) ^ 1U) |
                   (RTE_MBUF_DIRECT(frame) ? 0U : 1U) | (frame->pool == pool_ ? 0U : 1U);
  }
  /// Of others, that were seen before.
  void see(const Likeness& others) noexcept {
    if (pool_ == nullptr) pool_ = others.pool_;
    difference_ |= others.difference_ | (others.pool_ == pool_ ? 0U : 1U);
  }
  /// Of all that were seen; null: they are not alike.
  [[nodiscard]] rte_mempool* pool() const noexcept { return difference_ == 0 ? pool_ : nullptr; }

 private:
  rte_mempool* pool_ = nullptr;
  unsigned difference_ = 0;
};

/// `pool`: that of buffers that are alike, and as they were when they were seen.
inline void give_back(std::span<rte_mbuf*> frames, rte_mempool* pool) noexcept {
  const auto count = static_cast<unsigned>(frames.size());
  if (pool != nullptr) [[likely]] {
    rte_mempool_put_bulk(pool, reinterpret_cast<void**>(frames.data()), count);
  } else {
    rte_pktmbuf_free_bulk(frames.data(), count);
  }
}

}  // namespace covey::localstack
