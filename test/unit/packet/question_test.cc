// SPDX-License-Identifier: BSD-3-Clause
#include "packet/question.h"

#include <catch2/catch.hpp>

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/reply.h"
#include "support/frames.h"

using namespace covey;
using test::Frame;

namespace {

const base::MacAddress kAsker{{0x02, 0x01, 10, 77, 0, 50}};
const base::MacAddress kGateway{{0x02, 0, 0, 0, 0, 0x01}};
const packet::ReplyMacs kReplyMacs{kGateway, kGateway};

Frame question(std::string_view target, std::size_t room = 128) {
  Frame out(room, 0xee);
  out.resize(packet::build_question(test::ip(target), kAsker, out));
  return out;
}

/// What a gateway makes of the question.
Frame answer(std::string_view target) {
  const Frame asked = question(target);
  const packet::FrameView view = packet::parse(asked);
  Frame out(128);
  out.resize(view.layer3 == packet::Layer3::arp
                 ? packet::build_arp_reply(asked, view, kReplyMacs, out)
                 : packet::build_neighbor_advertisement(asked, view, kReplyMacs, out));
  return out;
}

bool is_answer(const Frame& frame, std::string_view target) {
  return packet::is_answer_to_question(frame, packet::parse(frame), test::ip(target), kAsker);
}

}  // namespace

TEST_CASE("an IPv4 address is asked for with an unspecified sender") {
  const Frame asked = question("10.77.0.1");
  REQUIRE(asked.size() == packet::kMinimumFrame);
  CHECK(packet::destination_mac(asked) == base::MacAddress::broadcast());
  CHECK(packet::source_mac(asked) == kAsker);
  const auto arp = packet::read_arp(asked, packet::parse(asked));
  REQUIRE(arp);
  CHECK(arp->operation == packet::kArpRequest);
  CHECK(arp->sender_mac == kAsker);
  CHECK(arp->sender_ip == test::ip("0.0.0.0"));
  CHECK(arp->target_ip == test::ip("10.77.0.1"));
}

TEST_CASE("an IPv6 address is asked for from the link-local address of the MAC address") {
  const Frame asked = question("2001:db8:77::1");
  CHECK(packet::destination_mac(asked).to_string() == "33:33:ff:00:00:01");
  const packet::FrameView view = packet::parse(asked);
  CHECK(view.status == packet::ParseStatus::ok);
  CHECK(view.key.source_address() == test::ip("fe80::1:aff:fe4d:32"));
  CHECK(view.key.destination_address() == test::ip("ff02::1:ff00:1"));
  const auto solicitation = packet::read_neighbor_solicitation(asked, view);
  REQUIRE(solicitation);
  CHECK(solicitation->target == test::ip("2001:db8:77::1"));
  CHECK_FALSE(solicitation->is_duplicate_address_probe);
  const std::span<const std::uint8_t> frame(asked);
  const auto message = frame.subspan(packet::kEthernetHeader + packet::kIpv6Header);
  CHECK(packet::ipv6_checksum(frame.subspan(packet::kEthernetHeader + packet::kIpv6Addresses, 32),
                              packet::kProtocolIcmpv6, message) == 0);
}

TEST_CASE("what a gateway answers is known as its answer, to this host and of this address") {
  for (const std::string_view gateway : {"10.77.0.1", "2001:db8:77::1"}) {
    const Frame answered = answer(gateway);
    CHECK(is_answer(answered, gateway));
    CHECK_FALSE(is_answer(answered, "10.77.0.2"));
    CHECK_FALSE(is_answer(answered, "2001:db8:77::2"));
    Frame to_another = answered;
    to_another[1] = 0x02;
    CHECK_FALSE(is_answer(to_another, gateway));
    CHECK_FALSE(is_answer(question(gateway), gateway));
  }
}

TEST_CASE("an answer to a question of the local stack is none of ours") {
  const Frame to_stack =
      test::arp({.operation = 2, .sender_ip = "10.77.0.1", .target_ip = "10.77.0.11"}).to(kAsker);
  CHECK_FALSE(is_answer(to_stack, "10.77.0.1"));
  CHECK_FALSE(is_answer(Frame(20, 0), "10.77.0.1"));
}

TEST_CASE("no question where there is no room, and none without an address") {
  CHECK(question("10.77.0.1", 59).empty());
  CHECK(question("2001:db8:77::1", 85).empty());
  CHECK(question("2001:db8:77::1", 86).size() == 86);
  Frame out(128);
  CHECK(packet::build_question({}, kAsker, out) == 0);
}
