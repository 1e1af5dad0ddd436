// SPDX-License-Identifier: BSD-3-Clause
// Besides these, each row of the tables of received frames is held against Screen (support/rows.h).
#include "forwarding/screen.h"

#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <random>

#include "packet/headers.h"
#include "support/environment.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;

namespace {

constexpr std::size_t kBurst = forwarding::Screen::kMostFrames;

Frame tcp_of(bool ipv6, std::uint16_t port, std::uint16_t source = 40000) {
  return FrameBuilder()
      .ip(ipv6 ? kClient6 : kClient, ipv6 ? kVip6 : kVip)
      .tcp(source, port, kAck)
      .payload(5);
}

Frame udp_of(bool ipv6, std::uint16_t port, std::uint16_t source = 40000) {
  return FrameBuilder()
      .ip(ipv6 ? kClient6 : kClient, ipv6 ? kVip6 : kVip2)
      .udp(source, port)
      .payload(5);
}

bool is_settled(const World& world, const Frame& frame) {
  return world.receive(frame).in_burst.is_settled;
}

/// Frames of all kinds a rule can place, and some others.
std::vector<Frame> some_frames() {
  std::vector<Frame> frames;
  for (const bool ipv6 : {false, true}) {
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{80, 443, 8000, 5432, 23, 500, 1723, 9999}) {
      frames.push_back(tcp_of(ipv6, port));
      frames.push_back(udp_of(ipv6, port));
    }
  }
  frames.push_back(FrameBuilder().ip(kClient, kVip).tcp(1, 80, kSyn).vlan(7));
  frames.push_back(FrameBuilder().ip(kClient, kDedicated).tcp(1, 80, kSyn));
  return frames;
}

}  // namespace

TEST_CASE("plain frames of foreign buckets are settled at first sight") {
  for (const bool ipv6 : {false, true}) {
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{80, 443, 8000, 5432, 9999}) {
      INFO("IPv6 " << ipv6 << ", port " << port);
      CHECK(is_settled(World().foreign(), tcp_of(ipv6, port)));
      CHECK(is_settled(World().foreign().lease_expired(), tcp_of(ipv6, port)));
      CHECK(is_settled(World().foreign(), udp_of(ipv6, port)));
      CHECK(is_settled(World().foreign().udp_track(), udp_of(ipv6, port)));
      CHECK(is_settled(World().foreign().without_rules(), tcp_of(ipv6, port)));
    }
  }
}

TEST_CASE("what this host may have a part in is not") {
  const Frame frame = tcp_of(false, 80);
  CHECK_FALSE(is_settled(World(), frame));
  CHECK_FALSE(is_settled(World().dirty(), frame));
  CHECK_FALSE(is_settled(World().given_away(), frame));
  CHECK_FALSE(is_settled(World().retained(), frame));
  CHECK_FALSE(is_settled(World().awaited(), frame));
  CHECK_FALSE(is_settled(World().stopped(), frame));
  for (const auto state :
       {flow::FlowState::half_open, flow::FlowState::established, flow::FlowState::lingering}) {
    CHECK_FALSE(is_settled(World().foreign().holds(state), frame));
  }
}

TEST_CASE("what takes more than a port rule and a hash is not") {
  const World world = World().foreign();
  CHECK_FALSE(is_settled(world, tcp_of(false, 23)));
  CHECK_FALSE(is_settled(world, tcp_of(true, 1723)));
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{500, 4500, 1701})
    CHECK_FALSE(is_settled(world, udp_of(false, port)));
  CHECK_FALSE(is_settled(World().foreign().quic(), udp_of(false, 8000)));
  CHECK(is_settled(World().foreign().quic(), tcp_of(false, 8000)));
  CHECK_FALSE(is_settled(world, FrameBuilder().to(kHostMac).ip(kClient, kVip).tcp(1, 80, kSyn)));
  CHECK_FALSE(is_settled(world, FrameBuilder().from(kHostMac).ip(kClient, kVip).tcp(1, 80, kSyn)));
  CHECK_FALSE(is_settled(world, FrameBuilder().ip(kClient, kVip).tcp(1, 80, kSyn).vlan(7)));
  CHECK_FALSE(is_settled(world, FrameBuilder().ip(kClient, kDedicated).tcp(1, 80, kSyn)));
  // Of fragments the first one must be learned from.
  const auto datagram = FrameBuilder().ip(kClient, kVip2).udp(1, 9999).payload(64);
  CHECK(is_settled(world, datagram));
  CHECK_FALSE(is_settled(world, FrameBuilder(datagram).fragment(0, true)));
  CHECK_FALSE(is_settled(world, FrameBuilder(datagram).fragment(8, false)));
}

