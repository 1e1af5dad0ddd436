// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/publish.h"

#include "base/assert.h"

namespace covey::dataplane {

QuiescentState::QuiescentState(unsigned readers) {
  const std::size_t size = rte_rcu_qsbr_get_memsize(readers);
  // Plain memory: it is needed before EAL runs and by tests that have none.
  state_.reset(static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size)));
  COVEY_ASSERT(state_ != nullptr);
  COVEY_ASSERT(rte_rcu_qsbr_init(state_.get(), readers) == 0);
}

void QuiescentState::set_reading(unsigned reader, bool reading) {
  if (reading) {
    COVEY_ASSERT(rte_rcu_qsbr_thread_register(state_.get(), reader) == 0);
    rte_rcu_qsbr_thread_online(state_.get(), reader);
  } else {
    rte_rcu_qsbr_thread_offline(state_.get(), reader);
    COVEY_ASSERT(rte_rcu_qsbr_thread_unregister(state_.get(), reader) == 0);
  }
}

std::uint64_t QuiescentState::take_ticket() {
  return rte_rcu_qsbr_start(state_.get());
}

bool QuiescentState::has_passed(std::uint64_t ticket) const {
  return rte_rcu_qsbr_check(state_.get(), ticket, false) == 1;
}

}  // namespace covey::dataplane
