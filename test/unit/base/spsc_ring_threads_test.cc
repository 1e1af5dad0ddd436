// SPDX-License-Identifier: BSD-3-Clause
// Two real threads on one ring; meant for the thread sanitizer as much as for the plain run.
#include <catch2/catch.hpp>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/spsc_ring.h"

using covey::base::SpscRing;

TEST_CASE(
    "a consumer thread sees every value once and in order, however the two threads interleave") {
  constexpr std::uint64_t kValues = 200'000;
  SpscRing<std::vector<std::uint64_t>> ring(
      64);  // vectors: a torn hand-over would be a wild pointer

  std::thread producer([&ring] {
    for (std::uint64_t i = 0; i < kValues; ++i) {
      std::vector<std::uint64_t> value{i, ~i};
      while (!ring.try_push(std::move(value)))
        std::this_thread::yield();
    }
  });

  std::uint64_t out_of_order = 0;
  std::vector<std::uint64_t> value;
  for (std::uint64_t expected = 0; expected < kValues; ++expected) {
    while (!ring.try_pop(value))
      std::this_thread::yield();
    if (value.size() != 2 || value[0] != expected || value[1] != ~expected) ++out_of_order;
  }
  producer.join();
  CHECK(out_of_order == 0);
  CHECK(ring.size() == 0);
}
