// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "packet/headers.h"
#include "packet/parse.h"
#include "support/frames.h"

using namespace covey;
using test::Frame;
using test::FrameBuilder;
using test::kAck;

namespace {

constexpr std::size_t kL3 = packet::kEthernetHeader;
constexpr std::size_t kL4 = kL3 + packet::kIpv4Header;
constexpr std::size_t kL4v6 = kL3 + packet::kIpv6Header;

std::optional<packet::FlowKey> embedded(const Frame& frame) {
  return packet::embedded_flow(frame, packet::parse(frame));
}

std::optional<packet::NeighborSolicitation> read_ns(const Frame& frame) {
  return packet::read_neighbor_solicitation(frame, packet::parse(frame));
}

std::optional<packet::NeighborAdvertisement> read_na(const Frame& frame) {
  return packet::read_neighbor_advertisement(frame, packet::parse(frame));
}

FrameBuilder answer4() {
  return FrameBuilder().ip("10.77.0.50", "10.9.9.9").tcp(80, 40000, kAck);
}
FrameBuilder answer6() {
  return FrameBuilder().ip("2001:db8::50", "2001:db8:9::9").udp(53, 5353);
}

}  // namespace

TEST_CASE("an ICMP error tells the conversation it speaks of") {
  const auto flow = embedded(test::unreachable("10.77.0.1", answer4()));
  REQUIRE(flow.has_value());
  CHECK(flow->source_address() == test::ip("10.77.0.50"));
  CHECK(flow->destination_address() == test::ip("10.9.9.9"));
  CHECK(flow->source_port == 80);
  CHECK(flow->destination_port == 40000);
  CHECK(flow->protocol == packet::kProtocolTcp);
  CHECK(flow->reversed().source_address() == test::ip("10.9.9.9"));
  CHECK(flow->reversed().destination_port == 80);
}

TEST_CASE("an ICMPv6 error tells it too, through extension headers") {
  for (const Frame& original : {answer6().build(), answer6().extension(60).build()}) {
    const auto flow = embedded(test::unreachable("fe80::1", original));
    REQUIRE(flow.has_value());
    CHECK(flow->source_address() == test::ip("2001:db8::50"));
    CHECK(flow->destination_port == 5353);
    CHECK(flow->protocol == packet::kProtocolUdp);
  }
}

TEST_CASE("eight bytes of the embedded segment are enough, three are not") {
  CHECK(embedded(test::unreachable("10.77.0.1", answer4(), packet::kIpv4Header + 8)).has_value());
  CHECK(embedded(test::unreachable("10.77.0.1", answer4(), packet::kIpv4Header + 4)).has_value());
  CHECK_FALSE(
      embedded(test::unreachable("10.77.0.1", answer4(), packet::kIpv4Header + 3)).has_value());
}

TEST_CASE("an embedded packet without ports is told by its addresses") {
  const Frame esp = FrameBuilder().ip("10.77.0.50", "10.9.9.9").protocol(50, {1, 2, 3});
  const auto flow = embedded(test::unreachable("10.77.0.1", esp));
  REQUIRE(flow.has_value());
  CHECK(flow->protocol == packet::kProtocolEsp);
  CHECK(flow->source_port == 0);
}

TEST_CASE("what does not embed a readable packet has no embedded flow") {
  const Frame error = test::unreachable("10.77.0.1", answer4());
  const Frame error6 = test::unreachable("fe80::1", answer6());
  const std::size_t inner = kL4 + packet::kIcmpHeader;
  const std::size_t inner6 = kL4v6 + packet::kIcmpHeader;
  const std::vector<std::pair<std::string, Frame>> rows = {
      {"echo request", FrameBuilder().ip("10.0.0.1", "10.77.0.50").icmp(8, 0)},
      {"TCP", answer4()},
      {"nothing embedded", FrameBuilder().ip("10.0.0.1", "10.77.0.50").icmp(3, 0)},
      {"embedded header cut", test::unreachable("10.77.0.1", answer4(), 19)},
      {"embedded version 6 in ICMP", test::patch(error, inner, {0x65})},
      {"embedded header of 16 bytes", test::patch(error, inner, {0x44})},
      {"embedded header longer than the message", test::patch(error, inner, {0x4f})},
      {"embedded later fragment", test::patch(error, inner + 6, {0x00, 0x10})},
      {"embedded IPv6 header cut", test::unreachable("fe80::1", answer6(), 39)},
      {"embedded IPv4 in ICMPv6", test::patch(error6, inner6, {0x40})},
      {"embedded IPv6 later fragment", test::unreachable("fe80::1", answer6().fragment(9, true))},
      {"neighbour solicitation", test::solicitation("fe80::1", "2001:db8::50")},
      {"malformed outer header", test::patch(error, kL3 + 2, {0xff, 0xff})},
      {"empty frame", {}},
  };
  for (const auto& [name, frame] : rows) {
    INFO(name);
    CHECK_FALSE(embedded(frame).has_value());
  }
}

