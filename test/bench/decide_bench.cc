// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds per frame of all that a worker does to a burst between taking it from the port and
// handing it on: screen, parse, decide.
//
// Owner: test/bench. Thread: one. A scene is a kind of frames in a kind of state: foreign, another
// host's bucket, by far the most frequent; owned, a SYN in our own bucket; tracked, a segment of a
// connection in the cache; dirty, a segment of nobody's in an own bucket where others hold some.
// Frames lie 2,304 bytes apart as in a buffer pool:
// 4,096 of them, which stay in the caches, or more (`/64k`, `/1M`), which come from memory. Sources
// differ from frame to frame, so that neither hash nor look-up is predictable.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "forwarding/fragments.h"
#include "forwarding/screen.h"
#include "packet/headers.h"
#include "support/world.h"

namespace {

using namespace covey;
using bucket::BucketState;
using forwarding::Verdict;

constexpr std::size_t kBurst = forwarding::Screen::kMostFrames;
constexpr std::size_t kStride = 2304;
constexpr std::size_t kFewFrames = 4096;

struct Scene {
  std::string name;
  bool is_ipv6 = false;
  std::uint8_t flags = test::kAck;
  BucketState buckets = BucketState::foreign;
  bool tracked = false;
  Verdict expected = Verdict::drop_not_owner;
  std::size_t frames = kFewFrames;
  std::uint32_t flows = 0;  // in the cache, besides those of tracked frames
  unsigned rules = 1;
  unsigned virtual_ips = 1;  // IPv4
};

forwarding::Settings settings_of(const Scene& scene) {
  forwarding::Settings settings = test::world_settings();
  settings.buckets = 4096;
  settings.virtual_ips.resize(1);
  for (unsigned i = 1; i < scene.virtual_ips; ++i) {
    base::IpPrefix more = settings.virtual_ips[0];
    more.address.bytes[2] = static_cast<std::uint8_t>(i);
    settings.virtual_ips.push_back(more);
  }
  if (scene.is_ipv6) settings.virtual_ips.push_back(test::world_settings().virtual_ips[2]);
  settings.rules.resize(1);
  for (unsigned i = 1; i < scene.rules; ++i) {
    forwarding::PortRule rule = settings.rules[0];
    rule.name = "more" + std::to_string(i);
    rule.ports = {{static_cast<std::uint16_t>(1000 + i), static_cast<std::uint16_t>(1000 + i)}};
    settings.rules.push_back(rule);
  }
  return settings;
}

forwarding::Snapshot snapshot_of(const Scene& scene) {
  forwarding::Snapshot snapshot;
  snapshot.policy = std::make_shared<const forwarding::Policy>(
      settings_of(scene), bucket::SipKey{1, 2}, test::kStackMac);
  snapshot.buckets.serving = true;
  for (const std::uint32_t size : snapshot.policy->classes().class_sizes) {
    bucket::ClassTable table;
    table.mask = size - 1;
    table.states.assign(size, scene.buckets);
    table.owners.assign(size, base::HostId{1});
    snapshot.buckets.classes.push_back(std::move(table));
  }
  return snapshot;
}

/// A buffer pool: huge pages where the system has them, as DPDK would.
class Pool {
 public:
  explicit Pool(const Scene& scene) : size_(scene.frames * kStride) {
    void* memory =
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    ::madvise(memory, size_, MADV_HUGEPAGE);
    memory_ = static_cast<std::uint8_t*>(memory);
    fill(scene);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { ::munmap(memory_, size_); }

  [[nodiscard]] std::span<std::uint8_t> frame(std::size_t i) const {
    return {memory_ + i * kStride, length_};
  }
  [[nodiscard]] std::size_t count() const { return size_ / kStride; }

 private:
  // One segment from as many sources as there are frames, to each virtual IP and rule in turn.
  void fill(const Scene& scene) {
    test::FrameBuilder builder;
    const auto ends = scene.is_ipv6 ? std::pair(test::kClient6, test::kVip6)
                                    : std::pair(std::string_view("198.18.0.0"), test::kVip);
    builder.ip(ends.first, ends.second).tcp(40000, 80, scene.flags).payload(6);
    const test::Frame model = builder;
    length_ = model.size();
    const std::size_t source = packet::kEthernetHeader + (scene.is_ipv6 ? 8U : 12U);
    const std::size_t source_end = source + (scene.is_ipv6 ? 16U : 4U);
    const std::size_t virtual_ip = source_end + 2;
    const std::size_t ports = packet::kEthernetHeader + (scene.is_ipv6 ? 40U : 20U);
    for (std::size_t i = 0; i < count(); ++i) {
      std::uint8_t* at = memory_ + i * kStride;
      std::ranges::copy(model, at);
      at[source_end - 1] = static_cast<std::uint8_t>(i);
      at[source_end - 2] = static_cast<std::uint8_t>(i >> 8U);
      at[ports] = static_cast<std::uint8_t>(128 + (i >> 16U));
      const auto further = static_cast<std::uint8_t>(i * 37 % scene.virtual_ips);
      if (further != 0) at[virtual_ip] = further;
      const std::size_t rule = i * 61 % scene.rules;
      if (rule != 0) base::store_be16(at + ports + 2, static_cast<std::uint16_t>(1000 + rule));
    }
  }

  std::uint8_t* memory_ = nullptr;
  std::size_t size_;
  std::size_t length_ = 0;
};

void hold(flow::FlowCache& flows, const packet::FlowKey& key, const forwarding::Snapshot& now) {
  flows.note_egress(key, {test::kAck, 1, 1, true}, *forwarding::placement_of(now, key), {});
}

/// Flows of other clients, in all buckets but those of the frames.
void hold_others(flow::FlowCache& flows, std::uint32_t count, const forwarding::Snapshot& now) {
  packet::FlowKey key =
      packet::parse(
          test::FrameBuilder().ip("10.99.0.1", test::kVip).tcp(1, 5432, test::kAck).build())
          .key;
  for (std::uint32_t i = 0; i < count; ++i) {
    base::store_be32(key.source.data(), 0x0a000000 + i);
    hold(flows, key, now);
  }
}

/// As a worker takes it; returns how many got another verdict than expected.
class Round {
 public:
  std::size_t decide(const Pool& pool, std::size_t first, Verdict expected,
                     const forwarding::Surroundings& around) {
    for (std::size_t i = 0; i < kBurst; ++i) {
      bytes_[i] = pool.frame(first + i);
      __builtin_prefetch(pool.frame((first + kBurst + i) % pool.count()).data());
    }
    const std::uint64_t settled = screen_.settle(bytes_, around, decisions_);
    for (std::uint64_t open = ~settled; open != 0; open &= open - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(open));
      packet::parse_into(bytes_[i], views_[i]);
      around.flows.prefetch(views_[i].key);
    }
    for (std::uint64_t open = ~settled; open != 0; open &= open - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(open));
      decisions_[i] = forwarding::decide(bytes_[i], views_[i], around);
    }
    std::size_t unexpected = 0;
    for (const forwarding::Decision& decision : decisions_)
      unexpected += decision.verdict != expected ? 1U : 0U;
    return unexpected;
  }

