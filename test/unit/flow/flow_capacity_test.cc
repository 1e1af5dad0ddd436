// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <random>

#include "conversation.h"
#include "flow/flow_cache.h"

using namespace covey;
using namespace covey::test_support;
using namespace std::chrono_literals;
using flow::FlowState;

TEST_CASE("in a full cache the oldest half-open entry gives way first") {
  Bench bench(4);
  bench.establish(client(1));
  bench.close(client(1));
  bench.egress(client(2), kSyn | kAck);
  bench.now = bench.now + 1s;
  bench.egress(client(3), kSyn | kAck);
  bench.now = bench.now + 1s;
  bench.inbound(client(2), kSyn);  // retransmitted: client 3 is the oldest now
  bench.establish(client(4));
  CHECK(bench.egress_of_data(client(5)));
  CHECK(bench.state(client(3)) == FlowState::none);
  CHECK(bench.egress_of_data(client(6)));
  CHECK(bench.state(client(2)) == FlowState::none);
  CHECK(bench.state(client(1)) == FlowState::lingering);
  CHECK(bench.cache.statistics().evicted == 2);
}

TEST_CASE("without half-open entries the oldest lingering one gives way") {
  Bench bench(3);
  for (const std::uint32_t n : {1U, 2U}) {
    bench.establish(client(n));
    bench.close(client(n));
    bench.now = bench.now + 1s;
  }
  bench.establish(client(3));
  CHECK(bench.egress_of_data(client(4)));
  CHECK(bench.state(client(1)) == FlowState::none);
  CHECK(bench.state(client(2)) == FlowState::lingering);
}

TEST_CASE("without either the flow that has been idle longest gives way") {
  Bench bench(3);
  for (const std::uint32_t n : {1U, 2U, 3U}) {
    bench.establish(client(n));
    bench.now = bench.now + 1s;
  }
  bench.now = bench.now + flow::kPressureIdle;
  bench.egress_of_data(client(1));
  CHECK(bench.egress_of_data(client(4)));
  CHECK(bench.state(client(2)) == FlowState::none);
  CHECK(bench.egress_of_data(client(5)));
  CHECK(bench.state(client(3)) == FlowState::none);
}

TEST_CASE("a cache full of busy flows keeps them and counts what it cannot track") {
  Bench bench(3);
  for (const std::uint32_t n : {1U, 2U, 3U})
    bench.establish(client(n));
  bench.now = bench.now + 1min;
  CHECK_FALSE(bench.egress_of_data(client(4)));
  CHECK_FALSE(bench.egress(client(5), kSyn | kAck));
  CHECK(bench.cache.statistics().untracked == 2);
  CHECK(bench.cache.statistics().evicted == 0);
  CHECK(bench.cache.statistics().established == 3);
  bench.egress(client(1), kRst);
  CHECK(bench.egress_of_data(client(4)));
  CHECK(bench.cache.statistics().untracked == 2);  // it stays as a sign
}

TEST_CASE("a flood of SYN-ACKs costs established flows nothing") {
  Bench bench(100);
  for (std::uint32_t n = 0; n < 50; ++n)
    bench.establish(client(n));
  bench.now = bench.now + 1min;
  for (std::uint32_t n = 1000; n < 11000; ++n)
    bench.egress(client(n), kSyn | kAck);
  for (std::uint32_t n = 0; n < 50; ++n)
    CHECK(bench.state(client(n)) == FlowState::established);
  CHECK(bench.cache.statistics().half_open == 50);
  CHECK(bench.cache.statistics().evicted == 9950);
  bench.establish(client(99));
  CHECK(bench.state(client(99)) == FlowState::established);
}

TEST_CASE("a cache with room for one flow works") {
  Bench bench(1);
  bench.egress(client(1), kSyn | kAck);
  CHECK(bench.egress(client(2), kSyn | kAck));
  CHECK(bench.state(client(1)) == FlowState::none);
  bench.establish(client(2));
  CHECK_FALSE(bench.egress_of_data(client(3)));
  CHECK(bench.state(client(2)) == FlowState::established);
}

namespace {

using Listing = std::map<std::uint16_t, flow::FlowCache::Listed>;  // by source port

Listing listing(const Bench& bench) {
  Listing result;
  for (const auto& row : bench.cache.list(bench.now, {1000}))
    result[row.key.source_port] = row;
  return result;
}

base::Duration longest_idle(const Listing& rows, FlowState state) {
  base::Duration longest{-1};
  for (const auto& [port, row] : rows) {
    if (row.state == state) longest = std::max(longest, row.idle);
  }
  return longest;
}

/// Who may give way for a new flow, given who was there before.
bool may_give_way(const flow::FlowCache::Listed& row, const Listing& before) {
  for (const FlowState state : {FlowState::half_open, FlowState::lingering}) {
    const base::Duration longest = longest_idle(before, state);
    if (longest >= base::Duration::zero()) return row.state == state && row.idle == longest;
  }
  return row.state == FlowState::established && row.idle >= flow::kPressureIdle;
}

bool counters_match(const Bench& bench, const Listing& rows) {
  std::map<FlowState, std::uint64_t> states;
  std::map<std::uint32_t, std::uint32_t> buckets;
  for (const auto& [port, row] : rows) {
    ++states[row.state];
    if (row.state != FlowState::lingering) ++buckets[row.placement->bucket.value];
  }
  for (std::uint32_t b = 0; b < 64; ++b) {
    if (bench.cache.counts().live({{1}, {b}}) != buckets[b]) return false;
  }
  const flow::Statistics now = bench.cache.statistics();
  return now.half_open == states[FlowState::half_open] &&
         now.established == states[FlowState::established] &&
         now.lingering == states[FlowState::lingering];
}

}  // namespace

