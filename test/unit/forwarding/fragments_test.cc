// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/fragments.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>

#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using forwarding::Decision;
using forwarding::Fragments;
using forwarding::Verdict;

namespace {

constexpr base::TimePoint kStart{};

FrameBuilder udp(std::string_view source = kClient, std::uint16_t port = 8000) {
  return FrameBuilder().ip(source, kVip).udp(5000, port);
}

// One host of the world, and what its worker does with fragments: the frames are known by name.
class Host {
 public:
  explicit Host(const World& world = World())
      : snapshot_(world.snapshot()),
        flows_({.capacity = 64}, snapshot_.policy->classes().class_sizes, 1) {}

  /// The verdict, or "waits".
  std::string receive(const Frame& frame, base::TimePoint now = kStart) {
    const packet::FrameView view = packet::parse(frame);
    const Decision decision = decide(frame);
    fragments_.learn(view, decision, now);
    if (decision.verdict != drop_fragment_unknown) {
      return std::string(forwarding::name(decision.verdict));
    }
    const auto slot = fragments_.park(view, now);
    if (!slot) return std::string(forwarding::name(drop_fragment_full));
    CHECK_FALSE(parked_.contains(*slot));
    parked_[*slot] = frame;
    return "waits";
  }
  [[nodiscard]] Decision decide(const Frame& frame) const {
    return forwarding::decide(frame, packet::parse(frame), {snapshot_, flows_, true, &fragments_});
  }
  /// Frames that wait no longer because their first one has come.
  std::vector<Frame> ready() {
    std::vector<Frame> frames;
    while (const auto slot = fragments_.take_ready())
      frames.push_back(take(*slot));
    return frames;
  }
  std::vector<Frame> expire(base::TimePoint now) {
    std::vector<Frame> frames;
    for (const Fragments::Slot slot : fragments_.expire(now))
      frames.push_back(take(slot));
    return frames;
  }
  [[nodiscard]] std::size_t waiting() const { return parked_.size(); }
  flow::FlowCache& flows() { return flows_; }
  [[nodiscard]] const forwarding::Snapshot& snapshot() const { return snapshot_; }

 private:
  Frame take(Fragments::Slot slot) {
    const auto found = parked_.find(slot);
    REQUIRE(found != parked_.end());
    Frame frame = std::move(found->second);
    parked_.erase(found);
    return frame;
  }

  forwarding::Snapshot snapshot_;
  flow::FlowCache flows_;
  Fragments fragments_{42};
  std::map<Fragments::Slot, Frame> parked_;
};

}  // namespace