namespace {

/// The conversation of a frame, in some state.
void hold(flow::FlowCache& flows, const packet::FrameView& view,
          const forwarding::Snapshot& snapshot, std::mt19937_64& random) {
  const auto placement = forwarding::placement_of(snapshot, view.key);
  if (!placement || view.key.protocol != packet::kProtocolTcp) return;
  constexpr auto kSynAck = std::uint8_t{kSyn | kAck};
  constexpr auto kFinAck = std::uint8_t{kFin | kAck};
  flows.note_egress(view.key, {kSynAck, 1, 0}, *placement, {});
  const std::uint64_t further = random() % 5;
  if (further > 0) flows.note_egress(view.key, {kAck, 2, 1, true}, *placement, {});
  // The segment then is the first of what follows the SYN.
  if (further == 2) flows.note_refused(view.key, {kSyn, view.tcp_sequence - 1, 0});
  if (further > 2) flows.note_egress(view.key, {kFinAck, 2, 1}, *placement, {});
  if (further > 3) flows.note_inbound(view.key, {kFinAck, 1, 3}, {});
}

/// What forwarding makes of a burst, as a worker asks.
struct Judged {
  explicit Judged(std::vector<Frame>& frames)
      : bytes(frames.begin(), frames.end()), views(frames.size()), decisions(frames.size()) {}
  std::vector<std::span<std::uint8_t>> bytes;
  std::vector<packet::FrameView> views;
  std::vector<forwarding::Decision> decisions;
  std::uint64_t settled = 0;
  std::uint64_t placed = 0;  // and decided with the others of the burst
};
Judged judge(forwarding::Screen& screen, std::vector<Frame>& frames,
             const forwarding::Surroundings& around, forwarding::Screen::Frames ahead = {}) {
  Judged judged(frames);
  judged.settled = screen.settle(judged.bytes, around, ahead);
  const std::uint64_t open = forwarding::Screen::first(frames.size()) & ~judged.settled;
  judged.placed = screen.decide(open, {judged.bytes, judged.views, judged.decisions}, around);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if ((judged.settled >> i & 1U) != 0) {
      judged.decisions[i] = screen.settled(i, around.snapshot);
    } else if ((judged.placed >> i & 1U) == 0) {
      judged.decisions[i] = forwarding::decide(judged.bytes[i], judged.views[i], around);
    }
  }
  return judged;
}

/// To one of the addresses of with_many_addresses(), or one that is none.
void redirect(Frame& frame, std::mt19937_64& random) {
  constexpr std::size_t kType = 12;
  const bool ipv6 = frame[kType] == 0x86;
  if (frame[kType] == 0x81) return;  // of a tag
  const std::size_t end =
      packet::kEthernetHeader + (ipv6 ? packet::kIpv6Header : packet::kIpv4Header);
  frame[end - (ipv6 ? 3 : 2)] = 1;
  frame[end - 1] = static_cast<std::uint8_t>(random() % (kManyAddresses + 8));
}

