// SPDX-License-Identifier: BSD-3-Clause
// The cache against a plain reference: random segments both ways, random time, 0 differences.
// COVEY_TEST_CASES sets the number of steps (default 1,000,000), COVEY_TEST_SEED the seed.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <random>

#include "conversation.h"
#include "flow/flow_cache.h"

using namespace covey;
using namespace covey::test_support;
using namespace std::chrono_literals;
using flow::FlowState;

namespace {

struct ByBytes {
  bool operator()(const packet::FlowKey& a, const packet::FlowKey& b) const {
    return std::memcmp(&a, &b, sizeof(a)) < 0;
  }
};

/// What the header of FlowCache promises, told as simply as possible.
class Reference {
 public:
  struct Flow {
    FlowState state = FlowState::none;
    std::uint32_t awaited = 0;
    bool client_fin = false;
    bool own_fin = false;
    bool superseded = false;
    bool disowned = false;
    std::optional<base::TimePoint> doubted;
    base::TimePoint heard;
    flow::Placement place;
  };

  explicit Reference(base::Duration tcp_idle) : tcp_idle_(tcp_idle) {}

  bool inbound(const packet::FlowKey& key, const flow::Segment& segment, base::TimePoint now) {
    const auto found = flows_.find(key);
    if (found == flows_.end()) return false;
    Flow& flow = found->second;
    if (segment.flags & kRst) {
      if (flow.state == FlowState::lingering) return false;
      if (flow.state == FlowState::half_open || segment.sequence == flow.awaited) {
        flows_.erase(found);
        return true;
      }
      const bool first = !flow.doubted;
      if (first) flow.doubted = now;
      return first;
    }
    const bool bare_syn = (segment.flags & kSyn) && !(segment.flags & kAck);
    if (bare_syn && (flow.state == FlowState::lingering || flow.disowned)) {
      flows_.erase(found);
      return true;
    }
    const bool changed = (segment.flags & kFin) && !std::exchange(flow.client_fin, true);
    flow.heard = now;
    if (changed) maybe_linger(flow);
    return changed;
  }

  bool refused(const packet::FlowKey& key, const flow::Segment& segment) {
    const auto found = flows_.find(key);
    if (found == flows_.end() || found->second.state == FlowState::half_open) return false;
    Flow& flow = found->second;
    if (flow.state == FlowState::lingering || !(segment.flags & kSyn)) {
      flows_.erase(found);
      return true;
    }
    const bool same = flow.superseded && flow.awaited == segment.sequence + 1;
    flow.superseded = true;
    flow.awaited = segment.sequence + 1;
    return !same;
  }

  bool withheld(const packet::FlowKey& key, const flow::Segment& segment, flow::Placement place,
                base::TimePoint now) {
    if (flows_.contains(key) && flows_[key].state == FlowState::lingering) flows_.erase(key);
    const bool fresh = !flows_.contains(key);
    if (!fresh && flows_[key].state != FlowState::half_open) return false;
    Flow& flow = flows_[key];
    const bool same = !fresh && flow.disowned && flow.awaited == segment.sequence + 1;
    flow.state = FlowState::half_open;
    flow.disowned = true;
    flow.awaited = segment.sequence + 1;
    flow.heard = now;
    if (fresh) flow.place = place;
    return !same;
  }

  bool egress(const packet::FlowKey& key, const flow::Segment& segment, flow::Placement place,
              base::TimePoint now) {
    if (segment.flags & kRst) return flows_.erase(key) == 1;
    const auto found = flows_.find(key);
    Flow before = found == flows_.end() ? Flow{} : found->second;
    const bool syn = segment.flags & kSyn;
    if (syn && (segment.flags & kAck)) {
      return syn_ack(key, before, segment.sequence + 1, place, now);
    }
    if (before.state == FlowState::lingering && syn) before = Flow{};
    Flow after = before;
    if (before.state == FlowState::none) after.place = place;
    if (before.state != FlowState::lingering) after.state = FlowState::established;
    after.doubted.reset();
    after.superseded = after.disowned = false;
    after.heard = now;
    if (segment.flags & kAck) after.awaited = segment.acknowledgement;
    if (segment.flags & kFin) after.own_fin = true;
    maybe_linger(after);
    flows_[key] = after;
    return before.state != after.state || before.doubted || before.superseded ||
           before.own_fin != after.own_fin;
  }

  void expire(base::TimePoint now) {
    std::erase_if(flows_, [&](const auto& item) {
      const Flow& flow = item.second;
      switch (flow.state) {
        case FlowState::half_open:
          return now - flow.heard >= (flow.disowned ? flow::kLinger : flow::kHalfOpenLife);
        case FlowState::lingering:
          return now - flow.heard >= flow::kLinger;
        default:
          break;
      }
      return flow.doubted ? now - *flow.doubted >= flow::kDoubtLife : now - flow.heard >= tcp_idle_;
    });
  }

  [[nodiscard]] const std::map<packet::FlowKey, Flow, ByBytes>& flows() const { return flows_; }

