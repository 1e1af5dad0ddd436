// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "packet/headers.h"
#include "support/frames.h"

using namespace covey;
using packet::Layer3;
using packet::ParseStatus;
using test::Frame;
using test::FrameBuilder;
using test::kAck;
using test::kSyn;

namespace {

FrameBuilder tcp4() {
  return FrameBuilder().ip("10.77.0.100", "10.77.0.50").tcp(40000, 80, kSyn);
}
FrameBuilder udp4() {
  return FrameBuilder().ip("10.77.0.100", "10.77.0.50").udp(5353, 53).payload(20);
}
FrameBuilder tcp6() {
  return FrameBuilder()
      .ip("2001:db8::100", "2001:db8::50")
      .tcp(40000, 80, kSyn | kAck)
      .numbers(7, 9);
}
FrameBuilder udp6() {
  return FrameBuilder().ip("2001:db8::100", "2001:db8::50").udp(5353, 53);
}
FrameBuilder ping4() {
  return FrameBuilder().ip("10.77.0.100", "10.77.0.50").icmp(8, 0);
}

constexpr std::size_t kL3 = packet::kEthernetHeader;
constexpr std::size_t kL4 = kL3 + packet::kIpv4Header;
constexpr std::size_t kL4v6 = kL3 + packet::kIpv6Header;

struct StatusRow {
  std::string name;
  Frame frame;
  ParseStatus expected;
};

}  // namespace

TEST_CASE("a TCP segment over IPv4 shows its conversation, flags and numbers") {
  const Frame frame = tcp4().numbers(0x01020304, 0x05060708).payload(11);
  const packet::FrameView view = packet::parse(frame);
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.layer3 == Layer3::ipv4);
  CHECK(view.key.source_address() == test::ip("10.77.0.100"));
  CHECK(view.key.destination_address() == test::ip("10.77.0.50"));
  CHECK(view.key.source_port == 40000);
  CHECK(view.key.destination_port == 80);
  CHECK(view.key.protocol == packet::kProtocolTcp);
  CHECK(view.has_ports);
  CHECK(view.is_bare_syn());
  CHECK_FALSE(view.is_syn_ack());
  CHECK(view.tcp_sequence == 0x01020304);
  CHECK(view.tcp_acknowledgement == 0x05060708);
  CHECK(view.payload_length == 11);
  CHECK(view.l3_offset == kL3);
  CHECK(view.l4_offset == kL4);
  CHECK_FALSE(view.is_fragment);
  CHECK(packet::destination_mac(frame) == test::kClusterMac);
  CHECK(packet::source_mac(frame) == test::kClientMac);
}

TEST_CASE("a TCP segment over IPv6 shows the same") {
  const packet::FrameView view = packet::parse(tcp6().payload(3).build());
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.layer3 == Layer3::ipv6);
  CHECK(view.key.source_address() == test::ip("2001:db8::100"));
  CHECK(view.key.destination_address() == test::ip("2001:db8::50"));
  CHECK(view.key.source_port == 40000);
  CHECK(view.key.destination_port == 80);
  CHECK(view.is_syn_ack());
  CHECK_FALSE(view.is_bare_syn());
  CHECK(view.tcp_sequence == 7);
  CHECK(view.tcp_acknowledgement == 9);
  CHECK(view.payload_length == 3);
  CHECK(view.l4_offset == kL4v6);
}

TEST_CASE("UDP shows its ports in both families") {
  for (const Frame& frame : {udp4().build(), udp6().build()}) {
    const packet::FrameView view = packet::parse(frame);
    REQUIRE(view.status == ParseStatus::ok);
    CHECK(view.key.protocol == packet::kProtocolUdp);
    CHECK(view.has_ports);
    CHECK(view.key.source_port == 5353);
    CHECK(view.key.destination_port == 53);
  }
}

TEST_CASE("one VLAN tag is read and all offsets move by it") {
  const packet::FrameView view = packet::parse(tcp4().vlan(0xe123).build());
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.has_vlan);
  CHECK(view.vlan_id == 0x123);  // priority bits are no part of it
  CHECK(view.ether_type == packet::kEtherTypeIpv4);
  CHECK(view.l3_offset == kL3 + 4);
  CHECK(view.l4_offset == kL4 + 4);
  CHECK(view.key.destination_port == 80);
}