 private:
  forwarding::Screen screen_;
  std::array<std::span<std::uint8_t>, kBurst> bytes_;
  std::array<packet::FrameView, kBurst> views_;
  std::array<forwarding::Decision, kBurst> decisions_;
};

void run(benchmark::State& state, const Scene& scene) {
  const forwarding::Snapshot now = snapshot_of(scene);
  const Pool pool(scene);
  const auto tracked = static_cast<std::uint32_t>(scene.tracked ? pool.count() : 0);
  const std::uint32_t capacity = std::max(262144U, 2 * std::max(scene.flows, tracked));
  flow::FlowCache flows({.capacity = capacity}, now.policy->classes().class_sizes, 7);
  hold_others(flows, scene.flows, now);
  for (std::size_t i = 0; i < tracked; ++i)
    hold(flows, packet::parse(pool.frame(i)).key, now);
  const forwarding::Surroundings around{now, flows, true};
  const auto round = std::make_unique<Round>();
  std::size_t unexpected = 0;
  std::size_t next = 0;
  while (state.KeepRunningBatch(kBurst)) {
    unexpected += round->decide(pool, next, scene.expected, around);
    next = (next + kBurst) % pool.count();
  }
  if (unexpected != 0) state.SkipWithError("a frame got another verdict than the one measured");
  state.SetItemsProcessed(state.iterations());
}

std::vector<Scene> scenes() {
  constexpr std::size_t k64k = 65536;
  constexpr std::size_t k1M = 1048576;
  std::vector<Scene> all;
  for (const bool ipv6 : {false, true}) {
    const std::string family = ipv6 ? "ipv6" : "ipv4";
    Scene foreign{.name = "foreign_" + family, .is_ipv6 = ipv6};
    all.push_back(foreign);
    for (const auto& [name, frames] : {std::pair("/64k", k64k), std::pair("/1M", k1M)}) {
      Scene streaming = foreign;
      streaming.name += name;
      streaming.frames = frames;
      all.push_back(streaming);
    }
    Scene owned{.name = "owned_" + family,
                .is_ipv6 = ipv6,
                .flags = test::kSyn,
                .buckets = BucketState::own,
                .expected = Verdict::deliver_owned};
    all.push_back(owned);
    Scene tracked{.name = "tracked_" + family,
                  .is_ipv6 = ipv6,
                  .buckets = BucketState::own,
                  .tracked = true,
                  .expected = Verdict::deliver_flow};
    all.push_back(tracked);
    tracked.name += "/64k";
    tracked.frames = k64k;
    all.push_back(tracked);
    Scene dirty{.name = "dirty_" + family,
                .is_ipv6 = ipv6,
                .buckets = BucketState::own_dirty,
                .expected = Verdict::drop_no_flow};
    all.push_back(dirty);
  }
  for (const auto& [name, flows] : {std::pair("1M", 1'000'000U), std::pair("4M", 4'000'000U)}) {
    all.push_back(
        {.name = std::string("foreign_ipv4/64k/flows_") + name, .frames = k64k, .flows = flows});
    all.push_back({.name = std::string("tracked_ipv4/64k/flows_") + name,
                   .buckets = BucketState::own,
                   .tracked = true,
                   .expected = Verdict::deliver_flow,
                   .frames = k64k,
                   .flows = flows});
  }
  all.push_back({.name = "tracked_ipv4/1M",
                 .buckets = BucketState::own,
                 .tracked = true,
                 .expected = Verdict::deliver_flow,
                 .frames = k1M});
  for (const unsigned rules : {32U, 1000U})
    all.push_back({.name = "foreign_ipv4/rules_" + std::to_string(rules), .rules = rules});
  for (const unsigned virtual_ips : {16U, 256U})
    all.push_back(
        {.name = "foreign_ipv4/vips_" + std::to_string(virtual_ips), .virtual_ips = virtual_ips});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  for (const Scene& scene : scenes()) {
    benchmark::RegisterBenchmark(scene.name.c_str(),
                                 [scene](benchmark::State& state) { run(state, scene); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