TEST_CASE("ARP fields are read as they stand, behind a VLAN tag as well") {
  const base::MacAddress target{{2, 0, 0, 0, 0, 9}};
  for (const bool tagged : {false, true}) {
    FrameBuilder builder = test::arp({2, "10.77.0.100", "10.77.0.50", test::kClientMac, target});
    if (tagged) builder.vlan(7);
    const Frame frame = builder.build();
    const auto fields = packet::read_arp(frame, packet::parse(frame));
    REQUIRE(fields.has_value());
    CHECK(fields->operation == 2);
    CHECK(fields->sender_mac == test::kClientMac);
    CHECK(fields->sender_ip == test::ip("10.77.0.100"));
    CHECK(fields->target_mac == target);
    CHECK(fields->target_ip == test::ip("10.77.0.50"));
  }
  CHECK_FALSE(packet::read_arp(answer4().build(), packet::parse(answer4().build())).has_value());
}

TEST_CASE("a neighbour solicitation names its target") {
  const auto asked = read_ns(test::solicitation("fe80::1", "2001:db8::50"));
  REQUIRE(asked.has_value());
  CHECK(asked->target == test::ip("2001:db8::50"));
  CHECK_FALSE(asked->is_duplicate_address_probe);

  const auto probe = read_ns(test::solicitation("::", "2001:db8::50"));
  REQUIRE(probe.has_value());
  CHECK(probe->is_duplicate_address_probe);
}

TEST_CASE("a solicitation that RFC 4861 calls invalid is not read") {
  const Frame good = test::solicitation("fe80::1", "2001:db8::50");
  const Frame probe = test::solicitation("::", "2001:db8::50");
  const std::vector<std::pair<std::string, Frame>> rows = {
      {"came through a router", test::patch(good, kL3 + 7, {254})},
      {"code 1", test::patch(good, kL4v6 + 1, {1})},
      {"target cut", test::patch(test::resized(good, kL4v6 + 23), kL3 + 4, {0, 23})},
      {"multicast target", test::patch(good, kL4v6 + packet::kNeighborTarget, {0xff})},
      {"fragmented", test::solicitation("fe80::1", "2001:db8::50").fragment(0, true)},
      {"probe with a source address option",
       test::patch(good, kL3 + packet::kIpv6Addresses, std::vector<std::uint8_t>(16, 0))},
      {"probe to a unicast address", test::patch(probe, kL3 + packet::kIpv6Addresses + 16, {0x20})},
      {"probe to another group", test::patch(probe, kL3 + packet::kIpv6Addresses + 31, {0x51})},
      {"advertisement", test::advertisement("2001:db8::50", "fe80::1")},
      {"TCP", FrameBuilder().ip("fe80::1", "2001:db8::50").tcp(1, 2, kAck)},
  };
  for (const auto& [name, frame] : rows) {
    INFO(name);
    CHECK_FALSE(read_ns(frame).has_value());
  }
}

TEST_CASE("a neighbour advertisement names its target, and whether it is an answer") {
  const auto told = read_na(test::advertisement("2001:db8::50", "fe80::1"));
  REQUIRE(told.has_value());
  CHECK(told->target == test::ip("2001:db8::50"));
  CHECK(told->is_answer);

  const auto announced = read_na(test::announcement("2001:db8::50").vlan(3));
  REQUIRE(announced.has_value());
  CHECK(announced->target == test::ip("2001:db8::50"));
  CHECK_FALSE(announced->is_answer);
}

TEST_CASE("an advertisement that RFC 4861 calls invalid is not read") {
  const Frame good = test::announcement("2001:db8::50");
  const std::vector<std::pair<std::string, Frame>> rows = {
      {"came through a router", test::patch(good, kL3 + 7, {254})},
      {"code 1", test::patch(good, kL4v6 + 1, {1})},
      {"target cut", test::patch(test::resized(good, kL4v6 + 23), kL3 + 4, {0, 23})},
      {"multicast target", test::patch(good, kL4v6 + packet::kNeighborTarget, {0xff})},
      {"fragmented", test::announcement("2001:db8::50").fragment(0, true)},
      {"an answer to a group", test::advertisement("2001:db8::50", "ff02::1")},
      {"solicitation", test::solicitation("fe80::1", "2001:db8::50")},
      {"TCP", FrameBuilder().ip("fe80::1", "2001:db8::50").tcp(1, 2, kAck)},
  };
  for (const auto& [name, frame] : rows) {
    INFO(name);
    CHECK_FALSE(read_na(frame).has_value());
  }
}

TEST_CASE("a link-layer option of length zero ends the search") {
  const Frame good = test::solicitation("fe80::1", "2001:db8::50");
  const std::size_t at = kL4v6 + packet::kNeighborOptions;
  CHECK(packet::find_link_layer_option(good, packet::parse(good), 1) == at);
  CHECK(packet::find_link_layer_option(good, packet::parse(good), 2) == 0);
  const Frame broken = test::patch(good, at + 1, {0});
  CHECK(packet::find_link_layer_option(broken, packet::parse(broken), 1) == 0);
}