TEST_CASE("heartbeats and unknown EtherTypes are told apart by type alone") {
  CHECK(packet::parse(FrameBuilder().raw(0x88b5, {}).build()).layer3 == Layer3::heartbeat);
  const packet::FrameView view = packet::parse(FrameBuilder().raw(0x88cc, {1, 2, 3}).build());
  CHECK(view.layer3 == Layer3::other);
  CHECK(view.status == ParseStatus::ok);
  CHECK(view.ether_type == 0x88cc);
}

TEST_CASE("IPv4 options are stepped over") {
  const packet::FrameView view = packet::parse(tcp4().options({1, 1, 1, 0, 1, 1, 1, 0}).build());
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.l4_offset == kL4 + 8);
  CHECK(view.key.destination_port == 80);
}

TEST_CASE("Ethernet padding is not taken for TCP data") {
  const packet::FrameView view = packet::parse(test::resized(tcp4().payload(1), 60));
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.payload_length == 1);
}

TEST_CASE("the first fragment has ports, later ones have none") {
  const packet::FrameView first = packet::parse(udp4().fragment(0, true, 0xbeef).build());
  REQUIRE(first.status == ParseStatus::ok);
  CHECK(first.is_fragment);
  CHECK_FALSE(first.is_later_fragment);
  CHECK(first.has_ports);
  CHECK(first.fragment_id == 0xbeef);

  const packet::FrameView later = packet::parse(udp4().fragment(3, false, 0xbeef).build());
  REQUIRE(later.status == ParseStatus::ok);
  CHECK(later.is_fragment);
  CHECK(later.is_later_fragment);
  CHECK_FALSE(later.has_ports);
  CHECK(later.key.source_port == 0);
  CHECK(later.key.destination_port == 0);
  CHECK(later.l4_offset == 0);
  CHECK(later.fragment_id == 0xbeef);
  CHECK(later.key.protocol == packet::kProtocolUdp);
}

TEST_CASE("IPv6 fragments are read from their header") {
  const packet::FrameView first = packet::parse(udp6().fragment(0, true, 0xdeadbeef).build());
  REQUIRE(first.status == ParseStatus::ok);
  CHECK(first.is_fragment);
  CHECK(first.has_ports);
  CHECK(first.fragment_id == 0xdeadbeef);
  CHECK(first.l4_offset == kL4v6 + 8);

  const packet::FrameView later = packet::parse(udp6().fragment(185, true, 0xdeadbeef).build());
  REQUIRE(later.status == ParseStatus::ok);
  CHECK(later.is_later_fragment);
  CHECK_FALSE(later.has_ports);
  CHECK(later.key.protocol == packet::kProtocolUdp);
}

TEST_CASE("an atomic IPv6 fragment is no fragment") {
  const packet::FrameView view = packet::parse(udp6().fragment(0, false).build());
  REQUIRE(view.status == ParseStatus::ok);
  CHECK_FALSE(view.is_fragment);
  CHECK(view.has_ports);
}

TEST_CASE("IPv6 extension headers are walked up to the limit") {
  FrameBuilder frame = udp6().extension(0, 2).extension(43).extension(60, 3);
  packet::FrameView view = packet::parse(frame.build());
  REQUIRE(view.status == ParseStatus::ok);
  CHECK(view.l4_offset == kL4v6 + 48);
  CHECK(view.key.destination_port == 53);

  FrameBuilder eight = udp6();
  for (unsigned i = 0; i < packet::kMaxExtensionHeaders; ++i)
    eight.extension(60);
  CHECK(packet::parse(eight.build()).status == ParseStatus::ok);

  view = packet::parse(eight.extension(60).build());
  CHECK(view.status == ParseStatus::too_many_extensions);
  CHECK(view.key.source_address() == test::ip("2001:db8::100"));
  CHECK(view.key.destination_address() == test::ip("2001:db8::50"));
  CHECK_FALSE(view.has_ports);
}