TEST_CASE("at capacity counters match, the limit holds and evictions keep their order") {
  constexpr std::uint64_t kSeed = 4711;
  constexpr std::uint32_t kCapacity = 48;
  WARN("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  Bench bench(kCapacity);
  constexpr std::array<std::uint8_t, 8> kFlags{kSyn | kAck, kSyn | kAck, kAck, kAck,
                                               kFin | kAck, kRst,        kSyn, kAck};
  for (unsigned step = 0; step < 100'000; ++step) {
    // Phases of few new half-open flows let the lingering and the idle ones have their turn.
    const bool calm = step / 5000 % 2 == 1;
    const Listing before = listing(bench);
    const std::uint64_t evicted = bench.cache.statistics().evicted;
    const packet::FlowKey key = client(static_cast<std::uint32_t>(random() % 300));
    const std::uint8_t flags = calm ? kAck : kFlags[random() % kFlags.size()];
    bench.place = {{1}, {static_cast<std::uint32_t>(random() % 64)}};
    if (random() % 3 == 0) {
      bench.inbound(key, flags, static_cast<std::uint32_t>(random()));
    } else {
      bench.egress(key, flags);
    }
    INFO("seed " << kSeed << ", step " << step);
    const Listing after = listing(bench);
    if (after.size() > kCapacity) FAIL("more entries than there is room for");
    if (!counters_match(bench, after)) FAIL("counters differ from the entries");
    if (bench.cache.statistics().evicted != evicted) {
      for (const auto& [port, row] : before) {
        if (!after.contains(port) && !may_give_way(row, before)) FAIL("the wrong entry gave way");
      }
    }
    bench.now = bench.now + flow::kTick * static_cast<std::int64_t>(random() % (calm ? 9000 : 50));
    if (random() % 1000 == 0) bench.expire_all();
  }
  const flow::Statistics end = bench.cache.statistics();
  CHECK(end.evicted > 1000);
  CHECK(end.untracked > 100);
}

TEST_CASE("a flood of SYN-ACKs takes no more than its part of a large cache") {
  Bench bench(1U << 20U);
  bench.establish(client(1));
  for (std::uint32_t n = 2; n < flow::kMaxHalfOpen + 1002; ++n)
    bench.egress(client(n), kSyn | kAck);
  CHECK(bench.cache.statistics().half_open == flow::kMaxHalfOpen);
  CHECK(bench.cache.statistics().evicted == 1000);
  CHECK(bench.cache.statistics().established == 1);
  CHECK(bench.state(client(2)) == FlowState::none);
  CHECK(bench.state(client(1002)) == FlowState::half_open);
}

TEST_CASE("four million connections of both families are held, in 320 MiB") {
  constexpr std::uint32_t kFlows = 4'000'000;
  Bench bench(kFlows);
  CHECK(bench.cache.memory_bytes() <= 320U << 20U);
  for (std::uint32_t n = 0; n < kFlows; ++n)
    bench.cache.note_egress(client(n), {kAck, 1, n, true}, bench.place, bench.now);
  CHECK(bench.cache.statistics().established == kFlows);
  CHECK(bench.cache.statistics().untracked == 0);
  CHECK(bench.cache.counts().live(bench.place) == kFlows);
  unsigned wrong = 0;
  for (std::uint32_t n = 0; n < kFlows; ++n) {
    const flow::Found found = bench.cache.find(client(n));
    wrong += found.state != FlowState::established || found.next_sequence != n ? 1U : 0U;
  }
  for (std::uint32_t n = kFlows; n < kFlows + 100'000; ++n)
    wrong += bench.state(client(n)) != FlowState::none ? 1U : 0U;
  CHECK(wrong == 0);
}

TEST_CASE("UDP conversations take no more than a quarter of the cache, and end when silent") {
  Bench bench(64);
  const auto talker = [](std::uint32_t n) {
    packet::FlowKey key = client(n);
    key.protocol = 17;
    return key;
  };
  for (std::uint32_t n = 1; n <= 20; ++n)
    CHECK(bench.egress(talker(n), 0) == (n <= 16));
  CHECK(bench.cache.statistics().established == 16);
  CHECK(bench.cache.statistics().untracked == 4);
  CHECK(bench.egress_of_data(client(100)));
  bench.wait(20s);
  CHECK_FALSE(bench.inbound(talker(1), 0));
  bench.wait(15s);
  CHECK(bench.state(talker(1)) == FlowState::established);
  CHECK(bench.state(talker(2)) == FlowState::none);
  CHECK(bench.state(client(100)) == FlowState::established);
  CHECK(bench.egress(talker(20), 0));
}
