// SPDX-License-Identifier: BSD-3-Clause
#include "scenes.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <memory>
#include <utility>

#include "dataplane/huge_pages.h"
#include "packet/headers.h"
#include "support/world.h"

namespace covey::bench {

namespace {

using bucket::BucketState;
using forwarding::Verdict;

constexpr std::size_t kMiddleOfLine = 32;
constexpr std::size_t kNextLine = 64;         // where a TCP header over IPv6 goes on
constexpr std::size_t kFragmentPayload = 12;  // with the TCP header in whole units
constexpr std::size_t kFragmentHeader = 8;    // of IPv6
constexpr std::size_t kLeap = 40'503;         // odd: leads through all of 2^n frames

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
    snapshot.buckets.classes.add(std::vector(size, scene.buckets),
                                 std::vector(size, base::HostId{1}));
  }
  return snapshot;
}

void hold(flow::FlowCache& flows, const packet::FlowKey& key, const forwarding::Snapshot& now) {
  flows.note_egress(key, {test::kAck, 1, 1, true}, *forwarding::placement_of(now, key), {});
}

/// Flows of other clients, with another port.
class Others {
 public:
  Others(flow::FlowCache& flows, const forwarding::Snapshot& now) : flows_(flows), now_(now) {}

  /// Until there are so many.
  void hold_up_to(std::uint32_t count) {
    for (; held_ < count; ++held_) {
      base::store_be32(key_.source.data(), 0x0a000000 + held_);
      hold(flows_, key_, now_);
    }
  }

 private:
  flow::FlowCache& flows_;
  const forwarding::Snapshot& now_;
  packet::FlowKey key_ =
      packet::parse(
          test::FrameBuilder().ip("10.99.0.1", test::kVip).tcp(1, 5432, test::kAck).build())
          .key;
  std::uint32_t held_ = 0;
};

std::uint32_t tracked_frames(const Scene& scene) {
  return scene.tracked ? static_cast<std::uint32_t>(scene.frames) : 0;
}

flow::Settings flow_settings(const Scene& scene) {
  flow::Settings settings;
  settings.capacity = std::max(262144U, 2 * std::max(scene.flows, tracked_frames(scene)));
  return settings;
}

}  // namespace

Memory::Memory(std::size_t bytes) : size_(bytes) {
  void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  dataplane::advise_huge_pages({static_cast<std::byte*>(memory), size_});
  at_ = static_cast<std::uint8_t*>(memory);
}

Memory::~Memory() {
  ::munmap(at_, size_);
}

Pool::Pool(const Scene& scene) : memory_(scene.frames * kStride) {
  fill(scene);
}

// One segment from as many sources as there are frames, to each virtual IP and rule in turn.
void Pool::fill(const Scene& scene) {
  test::FrameBuilder builder;
  const auto ends = scene.is_ipv6 ? std::pair(test::kClient6, test::kVip6)
                                  : std::pair(std::string_view("198.18.0.0"), test::kVip);
  builder.ip(ends.first, ends.second).tcp(40000, 80, scene.flags);
  builder.payload(scene.fragment ? kFragmentPayload : 6);
  if (scene.fragment) builder.fragment(0, /*more=*/true);
  const test::Frame model = builder;
  length_ = model.size();
  const std::size_t source = packet::kEthernetHeader + (scene.is_ipv6 ? 8U : 12U);
  const std::size_t source_end = source + (scene.is_ipv6 ? 16U : 4U);
  const std::size_t virtual_ip = source_end + 2;
  const std::size_t further = scene.fragment && scene.is_ipv6 ? kFragmentHeader : 0;
  const std::size_t ports = packet::kEthernetHeader + (scene.is_ipv6 ? 40U : 20U) + further;
  for (std::size_t i = 0; i < count(); ++i) {
    std::uint8_t* at = memory_.at(i * kStride);
    std::ranges::copy(model, at);
    at[source_end - 1] = static_cast<std::uint8_t>(i);
    at[source_end - 2] = static_cast<std::uint8_t>(i >> 8U);
    at[ports] = static_cast<std::uint8_t>(128 + (i >> 16U));
    const auto other = static_cast<std::uint8_t>(i * 37 % scene.virtual_ips);
    if (other != 0) at[virtual_ip] = other;
    const std::size_t rule = i * 61 % scene.rules;
    if (rule != 0) base::store_be16(at + ports + 2, static_cast<std::uint16_t>(1000 + rule));
  }
}

