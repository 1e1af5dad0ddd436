// SPDX-License-Identifier: BSD-3-Clause
// The cache against a plain reference: random segments both ways, random time, 0 differences.
// COVEY_TEST_CASES sets the number of steps (default 1,000,000), COVEY_TEST_SEED the seed.
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "conversation.h"
#include "flow/flow_cache.h"
#include "support/environment.h"
#include "support/flow_reference.h"

using namespace covey;
using namespace covey::test_support;
using namespace std::chrono_literals;

namespace {

flow::Segment random_segment(std::mt19937_64& random) {
  // Numbers from a small range, so that RSTs often hit the awaited sequence number.
  const auto number = [&] { return static_cast<std::uint32_t>(random() % 6); };
  constexpr std::array<std::uint8_t, 8> kUsual{kAck,        kAck, kAck, kSyn | kAck,
                                               kFin | kAck, kSyn, kRst, kRst | kAck};
  const bool usual = random() % 8 != 0;
  const auto flags =
      usual ? kUsual[random() % kUsual.size()] : static_cast<std::uint8_t>(random() % 256);
  return {flags, number(), number(), random() % 2 == 0};
}

}  // namespace

TEST_CASE("the cache behaves as the reference for random segments and times") {
  const std::uint64_t seed = test::from_environment("COVEY_TEST_SEED", 99);
  const std::uint64_t steps = test::from_environment("COVEY_TEST_CASES", 1'000'000);
  WARN("seed " << seed << ", " << steps << " steps");
  std::mt19937_64 random(seed);
  Bench bench(2048, 10min);
  test::FlowReference reference(10min, 30s);
  bench.now = {0};
  for (std::uint64_t step = 0; step < steps; ++step) {
    INFO("seed " << seed << ", step " << step);
    const packet::FlowKey key = client(static_cast<std::uint32_t>(random() % 200));
    const flow::Segment segment = random_segment(random);
    bool told = false;
    bool expected = false;
    const std::uint64_t turn = random() % 16;
    const flow::Placement place{{1}, {static_cast<std::uint32_t>(random() % 64)}};
    if (turn == 0) {
      told = bench.cache.note_withheld(key, segment, place, bench.now);
      expected = reference.withheld(key, segment, place, bench.now);
    } else if (turn < 3) {
      told = bench.cache.note_refused(key, segment);
      expected = reference.refused(key, segment);
    } else if (turn < 9) {
      told = bench.cache.note_inbound(key, segment, bench.now);
      expected = reference.inbound(key, segment, bench.now);
    } else {
      told = bench.cache.note_egress(key, segment, place, bench.now);
      expected = reference.egress(key, segment, place, bench.now);
    }
    if (told != expected) FAIL("told " << told << ", expected " << expected);
    if (!test::same_flow(bench.cache.find(key), reference.find(key))) FAIL("the flow differs");
    if (random() % 100 == 0) {
      bench.expire_all();
      reference.expire(bench.now);
    }
    if (step % 500 == 0 && !test::same_everything(bench.cache, reference, {1, 64}, bench.now)) {
      FAIL("entries or counters differ");
    }
    // Whole ticks, so that the coarse clock of the cache is exact. Mostly next to nothing, so that
    // a flow sees many segments while it is young; at times seconds, rarely minutes.
    const std::uint64_t roll = random() % 3000;
    const std::uint64_t most = roll == 0 ? 200'000 : roll < 10 ? 4'000 : 3;
    bench.now = bench.now + flow::kTick * static_cast<std::int64_t>(random() % most);
  }
  CHECK(test::same_everything(bench.cache, reference, {1, 64}, bench.now));
  const flow::Statistics end = bench.cache.statistics();
  CHECK(end.evicted == 0);
  CHECK(end.untracked == 0);
  CHECK(end.created > steps / 20);
  CHECK(end.expired > steps / 1000);
}