std::vector<Frame> random_frames(const std::vector<Frame>& models, std::mt19937_64& random) {
  std::vector<Frame> frames;
  const bool are_redirected = random() % 2 == 0;
  for (std::size_t size = random() % (kBurst + 1); frames.size() < size;) {
    Frame frame = models[random() % models.size()];
    if (are_redirected && random() % 2 == 0) redirect(frame, random);
    for (std::uint64_t changes = random() % 4; changes > 0; --changes)
      frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
    if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// All of foreign buckets, of our own, of buckets of all states in turn, and of a single one.
std::vector<forwarding::Snapshot> some_snapshots() {
  const std::array worlds = {World().foreign(),
                             World().foreign().udp_track(),
                             World().foreign().quic(),
                             World(),
                             World().retained(),
                             World().foreign().bucket_count(1),
                             World().foreign().with_many_addresses(),
                             World().foreign().bucket_count(4096).with_many_addresses(),
                             World().foreign().bucket_count(512),
                             World().foreign().bucket_count(8192)};
  std::vector<forwarding::Snapshot> snapshots;
  for (const World& world : worlds)
    snapshots.push_back(world.snapshot());
  constexpr std::size_t plain = 7;
  for (forwarding::Snapshot& snapshot : std::span(snapshots).subspan(plain)) {
    bucket::ClassTables& mixed = snapshot.buckets.classes;
    for (std::uint16_t c = 0; c < mixed.size(); ++c) {
      for (std::uint32_t b = c; b <= mixed[c].mask; b += 5)
        mixed.set_state({c}, {b}, static_cast<bucket::BucketState>(b % 6));
    }
  }
  return snapshots;
}

/// Flows in some of the buckets of one class: those of others have none.
void hold_some(flow::FlowCache& flows, const forwarding::Snapshot& snapshot) {
  for (std::uint16_t source = 40000; source < 40032; ++source) {
    packet::FlowKey key = packet::parse(tcp_of(source % 2 == 0, 80, source)).key;
    const auto place = forwarding::placement_of(snapshot, key);
    flows.note_egress(key, {std::uint8_t{kSyn | kAck}, kOurSequence, 0}, place.value(), {});
  }
}

/// The one with the fewest lanes if this has any. The one without looks closer by itself: it
/// settles more where a port may be that of a tunnel of the other protocol.
const forwarding::Screen::Variant& narrowest_like(const forwarding::Screen::Variant& variant) {
  const auto variants = forwarding::Screen::variants();
  return variant.read != nullptr ? variants[variants.size() - 2] : variant;
}

void check_random_bursts(const forwarding::Screen::Variant& variant) {
  INFO(variant.name);
  forwarding::Screen screen(variant);
  forwarding::Screen narrowest(narrowest_like(variant));
  std::mt19937_64 random(20);
  const std::vector<Frame> models = some_frames();
  const std::vector<forwarding::Snapshot> snapshots = some_snapshots();
  std::uint64_t settled = 0;
  std::uint64_t held = 0;
  const std::size_t bursts = from_environment("COVEY_TEST_CASES", 100'000) / kBurst;
  for (std::size_t burst = 0; burst < bursts; ++burst) {
    const forwarding::Snapshot& snapshot = snapshots[random() % snapshots.size()];
    flow::FlowCache flows({.capacity = 64}, snapshot.policy->classes().class_sizes, 7);
    const forwarding::Surroundings around{snapshot, flows};
    std::vector<Frame> frames = random_frames(models, random);
    // In other bursts nothing is held, so that much can be settled.
    const std::uint64_t holding = random() % 4;
    if (holding == 0) hold_some(flows, snapshot);
    for (const Frame& frame : frames) {
      if (holding < 2 && random() % 2 == 0) hold(flows, packet::parse(frame), snapshot, random);
    }
    // What comes next changes nothing; here it is some of the same frames.
    const std::vector<std::span<std::uint8_t>> ahead(
        frames.begin(),
        frames.begin() + static_cast<std::ptrdiff_t>(random() % (frames.size() + 1)));
    const Judged judged = judge(screen, frames, around, ahead);
    REQUIRE(((judged.settled | judged.placed) & ~forwarding::Screen::first(frames.size())) == 0);
    // What is overlooked would be decided as well, only later.
    REQUIRE(judged.settled == narrowest.settle(judged.bytes, around));
    settled += static_cast<std::uint64_t>(std::popcount(judged.settled));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const packet::FrameView view = packet::parse(frames[i]);
      if (judged.decisions[i] != forwarding::decide(frames[i], view, around))
        FAIL("burst " << burst << ", frame " << i << " differs");
      held += judged.decisions[i].verdict == forwarding::Verdict::deliver_flow ? 1U : 0U;
    }
  }
  CHECK(settled > bursts * kBurst / 25);
  CHECK(held > bursts * kBurst / 100);
}

}  // namespace

TEST_CASE("random bursts: what is settled or placed is what decide() says, frame by frame") {
  check_random_bursts(forwarding::Screen::variants().front());
}

TEST_CASE("random bursts: the same on processors that read fewer frames at a time, or one") {
  for (const forwarding::Screen::Variant& variant : forwarding::Screen::variants().subspan(1))
    check_random_bursts(variant);
}
