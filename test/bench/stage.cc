// SPDX-License-Identifier: BSD-3-Clause
#include "stage.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "bucket/siphash_batch.h"
#include "dataplane/huge_pages.h"
#include "packet/headers.h"
#include "support/world.h"

namespace covey::bench {

namespace {

constexpr std::size_t kMiddleOfLine = 32;
constexpr std::size_t kLeap = 40'503;  // odd: leads through all of 2^n frames

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
    // A TCP header over IPv6 goes on in the next line.
    if (scene_.is_ipv6) sum += base::load_le64(frame.data() + kLine);
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

void Stage::decide_burst() {
  const forwarding::Surroundings around{now_, flows_, true};
  const Turn turn = next_turn();
  settled_ = screen_.settle(turn.frames, around, turn.ahead);
  const std::uint64_t decided =
      screen_.decide(~settled_, {turn.frames, views_, decisions_}, around);
  for (std::uint64_t left = ~settled_ & ~decided; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(left));
    decisions_[i] = forwarding::decide(turn.frames[i], views_[i], around);
  }
}

std::size_t Stage::rehearse() {
  std::size_t unexpected = 0;
  for (std::size_t i = 0; i < pool_.count(); i += kBurst) {
    decide_burst();
    unexpected += count_unexpected();
  }
  return unexpected;
}

std::size_t Stage::count_unexpected() const {
  const bool expects_drop = scene_.expected == forwarding::Verdict::drop_not_owner;
  auto unexpected = static_cast<std::size_t>(expects_drop ? 0 : std::popcount(settled_));
  for (std::uint64_t open = ~settled_; open != 0; open &= open - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(open));
    unexpected += decisions_[i].verdict != scene_.expected ? 1U : 0U;
  }
  return unexpected;
}

std::size_t Stage::place_burst() {
  constexpr std::size_t ipv4 = packet::kEthernetHeader;
  constexpr std::size_t tcp = ipv4 + packet::kIpv4Header;
  const Turn turn = next_turn();
  bucket::HashInputs::Lengths lengths = 0;
  for (std::size_t i = 0; i < kBurst; ++i) {
    __builtin_prefetch(turn.ahead[i].data());
    const std::uint8_t* at = turn.frames[i].data();
    const bool is_plain =
        base::load_be16(at + packet::kEtherTypeOffset) == packet::kEtherTypeIpv4 &&
        at[ipv4] == packet::kIpv4WithoutOptions && at[ipv4 + 9] == packet::kProtocolTcp;
    if (!is_plain) continue;
    const std::uint64_t ports = base::load_le32(at + tcp);
    inputs_.put_short(i, base::load_le32(at + ipv4 + 12) | ports << 32U,
                      bucket::detail::last_word(0, 8), 2, lengths);
  }
  inputs_.close(kBurst, lengths);
  bucket::siphash13_batch(now_.policy->hash_key(), inputs_, outputs_);
  const bucket::ClassTables& classes = now_.buckets.classes;
  const bucket::ClassTables::Row row = classes.rows()[bucket::kSpreadClass.value];
  const std::uint64_t* words = classes.foreign_words() + row.start;
  std::size_t foreign = 0;
  for (const std::uint64_t hash : outputs_.hashes) {
    const std::uint64_t bucket = hash & row.mask;
    foreign += words[bucket / 64] >> bucket % 64 & 1U;
  }
  return foreign;
}

void Stage::decide_beside(const Memory& memory) {
  const std::size_t last = memory.size() / kLine - 1;
  for (std::size_t i = 0; i < kBurst; ++i) {
    random_ = random_ * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX
    __builtin_prefetch(memory.at((random_ >> 32U & last) * kLine));
  }
  decide_burst();
}

}  // namespace covey::bench
