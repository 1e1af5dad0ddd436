// SPDX-License-Identifier: BSD-3-Clause
// FlowExchange: workers tell each other which flows came and went, so that each cache holds every
// flow.
//
// Owner: dataplane. Threads: tell(from, ...) only from worker `from`, hear(to, ...) only from
// worker `to`. A flow's frames usually meet one worker, but not always (another queue after a
// change of the receive hash, ICMP errors, egress by the kernel's own choice). One ring per ordered
// pair of workers; a full ring loses the newest, counted: the flow is then unknown to that worker
// until its next change.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/spsc_ring.h"
#include "forwarding/decide.h"
#include "packet/parse.h"

namespace covey::dataplane {

struct FlowEvent {
  packet::FrameView view;
  forwarding::Decision decision;
  bool sent = false;       // by the local stack; else received from the segment
  std::uint64_t plan = 0;  // by which the decision was taken
};

class FlowExchange {
 public:
  static constexpr std::size_t kEvents = 4096;  // per pair: some ms of connections at full rate

  explicit FlowExchange(unsigned workers) : workers_(workers) {
    for (unsigned i = 0; i < workers * workers; ++i) {
      rings_.push_back(i / workers == i % workers ? nullptr : std::make_unique<Ring>(kEvents));
    }
  }

  void tell(unsigned from, const FlowEvent& event) noexcept {
    for (unsigned to = 0; to < workers_; ++to) {
      if (to == from) continue;
      if (!ring(from, to).try_push(FlowEvent(event))) lost_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  /// Calls apply(const FlowEvent&) for at most `limit` events of each other worker. True if one of
  /// them had that many: there may be more.
  template <typename Apply>
  bool hear(unsigned to, unsigned limit, Apply&& apply) noexcept {
    bool is_behind = false;
    for (unsigned from = 0; from < workers_; ++from) {
      if (to == from) continue;
      FlowEvent event;
      unsigned heard = 0;
      for (; heard < limit && ring(from, to).try_pop(event); ++heard)
        apply(event);
      is_behind = is_behind || heard == limit;
    }
    return is_behind;
  }
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  using Ring = base::SpscRing<FlowEvent>;
  Ring& ring(unsigned from, unsigned to) { return *rings_[from * workers_ + to]; }

  unsigned workers_;
  std::vector<std::unique_ptr<Ring>>
      rings_;  // by from * workers + to; none from a worker to itself
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace covey::dataplane