Stage::Stage(const Scene& scene)
    : scene_(scene),
      now_(snapshot_of(scene)),
      pool_(scene),
      flows_(flow_settings(scene), now_.policy->classes().class_sizes, 7) {
  for (const std::span<std::byte> table : flows_.tables())
    dataplane::advise_huge_pages(table);
  hold_all();
  pool_.take(0, bursts_[0]);
}

// Connections are older and younger without regard to when a frame of theirs comes.
void Stage::hold_all() {
  const std::size_t frames = tracked_frames(scene_);
  Others others(flows_, now_);
  hashes_.resize(frames);
  for (std::size_t i = 0; i < frames; ++i) {
    others.hold_up_to(static_cast<std::uint32_t>(scene_.flows * i / frames));
    const std::size_t frame = i * kLeap % frames;
    const packet::FlowKey key = packet::parse(pool_.frame(frame)).key;
    hold(flows_, key, now_);
    hashes_[frame] = flows_.begin(key);
  }
  others.hold_up_to(scene_.flows);
}

Stage::Turn Stage::next_turn() {
  const std::size_t now = std::exchange(next_, (next_ + kBurst) % pool_.count());
  Frames& ahead = bursts_[next_ / kBurst % 2];
  pool_.take(next_, ahead);
  return {now, bursts_[now / kBurst % 2], ahead};
}

Stage::Turn Stage::fetched_turn() {
  const Turn turn = next_turn();
  for (const std::span<std::uint8_t> frame : turn.ahead)
    __builtin_prefetch(frame.data());
  return turn;
}

std::uint64_t Stage::touch_burst() {
  std::uint64_t sum = 0;
  for (const std::span<std::uint8_t> frame : fetched_turn().frames) {
    sum += base::load_le64(frame.data() + kMiddleOfLine);
    if (scene_.is_ipv6) sum += base::load_le64(frame.data() + kNextLine);
  }
  return sum;
}

// In the steps of a worker.
std::uint64_t Stage::touch_flows() {
  const Turn turn = fetched_turn();
  const std::uint32_t* const hashes = hashes_.data() + turn.first;
  for (std::size_t i = 0; i < kBurst; ++i)
    flows_.fetch(hashes[i]);
  for (std::size_t i = 0; i < kBurst; ++i)
    flows_.go_on(hashes[i], sought_[i]);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBurst; ++i) {
    sum += base::load_le64(turn.frames[i].data() + kMiddleOfLine);
    sum += sought_[i].first != nullptr ? sought_[i].first->stamp : 0;
  }
  return sum;
}

std::size_t Stage::decide_burst() {
  const forwarding::Surroundings around{now_, flows_, true};
  const Turn turn = next_turn();
  const std::uint64_t settled = screen_.settle(turn.frames, around, turn.ahead);
  const std::uint64_t decided = screen_.decide(~settled, {turn.frames, views_, decisions_}, around);
  for (std::uint64_t left = ~settled & ~decided; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    decisions_[i] = forwarding::decide(turn.frames[i], views_[i], around);
  }
  const bool expects_drop = scene_.expected == forwarding::Verdict::drop_not_owner;
  auto unexpected = static_cast<std::size_t>(expects_drop ? 0 : std::popcount(settled));
  for (std::uint64_t open = ~settled; open != 0; open &= open - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(open));
    unexpected += decisions_[i].verdict != scene_.expected ? 1U : 0U;
  }
  return unexpected;
}

std::vector<Scene> all_scenes() {
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
    all.push_back({.name = "fragment_" + family, .is_ipv6 = ipv6, .fragment = true});
  }
  for (const auto& [name, flows] :
       {std::pair("64k", 65'536U), std::pair("1M", 1'000'000U), std::pair("4M", 4'000'000U)}) {
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

}  // namespace covey::bench
