// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry/counter_block.h"

#include <catch2/catch.hpp>
#include <thread>

using covey::telemetry::CounterBlock;

TEST_CASE("counters start at zero and count apart from each other") {
  CounterBlock block(9);  // more than one cache line
  block.add(0);
  block.add(8, 5);
  block.set(3, 7);
  CHECK(block.size() == 9);
  CHECK(block.read(0) == 1);
  CHECK(block.read(1) == 0);
  CHECK(block.read(3) == 7);
  CHECK(block.read(8) == 5);
}

TEST_CASE("a reader in another thread sees a counter only grow and finally whole") {
  constexpr std::uint64_t kRounds = 100000;
  CounterBlock block(1);
  std::thread writer([&block] {
    for (std::uint64_t round = 0; round < kRounds; ++round)
      block.add(0);
  });
  std::uint64_t seen = 0;
  bool only_grows = true;
  while (seen < kRounds) {
    const std::uint64_t now = block.read(0);
    only_grows = only_grows && now >= seen;
    seen = now;
  }
  writer.join();
  CHECK(only_grows);
  CHECK(block.read(0) == kRounds);
}
