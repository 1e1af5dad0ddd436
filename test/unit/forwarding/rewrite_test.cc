// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "packet/headers.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using forwarding::ClusterMode;

namespace {

Frame delivered(Frame frame, const World& world = World()) {
  const forwarding::Snapshot snapshot = world.snapshot();
  forwarding::rewrite_for_delivery(frame, packet::parse(frame), *snapshot.policy);
  return frame;
}

Frame sent(Frame frame, const World& world = World()) {
  const forwarding::Snapshot snapshot = world.snapshot();
  forwarding::rewrite_for_uplink(frame, packet::parse(frame), *snapshot.policy);
  return frame;
}

FrameBuilder answer(std::string_view source) {
  return FrameBuilder().from(kStackMac).to(kClientMac).ip(source, kClient).tcp(80, 40000, kAck);
}

packet::ArpFields arp_fields(const Frame& frame) {
  return packet::read_arp(frame, packet::parse(frame)).value();
}

base::MacAddress option_of(const Frame& frame, std::uint8_t type) {
  const std::size_t at = packet::find_link_layer_option(frame, packet::parse(frame), type);
  REQUIRE(at != 0);
  return base::MacAddress::from(&frame[at + 2]);
}

const base::MacAddress kMulticastCluster = mac("03:bf:0a:4d:00:32");

}  // namespace

TEST_CASE("a delivered frame carries the address of the local stack and is else unchanged") {
  const Frame syn = FrameBuilder().ip(kClient, kVip).tcp(40000, 80, kSyn);
  const Frame out = delivered(syn);
  CHECK(packet::destination_mac(out) == kStackMac);
  CHECK(std::equal(syn.begin() + 6, syn.end(), out.begin() + 6));
}

TEST_CASE("a frame that is handed on goes from host to host and is else unchanged") {
  const Frame syn = FrameBuilder().ip(kClient, kVip).vlan(7).tcp(40000, 80, kSyn);
  const World world = World().given_away();
  Frame out = syn;
  forwarding::rewrite_for_owner(out, world.receive(syn).decision, world.snapshot());
  CHECK(packet::destination_mac(out) == mac("02:02:0a:4d:00:32"));
  CHECK(base::MacAddress::from(&out[6]) == kHostMac);
  CHECK(std::equal(syn.begin() + 12, syn.end(), out.begin() + 12));
}

TEST_CASE("a frame to a multicast cluster MAC becomes unicast for the stack") {
  const Frame syn = FrameBuilder().ip(kClient, kVip).to(kMulticastCluster).tcp(40000, 80, kSyn);
  const World world = World().mode(ClusterMode::multicast);
  CHECK(packet::destination_mac(delivered(syn, world)) == kStackMac);
  const Frame told = arp({2, kClient, kVip, kClientMac, kMulticastCluster});
  CHECK(packet::destination_mac(delivered(told, world)) == kStackMac);
}

TEST_CASE("true broadcast and multicast keep their group address") {
  const Frame asked = arp({1, kClient, kDedicated});
  CHECK(delivered(asked) == asked);
  const Frame solicited = solicitation(kClient6, kVip6);
  CHECK(delivered(solicited) == solicited);
}

TEST_CASE("every frame leaves with the masked host address") {
  CHECK(packet::source_mac(sent(answer(kVip))) == kHostMac);
  CHECK(packet::source_mac(sent(answer(kDedicated))) == kHostMac);
  CHECK(packet::source_mac(sent(arp({1, kVip, kClient, kStackMac}))) == kHostMac);
  CHECK(packet::source_mac(sent(answer(kVip).vlan(5))) == kHostMac);
}

TEST_CASE("the stack having the cluster MAC does not make it a source") {
  CHECK(packet::source_mac(sent(answer(kVip).from(kClusterMac))) == kHostMac);
}

