// SPDX-License-Identifier: BSD-3-Clause
#include "flow/flow_cache.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "conversation.h"

using namespace covey;
using namespace covey::test_support;
using namespace std::chrono_literals;
using flow::FlowState;

TEST_CASE("a list shows keys, places and idle times up to its limit") {
  Bench bench;
  bench.establish(client(1));
  bench.now = bench.now + 10s;
  const auto listed = bench.cache.list(bench.now, {10});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].key == client(1));
  CHECK(listed[0].state == FlowState::established);
  CHECK(listed[0].idle > 10s - 2 * flow::kTick);
  CHECK(listed[0].idle < 10s + 2 * flow::kTick);
  bench.establish(client(2));
  CHECK(bench.cache.list(bench.now, {1}).size() == 1);
  CHECK(bench.cache.list(bench.now, {0}).empty());
}

TEST_CASE("a list of one bucket shows its flows alone, and its limit counts no others") {
  flow::FlowCache cache(Bench::settings(256, 1h), {64, 64}, 42);
  for (std::uint16_t i = 0; i < 100; ++i)
    REQUIRE(cache.take_over(client(i), {{static_cast<std::uint16_t>(i % 2U)}, {i % 10U}}, {}));
  const auto of_bucket = cache.list({}, {.limit = 1000, .bucket = {{7}}});
  CHECK(of_bucket.size() == 10);
  for (const auto& flow : of_bucket)
    CHECK(flow.placement->bucket.value == 7);
  CHECK(cache.list({}, {1000, {{0}}}).size() == 50);
  CHECK(cache.list({}, {1000, {{0}}, {{4}}}).size() == 10);
  CHECK(cache.list({}, {1000, {{0}}, {{7}}}).empty());
  CHECK(cache.list({}, {3, {{0}}, {{4}}}).size() == 3);
}

TEST_CASE("a list is made a few entries at a time") {
  flow::FlowCache cache(Bench::settings(256, 1h), {128}, 42);
  for (std::uint16_t i = 0; i < 100; ++i)
    REQUIRE(cache.take_over(client(i), {{0}, {i}}, {}));
  flow::FlowCache::Listing listing{{.limit = 1000, .bucket = {{99}}}};
  int steps = 1;
  while (!cache.go_on(listing, {}, 10))
    ++steps;
  CHECK(steps == 11);
  REQUIRE(listing.flows.size() == 1);
  CHECK(listing.flows[0].key == client(99));
}