TEST_CASE("AH is a protocol of its own in both families") {
  const std::vector<std::uint8_t> header(24, 1);
  const Frame four = FrameBuilder().ip("10.0.0.1", "10.77.0.50").protocol(51, header);
  const Frame six = FrameBuilder().ip("2001:db8::1", "2001:db8::50").protocol(51, header);
  for (const Frame& frame : {four, six}) {
    const packet::FrameView view = packet::parse(frame);
    REQUIRE(view.status == ParseStatus::ok);
    CHECK(view.key.protocol == packet::kProtocolAh);
    CHECK_FALSE(view.has_ports);
    CHECK(view.l4_offset != 0);
  }
}

TEST_CASE("ICMP shows type and code, and its protocol number means nothing in the other family") {
  packet::FrameView view =
      packet::parse(FrameBuilder().ip("10.0.0.1", "10.0.0.2").icmp(3, 4).build());
  CHECK(view.icmp_type == 3);
  CHECK(view.icmp_code == 4);
  view = packet::parse(FrameBuilder().ip("2001:db8::1", "2001:db8::2").icmp(128, 0).build());
  CHECK(view.icmp_type == 128);
  view = packet::parse(FrameBuilder().ip("2001:db8::1", "2001:db8::2").protocol(1, {8, 0}).build());
  CHECK(view.status == ParseStatus::ok);
  CHECK(view.icmp_type == 0);
}

namespace {

void check_statuses(const std::vector<StatusRow>& rows) {
  for (const StatusRow& row : rows) {
    INFO(row.name);
    const packet::FrameView view = packet::parse(row.frame);
    CHECK(view.status == row.expected);
    if (row.expected != ParseStatus::ok) CHECK_FALSE(view.has_ports);
  }
}

}  // namespace

TEST_CASE("headers that break a rule are named by the rule they break") {
  const std::vector<StatusRow> rows = {
      {"empty frame", {}, ParseStatus::truncated},
      {"13 bytes", test::resized(tcp4(), 13), ParseStatus::truncated},
      {"Ethernet header only, IPv4", test::resized(tcp4(), kL3), ParseStatus::truncated},
      {"Ethernet header only, IPv6", test::resized(tcp6(), kL3), ParseStatus::truncated},
      {"VLAN tag cut", test::resized(tcp4().vlan(1), 17), ParseStatus::truncated},
      {"VLAN tag only", test::resized(tcp4().vlan(1), 18), ParseStatus::truncated},
      {"IPv4 header cut", test::resized(tcp4(), kL3 + 19), ParseStatus::truncated},
      {"IPv4 version 5", test::patch(tcp4(), kL3, {0x55}), ParseStatus::bad_header},
      {"IPv4 version 6 in an IPv4 frame", test::patch(tcp4(), kL3, {0x65}),
       ParseStatus::bad_header},
      {"IPv4 header of 16 bytes", test::patch(tcp4(), kL3, {0x44}), ParseStatus::bad_header},
      {"IPv4 header longer than the frame", test::patch(tcp4(), kL3, {0x4f}),
       ParseStatus::truncated},
      {"IPv4 length below its header", test::patch(tcp4(), kL3 + 2, {0, 19}),
       ParseStatus::bad_length},
      {"IPv4 length beyond the frame", test::patch(tcp4(), kL3 + 2, {0, 41}),
       ParseStatus::bad_length},
      {"IPv4 length zero", test::patch(tcp4(), kL3 + 2, {0, 0}), ParseStatus::bad_length},
      {"TCP header cut by the IP length", test::patch(tcp4(), kL3 + 2, {0, 39}),
       ParseStatus::truncated},
      {"TCP data offset 4", test::patch(tcp4(), kL4 + 12, {0x40}), ParseStatus::bad_header},
      {"TCP data offset beyond the packet", test::patch(tcp4(), kL4 + 12, {0x60}),
       ParseStatus::truncated},
      {"TCP tiny first fragment",
       FrameBuilder()
           .ip("10.0.0.1", "10.0.0.2")
           .protocol(6, {0, 1, 0, 2, 0, 0, 0, 3})
           .fragment(0, true),
       ParseStatus::truncated},
      {"UDP header cut", test::patch(udp4(), kL3 + 2, {0, 27}), ParseStatus::truncated},
      {"UDP length below its header", test::patch(udp4(), kL4 + 4, {0, 7}),
       ParseStatus::bad_length},
      {"UDP length beyond the packet", test::patch(udp4(), kL4 + 4, {0, 29}),
       ParseStatus::bad_length},
      {"ICMP header cut", test::patch(ping4(), kL3 + 2, {0, 27}), ParseStatus::truncated},
      {"IPv6 header cut", test::resized(tcp6(), kL3 + 39), ParseStatus::truncated},
      {"IPv6 version 4", test::patch(tcp6(), kL3, {0x40}), ParseStatus::bad_header},
      {"IPv6 length beyond the frame", test::patch(tcp6(), kL3 + 4, {0, 21}),
       ParseStatus::bad_length},
      {"IPv6 TCP header cut", test::patch(tcp6(), kL3 + 4, {0, 19}), ParseStatus::truncated},
      {"IPv6 jumbogram (length zero)", test::patch(tcp6(), kL3 + 4, {0, 0}),
       ParseStatus::truncated},
      {"IPv6 extension header cut", test::patch(udp6().extension(60), kL3 + 4, {0, 7}),
       ParseStatus::truncated},
      {"IPv6 extension longer than the packet", test::patch(udp6().extension(60), kL4v6 + 1, {9}),
       ParseStatus::truncated},
      {"IPv6 fragment header cut", test::patch(udp6().fragment(0, true), kL3 + 4, {0, 7}),
       ParseStatus::truncated},
      {"ICMPv6 cut",
       test::patch(FrameBuilder().ip("fe80::1", "fe80::2").icmp(128, 0), kL3 + 4, {0, 7}),
       ParseStatus::truncated},
  };
  check_statuses(rows);
}

