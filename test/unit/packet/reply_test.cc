// SPDX-License-Identifier: BSD-3-Clause
#include "packet/reply.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "support/frames.h"

using namespace covey;
using test::Frame;
using test::FrameBuilder;

namespace {

const packet::ReplyMacs kMacs{{{0x02, 0x01, 10, 77, 0, 50}}, test::kClusterMac};
constexpr std::size_t kL4v6 = packet::kEthernetHeader + packet::kIpv6Header;

Frame answer_arp(const Frame& request, std::size_t room = 128) {
  Frame out(room, 0xee);
  out.resize(packet::build_arp_reply(request, packet::parse(request), kMacs, out));
  return out;
}

Frame answer_nd(const Frame& request, std::size_t room = 128) {
  Frame out(room, 0xee);
  out.resize(packet::build_neighbor_advertisement(request, packet::parse(request), kMacs, out));
  return out;
}

}  // namespace

TEST_CASE("an ARP request is answered to the asker with the answer address") {
  const Frame reply = answer_arp(test::arp({1, "10.77.0.100", "10.77.0.50"}));
  REQUIRE(reply.size() == packet::kMinimumFrame);
  CHECK(packet::destination_mac(reply) == test::kClientMac);
  CHECK(packet::source_mac(reply) == kMacs.ethernet_source);
  const auto fields = packet::read_arp(reply, packet::parse(reply));
  REQUIRE(fields.has_value());
  CHECK(fields->operation == packet::kArpReply);
  CHECK(fields->sender_mac == kMacs.answer_mac);
  CHECK(fields->sender_ip == test::ip("10.77.0.50"));
  CHECK(fields->target_mac == test::kClientMac);
  CHECK(fields->target_ip == test::ip("10.77.0.100"));
}

TEST_CASE("the VLAN tag of an ARP request is kept in the answer") {
  const Frame reply = answer_arp(test::arp({1, "10.77.0.100", "10.77.0.50"}).vlan(0x6064));
  const packet::FrameView view = packet::parse(reply);
  CHECK(view.has_vlan);
  CHECK(view.vlan_id == 0x064);
  CHECK(view.layer3 == packet::Layer3::arp);
}

TEST_CASE("padding of an ARP answer carries no bytes of the buffer before") {
  const Frame reply = answer_arp(test::arp({1, "10.77.0.100", "10.77.0.50"}));
  for (std::size_t i = packet::kEthernetHeader + packet::kArpPacket; i < reply.size(); ++i) {
    CHECK(reply[i] == 0);
  }
}

TEST_CASE("what is no answerable ARP request gets no answer") {
  const base::MacAddress group{{3, 0, 0, 0, 0, 1}};
  const std::vector<std::pair<std::string, Frame>> rows = {
      {"a reply", test::arp({2, "10.77.0.100", "10.77.0.50"})},
      {"asked by a group address", test::arp({1, "10.77.0.100", "10.77.0.50", group})},
      {"asked by the zero address",
       test::arp({1, "10.77.0.100", "10.77.0.50", base::MacAddress{}})},
      {"no ARP", FrameBuilder().ip("10.0.0.1", "10.77.0.50").icmp(8, 0)},
      {"cut", test::resized(test::arp({1, "10.77.0.100", "10.77.0.50"}), 30)},
  };
  for (const auto& [name, frame] : rows) {
    INFO(name);
    CHECK(answer_arp(frame).empty());
  }
  CHECK(answer_arp(test::arp({1, "10.77.0.100", "10.77.0.50"}), 59).empty());
}