TEST_CASE("later fragments share the fate of the first, whatever it is") {
  struct Row {
    std::string name;
    World world;
    FrameBuilder datagram;
    std::string verdict;
  };
  const std::vector<Row> rows = {
      {"ours", World(), udp(), "deliver_owned"},
      {"another host's", World().foreign(), udp(), "drop_not_owner"},
      {"disabled", World(), udp(kClient, 23), "drop_rule_disabled"},
      {"default host", World(), udp(kClient, 9), "deliver_default"},
      {"IPv6", World(), FrameBuilder().ip(kClient6, kVip6).udp(5000, 9), "deliver_default"},
      {"TCP of another host", World().foreign(),
       FrameBuilder().ip(kClient, kVip).tcp(40000, 80, kAck).payload(40), "drop_not_owner"},
      {"behind more IPv6 headers", World(),
       FrameBuilder().ip(kClient6, kVip6).extension(0).extension(60).udp(5000, 9),
       "deliver_default"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    Host host(row.world);
    FrameBuilder datagram = row.datagram;
    CHECK(host.receive(datagram.fragment(0, true)) == row.verdict);
    CHECK(host.receive(datagram.fragment(185, true)) == row.verdict);
    CHECK(host.receive(datagram.fragment(370, false)) == row.verdict);
    CHECK(host.waiting() == 0);
  }
}

TEST_CASE("a segment of a held connection in fragments goes to who holds it") {
  Host host(World().foreign());
  FrameBuilder segment = FrameBuilder().ip(kClient, kVip).tcp(40000, 80, kAck).payload(40);
  const packet::FlowKey key = packet::parse(segment.build()).key;
  host.flows().note_egress(key, {kAck, 1, 1, true}, *placement_of(host.snapshot(), key), kStart);
  CHECK(host.receive(segment.fragment(0, true)) == "deliver_flow");
  CHECK(host.receive(segment.fragment(185, false)) == "deliver_flow");
}

TEST_CASE("TCP in fragments under a rule without ports waits where a connection may have stayed") {
  const auto later = [](Host& host) {
    return host.receive(FrameBuilder().ip(kClient, kVip).tcp(1, 80, kAck).fragment(185, false));
  };
  Host foreign(World().without_rules().foreign());
  CHECK(later(foreign) == "drop_not_owner");
  const packet::FlowKey key =
      packet::parse(FrameBuilder().ip(kClient, kVip).tcp(40000, 80, kAck).build()).key;
  foreign.flows().note_egress(key, {kAck, 1, 1, true}, *placement_of(foreign.snapshot(), key),
                              kStart);
  CHECK(later(foreign) == "waits");
  Host dirty(World().without_rules().dirty());
  CHECK(later(dirty) == "waits");
  Host own(World().without_rules());
  CHECK(later(own) == "deliver_default");
}

TEST_CASE("fragments that come before the first wait for it, and go on in order") {
  Host host;
  const Frame last = udp().fragment(370, false);
  const Frame middle = udp().fragment(185, true);
  const Frame stranger = udp("10.77.0.101").fragment(185, true);
  CHECK(host.receive(last) == "waits");
  CHECK(host.receive(stranger) == "waits");
  CHECK(host.receive(middle) == "waits");
  CHECK(host.ready().empty());
  CHECK(host.receive(udp().fragment(0, true)) == "deliver_owned");
  CHECK(host.ready() == std::vector<Frame>{last, middle});
  CHECK(host.receive(last) == "deliver_owned");
  CHECK(host.waiting() == 1);
}

TEST_CASE("datagrams are told apart by addresses, identification and protocol") {
  Host host;
  CHECK(host.receive(udp().fragment(0, true, 7)) == "deliver_owned");
  CHECK(host.receive(udp().fragment(185, false, 7)) == "deliver_owned");
  CHECK(host.receive(udp().fragment(185, false, 8)) == "waits");
  CHECK(host.receive(udp("10.77.0.101").fragment(185, false, 7)) == "waits");
  CHECK(host.receive(
            FrameBuilder().ip(kClient, kVip).tcp(5000, 8000, kAck).fragment(185, false, 7)) ==
        "waits");
  // IPv6 has 32 bits, and no protocol among what tells datagrams apart.
  const auto six = [] { return FrameBuilder().ip(kClient6, kVip6).udp(5000, 9); };
  CHECK(host.receive(six().fragment(0, true, 0x10007)) == "deliver_default");
  CHECK(host.receive(six().fragment(185, false, 0x10007)) == "deliver_default");
  CHECK(host.receive(six().fragment(185, false, 0x20007)) == "waits");
  CHECK(host.receive(
            FrameBuilder().ip(kClient6, kVip6).protocol(60, {}).fragment(185, false, 0x10007)) ==
        "deliver_default");
}

TEST_CASE("who waits in vain is dropped after its time, not before") {
  Host host;
  const Frame early = udp().fragment(185, false, 1);
  const Frame late = udp().fragment(185, false, 2);
  CHECK(host.receive(early, kStart) == "waits");
  CHECK(host.receive(late, kStart + std::chrono::milliseconds(10)) == "waits");
  const base::TimePoint end = kStart + Fragments::kParkingLife;
  CHECK(host.expire(end - base::Duration(1)).empty());
  CHECK(host.expire(end) == std::vector<Frame>{early});
  CHECK(host.receive(udp().fragment(0, true, 1), end) == "deliver_owned");
  CHECK(host.ready().empty());
  CHECK(host.expire(end + std::chrono::milliseconds(10)) == std::vector<Frame>{late});
  CHECK(host.waiting() == 0);
}

TEST_CASE("a datagram is forgotten after its time") {
  Host host;
  CHECK(host.receive(udp().fragment(0, true)) == "deliver_owned");
  const auto sweep = [&host](base::TimePoint now) {
    for (std::size_t i = 0; i < Fragments::kSourceRooms; ++i)
      CHECK(host.expire(now).empty());
  };
  sweep(kStart + Fragments::kDatagramLife - base::Duration(1));
  CHECK(host.decide(udp().fragment(185, false)).verdict == deliver_owned);
  sweep(kStart + Fragments::kDatagramLife);
  CHECK(host.decide(udp().fragment(185, false)).verdict == drop_fragment_unknown);
}

TEST_CASE("of two first fragments the newer counts") {
  Host host;
  CHECK(host.receive(udp(kClient, 8000).fragment(0, true)) == "deliver_owned");
  CHECK(host.receive(udp(kClient, 23).fragment(0, true)) == "drop_rule_disabled");
  CHECK(host.receive(udp().fragment(185, false)) == "drop_rule_disabled");
}

TEST_CASE("only what its bucket or its ports decide is remembered") {
  Host host;
  // Whole frames, malformed first fragments and frames for others.
  host.receive(udp());
  host.receive(FrameBuilder().ip(kClient, kVip).protocol(17, {0, 1}).fragment(0, true));
  host.receive(FrameBuilder().ip(kClient, "10.77.0.99").udp(1, 8000).fragment(0, true));
  CHECK(host.receive(udp().fragment(185, false)) == "waits");
  CHECK(host.receive(FrameBuilder().ip(kClient, "10.77.0.99").udp(1, 8000).fragment(185, false)) ==
        "drop_not_for_us");
}

TEST_CASE("a flood of one source takes room from nobody else") {
  Host host;
  const auto flood = [](std::uint32_t id) { return udp("198.51.100.1").fragment(185, true, id); };
  for (std::uint32_t id = 0; id < Fragments::kParkedPerRoom; ++id)
    CHECK(host.receive(flood(id)) == "waits");
  CHECK(host.receive(flood(1000)) == "drop_fragment_full");
  CHECK(host.receive(udp().fragment(185, false)) == "waits");
  for (std::uint32_t id = 0; id < 1000; ++id)
    host.receive(udp("198.51.100.1").fragment(0, true, id));
  CHECK(host.ready().size() == Fragments::kParkedPerRoom);
  CHECK(host.receive(udp().fragment(0, true)) == "deliver_owned");
  CHECK(host.ready().size() == 1);
  CHECK(host.receive(flood(999)) == "deliver_owned");
  CHECK(host.receive(flood(999 - Fragments::kDatagramsPerRoom)) == "waits");
}

TEST_CASE("a flood of many sources fills the slots, and they come back") {
  Host host;
  std::size_t full = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    const std::string source = "198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    full += host.receive(udp(source).fragment(185, false)) == "drop_fragment_full" ? 1U : 0U;
  }
  CHECK(host.waiting() == Fragments::kParkingSlots);
  CHECK(full == 2000 - Fragments::kParkingSlots);
  CHECK(host.expire(kStart + Fragments::kParkingLife).size() == Fragments::kParkingSlots);
  CHECK(host.receive(udp().fragment(185, false), kStart + Fragments::kParkingLife) == "waits");
}