TEST_CASE("rare frames that break a rule are named by the rule they break") {
  const std::vector<StatusRow> rows = {
      {"ARP cut", test::resized(test::arp({1, "10.0.0.1", "10.0.0.2"}), kL3 + 27),
       ParseStatus::truncated},
      {"ARP of another hardware type",
       test::patch(test::arp({1, "10.0.0.1", "10.0.0.2"}), kL3, {0, 6}), ParseStatus::bad_header},
      {"ARP for another protocol",
       test::patch(test::arp({1, "10.0.0.1", "10.0.0.2"}), kL3 + 2, {0x86, 0xdd}),
       ParseStatus::bad_header},
      {"ARP with wrong address lengths",
       test::patch(test::arp({1, "10.0.0.1", "10.0.0.2"}), kL3 + 4, {4, 6}),
       ParseStatus::bad_header},
      {"UDP first fragment longer than itself", udp4().fragment(0, true), ParseStatus::ok},
      {"no next header", FrameBuilder().ip("fe80::1", "fe80::2").protocol(59, {}), ParseStatus::ok},
  };
  check_statuses(rows);
}

TEST_CASE("two VLAN tags are read, in each of their forms, a third is not") {
  for (const std::uint16_t outer : {std::uint16_t{0x88a8}, std::uint16_t{0x8100}}) {
    const packet::FrameView view = packet::parse(tcp4().vlan(0x123).outer_vlan(9, outer).build());
    REQUIRE(view.status == ParseStatus::ok);
    CHECK(view.vlan_id == 0x123);
    CHECK(view.l3_offset == kL3 + 8);
    CHECK(view.l4_offset == kL4 + 8);
    CHECK(view.key.destination_port == 80);
  }
  const packet::FrameView service = packet::parse(tcp4().outer_vlan(9).build());
  CHECK(service.layer3 == packet::Layer3::ipv4);
  CHECK(service.vlan_id == 9);
  const packet::FrameView three = packet::parse(tcp4().vlan(1).outer_vlan(2).outer_vlan(3).build());
  CHECK(three.status == ParseStatus::ok);
  CHECK(three.layer3 == packet::Layer3::other);
  check_statuses({
      {"second tag cut", test::resized(tcp4().vlan(1).outer_vlan(2), 20), ParseStatus::truncated},
      {"IPv4 behind two tags cut", test::resized(tcp4().vlan(1).outer_vlan(2), 41),
       ParseStatus::truncated},
  });
}

