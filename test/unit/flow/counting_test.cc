// SPDX-License-Identifier: BSD-3-Clause
// The counts of a cache as another thread reads them while the cache is at work.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "conversation.h"

using namespace covey;
using namespace covey::test_support;

TEST_CASE("a flow that lives on is counted at every moment, whatever becomes of it") {
  // Long enough for a reader on another CPU, or on the same one, to look between two steps.
  constexpr int kChanges = 1'000'000;
  Bench bench;
  bench.egress(client(1), kSyn | kAck, 1000, 500);
  std::atomic<bool> is_over = false;
  std::uint64_t missed = 0;
  std::thread reader([&] {
    while (!is_over.load(std::memory_order_relaxed)) {
      if (bench.cache.counts().live(bench.place) == 0) ++missed;
    }
  });
  for (int i = 0; i < kChanges; ++i) {
    bench.egress(client(1), kSyn | kAck, static_cast<std::uint32_t>(i), 500);
  }
  bench.inbound(client(1), kAck, 501, kChanges);
  for (int i = 0; i < kChanges; ++i) {
    bench.inbound(client(1), kRst, 77);
    bench.egress(client(1), kAck, 1001, 501);
  }
  is_over = true;
  reader.join();
  CHECK(bench.state(client(1)) == flow::FlowState::established);
  CHECK(missed == 0);
}
