// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/long_buffers.h"

#include <string>

#include <rte_errno.h>
#include <rte_mbuf.h>

namespace covey::localstack {

void LongBuffersFree::operator()(rte_mempool* pool) const {
  rte_mempool_free(pool);
}

base::Result<LongBuffers> make_long_buffers(const char* name, unsigned count) {
  LongBuffers made(rte_pktmbuf_pool_create(name, count, 0, 0, kLongestFrame, SOCKET_ID_ANY));
  if (made != nullptr) return made;
  return base::fail(base::ErrorCode::unavailable,
                    std::string("make buffers for long frames: ") + rte_strerror(rte_errno));
}

rte_mbuf* take_long_buffer(rte_mempool* buffers) noexcept {
  rte_mbuf* taken = rte_pktmbuf_alloc(buffers);
  // All of it for the frame, from the start.
  if (taken != nullptr) taken->data_off = 0;
  return taken;
}

}  // namespace covey::localstack