TEST_CASE("datagrams in any order, mixed and with duplicates, arrive whole or not at all") {
  std::mt19937 random(20'261'128);
  for (int round = 0; round < 200; ++round) {
    Host host;
    std::vector<std::pair<std::uint32_t, Frame>> fragments;
    for (std::uint32_t id = 0; id < 8; ++id) {
      const std::string source = "10.77.0." + std::to_string(100 + id % 3);
      const std::uint16_t port = id % 2 == 0 ? 8000 : 23;
      fragments.emplace_back(id, udp(source, port).fragment(0, true, id));
      fragments.emplace_back(id, udp(source, port).fragment(185, true, id));
      fragments.emplace_back(id, udp(source, port).fragment(370, false, id));
    }
    fragments.insert(fragments.end(), fragments.begin(), fragments.begin() + 5);
    std::shuffle(fragments.begin(), fragments.end(), random);
    std::map<std::uint32_t, int> delivered;
    std::map<std::uint32_t, int> dropped;
    const auto settle = [&](const Frame& frame) {
      const std::string fate = host.receive(frame);
      const std::uint32_t id = packet::parse(frame).fragment_id;
      if (fate == "deliver_owned") ++delivered[id];
      if (fate == "drop_rule_disabled") ++dropped[id];
    };
    for (const auto& [id, frame] : fragments) {
      settle(frame);
      for (const Frame& again : host.ready())
        settle(again);
    }
    CHECK(host.waiting() == 0);
    for (std::uint32_t id = 0; id < 8; ++id) {
      CHECK((id % 2 == 0 ? delivered : dropped)[id] >= 3);
      CHECK((id % 2 == 0 ? dropped : delivered)[id] == 0);
    }
  }
}