TEST_CASE("IPv6 extension headers are walked up to a number and a length") {
  struct Row {
    std::string name;
    FrameBuilder frame;
    ParseStatus status;
    std::uint8_t protocol;
    bool has_ports;
  };
  const auto ok = ParseStatus::ok;
  const auto over = ParseStatus::too_many_extensions;
  FrameBuilder eight = udp6();
  for (int i = 0; i < 8; ++i)
    eight.extension(60);
  FrameBuilder nine = eight;
  nine.extension(60);
  const std::vector<std::uint8_t> body(24, 0);
  const auto raw6 = [&body](std::uint8_t protocol) {
    return FrameBuilder().ip("2001:db8::1", "2001:db8::50").protocol(protocol, body);
  };
  for (const Row& row : std::vector<Row>{
           {"hop-by-hop options", udp6().extension(0), ok, 17, true},
           {"routing", udp6().extension(43), ok, 17, true},
           {"destination options", udp6().extension(60), ok, 17, true},
           {"all of them, and a fragment header",
            udp6().extension(0).extension(60).extension(43).fragment(0, true), ok, 17, true},
           {"eight headers", eight, ok, 17, true},
           {"nine headers", nine, over, 60, false},
           {"256 bytes", udp6().extension(60, 32), ok, 17, true},
           {"264 bytes", udp6().extension(60, 33), over, 60, false},
           {"256 bytes in two", udp6().extension(0, 16).extension(60, 16), ok, 17, true},
           {"264 bytes in two", udp6().extension(0, 16).extension(60, 17), over, 60, false},
           {"AH ends the walk", raw6(51).extension(0), ok, 51, false},
           {"ESP ends the walk", raw6(50).extension(60), ok, 50, false},
           {"mobility, which is not known", raw6(135).extension(60), ok, 135, false},
           {"no next header", raw6(59).extension(60), ok, 59, false},
       }) {
    INFO(row.name);
    const packet::FrameView view = packet::parse(row.frame.build());
    CHECK(view.status == row.status);
    CHECK(view.key.protocol == row.protocol);
    CHECK(view.has_ports == row.has_ports);
  }
}

TEST_CASE("later fragments that lie over the TCP header or beyond a packet are named") {
  const auto later4 = [](std::uint8_t protocol, std::uint16_t offset) -> Frame {
    const std::vector<std::uint8_t> bytes(24, 1);
    return FrameBuilder()
        .ip("10.0.0.1", "10.0.0.2")
        .protocol(protocol, bytes)
        .fragment(offset, false);
  };
  const auto later6 = [](std::uint8_t protocol, std::uint16_t offset) -> Frame {
    const std::vector<std::uint8_t> bytes(24, 1);
    return FrameBuilder()
        .ip("fe80::1", "fe80::2")
        .protocol(protocol, bytes)
        .fragment(offset, false);
  };
  const std::vector<StatusRow> rows = {
      {"TCP flags and ports", later4(6, 1), ParseStatus::bad_header},
      {"TCP, the last bytes of the header", later4(6, 2), ParseStatus::bad_header},
      {"TCP, just behind the header", later4(6, 3), ParseStatus::ok},
      {"UDP has a header of one unit", later4(17, 1), ParseStatus::ok},
      {"the longest packet", later4(17, 8188), ParseStatus::ok},
      {"longer than any packet", later4(17, 8189), ParseStatus::bad_length},
      {"TCP flags and ports, IPv6", later6(6, 1), ParseStatus::bad_header},
      {"TCP, just behind the header, IPv6", later6(6, 3), ParseStatus::ok},
      {"the longest packet, IPv6", later6(17, 8188), ParseStatus::ok},
      {"longer than any packet, IPv6", later6(17, 8189), ParseStatus::bad_length},
  };
  check_statuses(rows);
}

TEST_CASE("every prefix of a valid frame parses without harm and never gains ports it has not") {
  const std::vector<Frame> frames = {tcp4(), tcp6(), udp4().vlan(9),
                                     udp6().extension(0).fragment(0, true),
                                     test::solicitation("fe80::1", "2001:db8::50")};
  for (const Frame& whole : frames) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const Frame cut = test::resized(whole, length);
      CHECK_FALSE(packet::parse(cut).has_ports);
    }
  }
}
