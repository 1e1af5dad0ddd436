// SPDX-License-Identifier: BSD-3-Clause
// Buffers for frames that are longer than those of the wire.
//
// Owner: localstack. Threads: made and freed by the control thread; each worker takes from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::localstack {

inline constexpr std::uint16_t kLongestFrame = 65535;  // what one buffer can hold
// Each is as much work as a burst of others: more would keep the other direction waiting.
inline constexpr std::size_t kLongPerCollect = 8;
// Of the local stack: those that were given out, and those that lie ready for the next.
inline constexpr unsigned kLongBuffersPerQueue = 2 * kLongPerCollect;

struct LongBuffersFree {
  void operator()(rte_mempool* pool) const;
};
using LongBuffers = std::unique_ptr<rte_mempool, LongBuffersFree>;

/// `count` of them; the name is DPDK's for the pool.
[[nodiscard]] base::Result<LongBuffers> make_long_buffers(const char* name, unsigned count);
/// One of them, empty, with room for kLongestFrame bytes; nullptr when all are out.
[[nodiscard]] rte_mbuf* take_long_buffer(rte_mempool* buffers) noexcept;

}  // namespace covey::localstack