TEST_CASE("a solicitation is answered to its source, solicited and override") {
  const Frame reply = answer_nd(test::solicitation("fe80::1", "2001:db8::50"));
  const packet::FrameView view = packet::parse(reply);
  REQUIRE(view.status == packet::ParseStatus::ok);
  CHECK(packet::destination_mac(reply) == test::kClientMac);
  CHECK(packet::source_mac(reply) == kMacs.ethernet_source);
  CHECK(view.key.source_address() == test::ip("2001:db8::50"));
  CHECK(view.key.destination_address() == test::ip("fe80::1"));
  CHECK(view.icmp_type == packet::kIcmpv6NeighborAdvertisement);
  CHECK(reply[packet::kEthernetHeader + 7] == 255);
  CHECK(reply[kL4v6 + 4] == 0x60);
  CHECK(base::IpAddress::from_ipv6(&reply[kL4v6 + packet::kNeighborTarget]) ==
        test::ip("2001:db8::50"));
  const std::size_t option =
      packet::find_link_layer_option(reply, view, packet::kTargetLinkLayerOption);
  REQUIRE(option != 0);
  CHECK(base::MacAddress::from(&reply[option + 2]) == kMacs.answer_mac);
  CHECK(test::checksums_are_right(reply));
}

TEST_CASE("a duplicate address probe is answered to all nodes, not solicited") {
  const Frame reply = answer_nd(test::solicitation("::", "2001:db8::50"));
  const packet::FrameView view = packet::parse(reply);
  REQUIRE(view.status == packet::ParseStatus::ok);
  CHECK(packet::destination_mac(reply) == test::mac("33:33:00:00:00:01"));
  CHECK(view.key.destination_address() == test::ip("ff02::1"));
  CHECK(reply[kL4v6 + 4] == 0x20);
  CHECK(test::checksums_are_right(reply));
}

TEST_CASE("a solicitation behind a VLAN tag is answered behind the same tag") {
  const Frame reply = answer_nd(test::solicitation("fe80::1", "2001:db8::50").vlan(12));
  const packet::FrameView view = packet::parse(reply);
  REQUIRE(view.status == packet::ParseStatus::ok);
  CHECK(view.vlan_id == 12);
  CHECK(test::checksums_are_right(reply));
}

TEST_CASE("a solicitation without a source option is answered to the Ethernet source") {
  const Frame asked =
      test::solicitation("fe80::1", "2001:db8::50").from(test::mac("02:00:00:00:00:77"));
  const std::size_t option = kL4v6 + packet::kNeighborOptions;
  CHECK(packet::destination_mac(answer_nd(asked)) == test::kClientMac);
  CHECK(packet::destination_mac(answer_nd(test::patch(asked, option, {14}))) ==
        test::mac("02:00:00:00:00:77"));
}

TEST_CASE("what is no answerable solicitation gets no advertisement") {
  const Frame asked = test::solicitation("fe80::1", "2001:db8::50");
  CHECK(answer_nd(test::patch(asked, kL4v6 + packet::kNeighborOptions + 2, {0x33})).empty());
  CHECK(answer_nd(asked, kL4v6 + 31).empty());
  CHECK(answer_nd(asked, kL4v6 + 32).size() == kL4v6 + 32);
  CHECK(answer_nd(test::advertisement("2001:db8::50", "fe80::1")).empty());
  CHECK(answer_nd({}).empty());
}

TEST_CASE("a changed field keeps a checksum right when old bytes are removed and new ones added") {
  const std::vector<std::uint8_t> before = {0x12, 0x34, 0xff, 0xff, 0x00, 0x01};
  const std::vector<std::uint8_t> after = {0xab, 0xcd, 0x00, 0x00, 0xff, 0xfe};
  packet::InternetSum whole_before;
  whole_before.add(before);
  packet::InternetSum updated;
  updated.remove(before);
  updated.add(after);
  // RFC 1624: the complement of the old checksum goes in with the differences.
  updated.add(std::uint32_t{static_cast<std::uint16_t>(~whole_before.finish())});
  packet::InternetSum whole_after;
  whole_after.add(after);
  CHECK(updated.finish() == whole_after.finish());
}

TEST_CASE("an odd last byte counts as if a zero followed") {
  const std::array<std::uint8_t, 3> odd = {1, 2, 3};
  const std::array<std::uint8_t, 4> even = {1, 2, 3, 0};
  packet::InternetSum first;
  first.add(odd);
  packet::InternetSum second;
  second.add(even);
  CHECK(first.finish() == second.finish());
}
