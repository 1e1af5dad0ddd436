// SPDX-License-Identifier: BSD-3-Clause
// A cache follows another configuration: what it holds is placed again, step by step.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "conversation.h"

using namespace covey;
using namespace covey::test_support;
using flow::FlowState;
using flow::Placement;

namespace {

const std::vector<std::uint32_t> kOther = {1, 16, 4};

std::shared_ptr<flow::BucketCounts> other_counts() {
  return std::make_shared<flow::BucketCounts>(kOther, false);
}

Placement by_port(const packet::FlowKey& key) {
  return {{2}, {key.source_port % 4U}};
}

}  // namespace

TEST_CASE("while flows are placed again none is overlooked, and then all are counted anew") {
  Bench bench;
  for (std::uint16_t port = 1; port <= 8; ++port)
    bench.establish(client(port));
  const auto counts = other_counts();
  bench.cache.follow(counts);
  CHECK(bench.cache.places_again());
  CHECK_FALSE(counts->are_complete());
  CHECK(bench.cache.may_hold({{1}, {0}}));  // nothing is there, but who knows yet
  CHECK(bench.cache.list(bench.now, {1}).at(0).placement == std::nullopt);
  bench.cache.place_again(3, by_port);
  CHECK_FALSE(counts->are_complete());
  bench.cache.place_again(flow::kMaxCapacity, by_port);
  CHECK(counts->are_complete());
  CHECK_FALSE(bench.cache.places_again());
  CHECK_FALSE(bench.cache.may_hold({{1}, {0}}));
  CHECK(counts->live({{2}, {1}}) == 2);
  CHECK(counts->live_in_class(base::ClassIndex{2}) == 8);
  CHECK(bench.cache.statistics().established == 8);
}

TEST_CASE("a flow without a place in the new configuration is forgotten") {
  Bench bench;
  bench.establish(client(1));
  bench.establish(client(2));
  bench.cache.follow(other_counts());
  bench.cache.place_again(flow::kMaxCapacity,
                          [](const packet::FlowKey& key) -> std::optional<Placement> {
                            if (key.source_port == client(1).source_port) return std::nullopt;
                            return by_port(key);
                          });
  CHECK(bench.state(client(1)) == FlowState::none);
  CHECK(bench.state(client(2)) == FlowState::established);
  CHECK(bench.cache.statistics().established == 1);
}

TEST_CASE("an empty cache has nothing to place") {
  Bench bench;
  const auto counts = other_counts();
  bench.cache.follow(counts);
  CHECK(counts->are_complete());
}

TEST_CASE("counts are right after any traffic between the steps of any number of changes") {
  std::mt19937_64 random(1);
  for (int turn = 0; turn < 200; ++turn) {
    Bench bench;
    std::shared_ptr<flow::BucketCounts> counts;
    std::uint32_t shift = 0;
    bench.place = {{2}, {0}};
    for (int step = 0; step < 60; ++step) {
      const auto place = [&](const packet::FlowKey& key) {
        return Placement{{2}, {(key.source_port + shift) % 4U}};
      };
      const packet::FlowKey key = client(static_cast<std::uint16_t>(1 + random() % 12));
      bench.place = place(key);
      switch (random() % 8) {
        case 0:
          ++shift;
          counts = other_counts();
          bench.cache.follow(counts);
          break;
        case 1:
          bench.cache.place_again(static_cast<std::uint32_t>(random() % 40), place);
          break;
        case 2:
          bench.close(key);
          break;
        case 3:
          bench.egress(key, kRst, 1001);
          break;
        case 4:
          bench.withheld(key, 1000);
          break;
        default:
          bench.establish(key);
          break;
      }
    }
    if (counts == nullptr) continue;
    bench.cache.place_again(flow::kMaxCapacity, [&](const packet::FlowKey& key) {
      return Placement{{2}, {(key.source_port + shift) % 4U}};
    });
    std::map<std::uint32_t, std::uint32_t> live;
    std::uint64_t total = 0;
    for (const auto& row : bench.cache.list(bench.now, {1'000'000})) {
      REQUIRE(row.placement.has_value());
      const bool is_live = row.state != FlowState::lingering && !bench.cache.find(row.key).withheld;
      if (is_live) ++live[row.placement->bucket.value];
      total += is_live ? 1 : 0;
    }
    for (std::uint32_t b = 0; b < 4; ++b)
      CHECK(counts->live({{2}, {b}}) == live[b]);
    CHECK(counts->live_in_class(base::ClassIndex{2}) == total);
    CHECK(bench.cache.statistics().live() == total);
  }
}

TEST_CASE("a bucket number is occupied as long as any class holds flows there") {
  const std::vector<std::uint32_t> sizes = {1, 256, 256};
  flow::BucketCounts counts(sizes, true);
  std::map<std::pair<std::uint16_t, std::uint32_t>, std::vector<bool>> held;  // live or not
  std::mt19937_64 random(3);
  for (int step = 0; step < 20'000; ++step) {
    const auto map_class = static_cast<std::uint16_t>(random() % sizes.size());
    const auto bucket = static_cast<std::uint32_t>(random() % 24 * 11 % sizes[map_class]);
    const Placement at{{map_class}, {bucket}};
    std::vector<bool>& flows = held[{map_class, bucket}];
    if (flows.empty() || random() % 2 == 0) {
      flows.push_back(random() % 2 == 0);
      counts.add(at, flows.back());
    } else {
      counts.subtract_one(at, flows.back());
      flows.pop_back();
    }
    REQUIRE(counts.is_occupied(at) == !flows.empty());
    bool in_any = false;
    for (std::uint16_t c = 0; c < sizes.size(); ++c)
      in_any = in_any || !held[{c, bucket}].empty();
    REQUIRE((counts.occupied_in_any()[bucket / 64] >> bucket % 64 & 1U) == in_any);
  }
}