 private:
  static void maybe_linger(Flow& flow) {
    if (!flow.client_fin || !flow.own_fin) return;
    flow.state = FlowState::lingering;
    flow.doubted.reset();
    flow.superseded = flow.disowned = false;
  }
  bool syn_ack(const packet::FlowKey& key, const Flow& before, std::uint32_t expected,
               flow::Placement place, base::TimePoint now) {
    if (before.state == FlowState::established && !before.doubted) {
      flows_[key].client_fin = flows_[key].own_fin = flows_[key].superseded = false;
      return before.client_fin || before.own_fin || before.superseded;
    }
    const bool again = before.state == FlowState::half_open;
    const bool same = again && !before.disowned && before.awaited == expected;
    Flow after;
    after.state = FlowState::half_open;
    after.awaited = expected;
    after.heard = now;
    after.place = again ? before.place : place;
    if (same) after.client_fin = before.client_fin;
    flows_[key] = after;
    return !same;
  }

  base::Duration tcp_idle_;
  std::map<packet::FlowKey, Flow, ByBytes> flows_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

bool same_flow(const flow::Found& found, const Reference& reference, const packet::FlowKey& key) {
  const auto expected = reference.flows().find(key);
  if (expected == reference.flows().end()) return found.state == FlowState::none;
  const Reference::Flow& flow = expected->second;
  const bool opening = flow.state == FlowState::half_open;
  const std::uint32_t number = opening ? found.expected_ack : found.next_sequence;
  return found.state == flow.state && number == flow.awaited &&
         found.superseded == flow.superseded && found.disowned == flow.disowned;
}

bool same_everything(const flow::FlowCache& cache, const Reference& reference,
                     base::TimePoint now) {
  std::map<FlowState, std::uint64_t> states;
  std::map<std::uint32_t, std::uint32_t> buckets;
  for (const auto& [key, flow] : reference.flows()) {
    ++states[flow.disowned ? FlowState::lingering : flow.state];
    if (flow.state != FlowState::lingering && !flow.disowned) ++buckets[flow.place.bucket.value];
  }
  for (std::uint32_t b = 0; b < 64; ++b) {
    if (cache.counts().live({{1}, {b}}) != buckets[b]) return false;
  }
  for (const auto& row : cache.list(now, 1'000'000)) {
    const auto expected = reference.flows().find(row.key);
    if (expected == reference.flows().end()) return false;
    const Reference::Flow& flow = expected->second;
    if (row.state != flow.state || row.placement != flow.place) return false;
    if (row.idle != now - flow.doubted.value_or(flow.heard)) return false;
  }
  const flow::Statistics counted = cache.statistics();
  return counted.half_open == states[FlowState::half_open] &&
         counted.established == states[FlowState::established] &&
         counted.lingering == states[FlowState::lingering];
}

flow::Segment random_segment(std::mt19937_64& random) {
  // Numbers from a small range, so that RSTs often hit the awaited sequence number.
  const auto number = [&] { return static_cast<std::uint32_t>(random() % 6); };
  constexpr std::array<std::uint8_t, 8> kUsual{kAck,        kAck, kAck, kSyn | kAck,
                                               kFin | kAck, kSyn, kRst, kRst | kAck};
  const bool usual = random() % 8 != 0;
  const auto flags =
      usual ? kUsual[random() % kUsual.size()] : static_cast<std::uint8_t>(random() % 256);
  return {flags, number(), number()};
}

}  // namespace

TEST_CASE("the cache behaves as the reference for random segments and times") {
  const std::uint64_t seed = from_environment("COVEY_TEST_SEED", 99);
  const std::uint64_t steps = from_environment("COVEY_TEST_CASES", 1'000'000);
  WARN("seed " << seed << ", " << steps << " steps");
  std::mt19937_64 random(seed);
  Bench bench(2048, 10min);
  Reference reference(10min);
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
    if (!same_flow(bench.cache.find(key), reference, key)) FAIL("the flow differs");
    if (random() % 100 == 0) {
      bench.expire_all();
      reference.expire(bench.now);
    }
    if (step % 500 == 0 && !same_everything(bench.cache, reference, bench.now)) {
      FAIL("entries or counters differ");
    }
    // Whole ticks, so that the coarse clock of the cache is exact. Mostly next to nothing, so that
    // a flow sees many segments while it is young; at times seconds, rarely minutes.
    const std::uint64_t roll = random() % 3000;
    const std::uint64_t most = roll == 0 ? 200'000 : roll < 10 ? 4'000 : 3;
    bench.now = bench.now + flow::kTick * static_cast<std::int64_t>(random() % most);
  }
  CHECK(same_everything(bench.cache, reference, bench.now));
  const flow::Statistics end = bench.cache.statistics();
  CHECK(end.evicted == 0);
  CHECK(end.untracked == 0);
  CHECK(end.created > steps / 20);
  CHECK(end.expired > steps / 1000);
}