TEST_CASE("only unicast mode without masking lets virtual IPs speak with the cluster MAC") {
  const World plain = World().unmasked();
  CHECK(packet::source_mac(sent(answer(kVip), plain)) == kClusterMac);
  CHECK(packet::source_mac(sent(answer(kDedicated), plain)) == kHostMac);
  CHECK(packet::source_mac(sent(arp({1, kVip, kClient, kStackMac}), plain)) == kHostMac);
  const World group = World().unmasked().mode(ClusterMode::multicast);
  CHECK(packet::source_mac(sent(answer(kVip), group)) == kHostMac);
}

TEST_CASE("ARP of the stack tells the cluster MAC for virtual IPs and the host's for its own") {
  CHECK(arp_fields(sent(arp({1, kVip, kClient, kStackMac}))).sender_mac == kClusterMac);
  CHECK(arp_fields(sent(arp({2, kVip, kClient, kStackMac}))).sender_mac == kClusterMac);
  CHECK(arp_fields(sent(arp({1, kDedicated, kClient, kStackMac}))).sender_mac == kHostMac);
  CHECK(arp_fields(sent(arp({1, kVip, kClient, kStackMac}).vlan(2))).sender_mac == kClusterMac);
}

TEST_CASE("no ARP request has a group address as its sender; an announcement has to") {
  const World world = World().mode(ClusterMode::multicast);
  const packet::ArpFields asked = arp_fields(sent(arp({1, kVip, kClient, kStackMac}), world));
  CHECK(asked.sender_mac == kHostMac);
  CHECK(asked.sender_ip == ip("0.0.0.0"));
  CHECK(asked.target_ip == ip(kClient));
  const packet::ArpFields own = arp_fields(sent(arp({1, kDedicated, kClient, kStackMac}), world));
  CHECK(own.sender_mac == kHostMac);
  CHECK(own.sender_ip == ip(kDedicated));
  for (const std::uint16_t operation : {packet::kArpRequest, packet::kArpReply}) {
    const auto told = arp_fields(sent(arp({operation, kVip, kVip, kStackMac}), world));
    CHECK(told.sender_mac == kMulticastCluster);
    CHECK(told.sender_ip == ip(kVip));
  }
}

TEST_CASE("ARP of an address that is none of ours keeps its sender") {
  CHECK(arp_fields(sent(arp({1, "10.77.0.99", kClient, kStackMac}))).sender_mac == kStackMac);
}

TEST_CASE("a solicitation of a virtual IP tells the cluster MAC, with a right checksum") {
  const Frame out = sent(solicitation(kVip6, kClient6).from(kStackMac));
  CHECK(packet::source_mac(out) == kHostMac);
  CHECK(option_of(out, packet::kSourceLinkLayerOption) == kClusterMac);
  CHECK(checksums_are_right(out));
}

TEST_CASE("an advertisement tells the MAC of its target, with a right checksum") {
  const Frame out = sent(advertisement(kVip6, kClient6).vlan(3));
  CHECK(option_of(out, packet::kTargetLinkLayerOption) == kClusterMac);
  CHECK(checksums_are_right(out));
}

TEST_CASE("a solicitation without an option is left alone but for its source") {
  const Frame bare = FrameBuilder()
                         .ip(kVip6, kClient6)
                         .hop_limit(255)
                         .icmp(135, 0, std::vector<std::uint8_t>(20, 1));
  const Frame out = sent(bare);
  CHECK(packet::source_mac(out) == kHostMac);
  CHECK(std::equal(bare.begin() + 12, bare.end(), out.begin() + 12));
}

TEST_CASE("frames too short or malformed are rewritten no further than their Ethernet header") {
  CHECK(sent({1, 2, 3}) == Frame{1, 2, 3});
  CHECK(delivered({1, 2, 3}) == Frame{1, 2, 3});
  const Frame cut = resized(arp({1, kVip, kClient, kStackMac}), 30);
  CHECK(std::equal(cut.begin() + 12, cut.end(), sent(cut).begin() + 12));
  const Frame cut_nd = resized(solicitation(kVip6, kClient6), 60);
  CHECK(std::equal(cut_nd.begin() + 12, cut_nd.end(), sent(cut_nd).begin() + 12));
}
