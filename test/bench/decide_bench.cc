// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds per frame of parse() and decide(), for the three kinds of frames a host sees all day.
//
// Owner: test/bench. Thread: one. foreign: another host's bucket, the most frequent by far; owned:
// a SYN in our own bucket; tracked: a data segment of a connection in the cache. Sources differ
// from frame to frame, so that neither hash nor cache look-up is predictable. The tracked set is
// larger than the second-level cache.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "packet/headers.h"
#include "support/world.h"

namespace {

using namespace covey;
using forwarding::Verdict;

constexpr std::size_t kFrames = 32768;  // a power of two
constexpr std::size_t kBurst = 32;
constexpr std::uint32_t kBuckets = 4096;

struct Kind {
  bool is_ipv6 = false;
  std::uint8_t flags = test::kSyn;
  bucket::BucketState buckets = bucket::BucketState::own;
  bool tracked = false;
  Verdict expected = Verdict::deliver_owned;
};

forwarding::Snapshot make_snapshot(bucket::BucketState state) {
  forwarding::Settings settings = test::world_settings();
  settings.buckets = kBuckets;
  forwarding::Snapshot snapshot;
  snapshot.policy =
      std::make_shared<const forwarding::Policy>(settings, bucket::SipKey{1, 2}, test::kStackMac);
  snapshot.buckets.serving = true;
  for (const std::uint32_t size : snapshot.policy->classes().class_sizes) {
    bucket::ClassTable table;
    table.mask = size - 1;
    table.states.assign(size, state);
    table.owners.assign(size, base::HostId{1});
    snapshot.buckets.classes.push_back(std::move(table));
  }
  return snapshot;
}

// The same segment from kFrames sources: the last two bytes of the source address and the port
// vary.
std::vector<test::Frame> make_frames(const Kind& kind) {
  test::FrameBuilder builder;
  if (kind.is_ipv6) {
    builder.ip(test::kClient6, test::kVip6);
  } else {
    builder.ip("198.18.0.0", test::kVip);
  }
  const test::Frame model = builder.tcp(40000, 80, kind.flags).payload(6);
  const std::size_t source_end = packet::kEthernetHeader + (kind.is_ipv6 ? 24U : 16U);
  const std::size_t port = packet::parse(model).l4_offset;
  std::vector<test::Frame> frames;
  for (std::size_t i = 0; i < kFrames; ++i) {
    const auto low = static_cast<std::uint8_t>(i);
    const auto high = static_cast<std::uint8_t>(i >> 8U);
    test::Frame frame = test::patch(model, source_end - 2, {high, low});
    frames.push_back(
        test::patch(std::move(frame), port, {static_cast<std::uint8_t>(128 + low % 64), high}));
  }
  return frames;
}

// One burst as the worker takes it: next burst's headers, then all views and their cache lines,
// then the decisions.
std::size_t decide_burst(const std::vector<test::Frame>& frames, std::size_t first,
                         Verdict expected, const forwarding::Surroundings& around) {
  std::array<packet::FrameView, kBurst> views;
  for (std::size_t i = 0; i < kBurst; ++i) {
    __builtin_prefetch(frames[(first + kBurst + i) % kFrames].data());
    views[i] = packet::parse(frames[first + i]);
    around.flows.prefetch(views[i].key);
  }
  std::size_t unexpected = 0;
  for (std::size_t i = 0; i < kBurst; ++i) {
    const forwarding::Decision decision = forwarding::decide(frames[first + i], views[i], around);
    unexpected += decision.verdict != expected ? 1U : 0U;
  }
  return unexpected;
}

void run(benchmark::State& state, const Kind& kind) {
  const forwarding::Snapshot snapshot = make_snapshot(kind.buckets);
  const std::vector<test::Frame> frames = make_frames(kind);
  flow::FlowCache flows({.capacity = 262144}, snapshot.policy->classes().class_sizes, 7);
  if (kind.tracked) {
    for (const test::Frame& frame : frames) {
      const packet::FlowKey key = packet::parse(frame).key;
      flows.note_egress(key, {test::kAck, 1, 1}, *forwarding::placement_of(snapshot, key), {});
    }
  }
  const forwarding::Surroundings around{snapshot, flows, true};
  std::size_t unexpected = 0;
  std::size_t next = 0;
  while (state.KeepRunningBatch(kBurst)) {
    unexpected += decide_burst(frames, next, kind.expected, around);
    next = (next + kBurst) % kFrames;
  }
  if (unexpected != 0) state.SkipWithError("a frame got another verdict than the one measured");
  state.SetItemsProcessed(state.iterations());
}

const Kind kForeign4{false, test::kAck, bucket::BucketState::foreign, false,
                     Verdict::drop_not_owner};
const Kind kForeign6{true, test::kAck, bucket::BucketState::foreign, false,
                     Verdict::drop_not_owner};
const Kind kOwned4{};
const Kind kOwned6{.is_ipv6 = true};
const Kind kTracked4{false, test::kAck, bucket::BucketState::foreign, true, Verdict::deliver_flow};
const Kind kTracked6{true, test::kAck, bucket::BucketState::foreign, true, Verdict::deliver_flow};

BENCHMARK_CAPTURE(run, decide_foreign_ipv4, kForeign4);
BENCHMARK_CAPTURE(run, decide_foreign_ipv6, kForeign6);
BENCHMARK_CAPTURE(run, decide_owned_ipv4, kOwned4);
BENCHMARK_CAPTURE(run, decide_owned_ipv6, kOwned6);
BENCHMARK_CAPTURE(run, decide_tracked_ipv4, kTracked4);
BENCHMARK_CAPTURE(run, decide_tracked_ipv6, kTracked6);

}  // namespace

BENCHMARK_MAIN();
