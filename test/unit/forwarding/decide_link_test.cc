// SPDX-License-Identifier: BSD-3-Clause
// The policy for address resolution, heartbeats and MAC addresses, as tables.
#include <catch2/catch.hpp>

#include "packet/headers.h"
#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using forwarding::ClusterMode;

namespace {

FrameBuilder asks(std::string_view sender, std::string_view target) {
  return arp({.operation = 1, .sender_ip = sender, .target_ip = target});
}
FrameBuilder tells(std::string_view sender, std::string_view target) {
  return arp({.operation = 2, .sender_ip = sender, .target_ip = target, .target_mac = kClusterMac});
}
FrameBuilder syn() {
  return FrameBuilder().ip(kClient, kVip).tcp(40000, 80, kSyn);
}

}  // namespace

TEST_CASE("ARP for a virtual IP is answered by one host") {
  check_received({
      {"request, ours to answer", asks(kClient, kVip), World(), reply_arp, "spread"},
      {"request, second virtual IP", asks(kClient, kVip2), World(), reply_arp, "spread"},
      {"request, VLAN", asks(kClient, kVip).vlan(9), World(), reply_arp, "spread"},
      {"request, dirty bucket", asks(kClient, kVip), World().dirty(), reply_arp, "spread"},
      {"request, another answers", asks(kClient, kVip), World().foreign(), drop_not_owner,
       "spread"},
      {"request, lease expired", asks(kClient, kVip), World().lease_expired(), drop_lease_expired,
       "spread"},
      {"request, stopped", asks(kClient, kVip), World().stopped(), drop_host_stopped, "-"},
      {"unicast request (a probe of a cache)", asks(kClient, kVip).to(kClusterMac), World(),
       reply_arp, "spread"},
      {"duplicate address probe", asks("0.0.0.0", kVip), World(), reply_arp, "spread"},
      {"duplicate address probe, another answers", asks("0.0.0.0", kVip), World().foreign(),
       drop_not_owner, "spread"},
  });
}

TEST_CASE("the gateway's answer to our question is known, whatever the host's state") {
  const auto answers = [](std::string_view sender) {
    return arp({.operation = 2, .sender_ip = sender, .target_ip = "0.0.0.0"}).to(kHostMac);
  };
  // The link-local address of the host's MAC address.
  const auto answers6 = [](std::string_view target) {
    return advertisement(target, "fe80::1:aff:fe4d:32").to(kHostMac);
  };
  const World world = World().gateway("10.77.0.1");
  const World world6 = World().gateway("2001:db8:77::1");
  check_received({
      {"ARP", answers("10.77.0.1"), world, gateway_answer, "-"},
      {"ARP, stopped", answers("10.77.0.1"), World(world).stopped(), gateway_answer, "-"},
      {"ARP, lease expired", answers("10.77.0.1"), World(world).lease_expired(), gateway_answer,
       "-"},
      {"ARP of another station", answers("10.77.0.2"), world, drop_not_for_us, "-"},
      {"ARP to another host", answers("10.77.0.1").to(kClientMac), world, drop_not_for_us, "-"},
      {"ARP, no gateway configured", answers("10.77.0.1"), World(), drop_not_for_us, "-"},
      {"ARP to the dedicated address", tells("10.77.0.1", kDedicated).to(kHostMac), world,
       deliver_local, "-"},
      {"ND", answers6("2001:db8:77::1"), world6, gateway_answer, "-"},
      {"ND, stopped", answers6("2001:db8:77::1"), World(world6).stopped(), gateway_answer, "-"},
      {"ND of another station", answers6("2001:db8:77::2"), world6, drop_not_for_us, "-"},
      {"ND, no gateway configured", answers6("2001:db8:77::1"), World(), drop_not_for_us, "-"},
  });
}

TEST_CASE("the rest of ARP is for one stack, for all, or for none") {
  check_received({
      {"request for the dedicated address", asks(kClient, kDedicated), World().foreign(),
       deliver_local, "-"},
      {"the same, stopped", asks(kClient, kDedicated), World().stopped(), deliver_local, "-"},
      {"answer to the dedicated address", tells(kClient, kDedicated).to(kHostMac), World(),
       deliver_local, "-"},
      {"answer to a virtual IP: each stack may have asked", tells(kClient, kVip), World().foreign(),
       deliver_broadcast, "-"},
      {"the same, stopped", tells(kClient, kVip), World().stopped(), drop_host_stopped, "-"},
      {"request for somebody else", asks(kClient, "10.77.0.1"), World(), drop_not_for_us, "-"},
      {"a peer's stack asks for a client", asks(kVip, kClient), World(), drop_not_for_us, "-"},
      {"a peer's stack asks for our dedicated address", asks(kVip, kDedicated), World(),
       deliver_local, "-"},
      {"answer for another station", tells(kClient, kVip).to(mac("02:00:00:00:00:99")), World(),
       drop_not_for_us, "-"},
      {"cut", resized(asks(kClient, kVip), 40), World(), drop_malformed, "-"},
  });
}

TEST_CASE("an ARP announcement reaches every stack, so that a gateway that fails over is learned") {
  const base::MacAddress everybody = base::MacAddress::broadcast();
  check_received({
      {"as a request", asks(kClient, kClient), World().foreign(), deliver_broadcast, "-"},
      {"as a reply", tells(kClient, kClient).to(everybody), World(), deliver_broadcast, "-"},
      {"VLAN", asks(kClient, kClient).vlan(9), World(), deliver_broadcast, "-"},
      {"lease expired", asks(kClient, kClient), World().lease_expired(), deliver_broadcast, "-"},
      {"stopped: the dedicated address still talks", asks(kClient, kClient), World().stopped(),
       deliver_broadcast, "-"},
      {"of a virtual IP", asks(kVip, kVip), World(), drop_not_for_us, "-"},
      {"of a virtual IP, as a reply", tells(kVip, kVip).to(everybody), World(), drop_not_for_us,
       "-"},
      {"of our dedicated address: a conflict, for the stack to notice",
       asks(kDedicated, kDedicated), World(), deliver_local, "-"},
      {"of no address", asks("0.0.0.0", "0.0.0.0"), World(), drop_not_for_us, "-"},
      {"to another station", tells(kClient, kClient).to(mac("02:00:00:00:00:99")), World(),
       drop_not_for_us, "-"},
      {"operation unknown", arp({.operation = 3, .sender_ip = kClient, .target_ip = kClient}),
       World(), drop_not_for_us, "-"},
  });
}

TEST_CASE("an announcement of a neighbour over IPv6 reaches every stack, if it is valid") {
  const Frame good = announcement(kClient6);
  constexpr std::size_t kTarget = 14 + 40 + 8;
  constexpr std::uint8_t kRouterAndOverride = 0xa0;
  check_received({
      {"of a client", good, World().foreign(), deliver_broadcast, "-"},
      {"of a router",
       advertisement("fe80::1", "ff02::1", kRouterAndOverride).to(mac("33:33:00:00:00:01")),
       World(), deliver_broadcast, "-"},
      {"VLAN", announcement(kClient6).vlan(4), World(), deliver_broadcast, "-"},
      {"lease expired", good, World().lease_expired(), deliver_broadcast, "-"},
      {"stopped", good, World().stopped(), deliver_broadcast, "-"},
      {"of a virtual IP", announcement(kVip6), World(), drop_not_for_us, "-"},
      {"to another group", advertisement(kClient6, "ff02::2", 0x20).to(mac("33:33:00:00:00:02")),
       World(), drop_not_for_us, "-"},
      {"to all nodes, but as an answer",
       advertisement(kClient6, "ff02::1").to(mac("33:33:00:00:00:01")), World(), drop_malformed,
       "-"},
      {"came through a router", announcement(kClient6).hop_limit(64), World(), drop_malformed, "-"},
      {"of a group", patch(good, kTarget, {0xff}), World(), drop_malformed, "-"},
      {"target cut", patch(resized(good, 14 + 40 + 20), 14 + 4, {0, 20}), World(), drop_malformed,
       "-"},
  });
}

TEST_CASE("a solicitation for a virtual IP is answered by one host") {
  const Frame unicast =
      FrameBuilder().ip(kClient6, kVip6).hop_limit(255).icmp(135, 0, {0, 0,    0,    0, 0x20,
                                                                      1, 0x0d, 0xb8, 0, 0x77,
                                                                      0, 0,    0,    0, 0,
                                                                      0, 0,    0,    0, 0x50});
  const Frame good = solicitation(kClient6, kVip6);
  check_received({
      {"ours to answer", good, World(), reply_nd, "spread"},
      {"another answers", good, World().foreign(), drop_not_owner, "spread"},
      {"lease expired", good, World().lease_expired(), drop_lease_expired, "spread"},
      {"stopped", good, World().stopped(), drop_host_stopped, "-"},
      {"VLAN", solicitation(kClient6, kVip6).vlan(4), World(), reply_nd, "spread"},
      {"unicast (a probe of a cache)", unicast, World(), reply_nd, "spread"},
      {"unicast, another answers", unicast, World().foreign(), drop_not_owner, "spread"},
      {"duplicate address probe", solicitation("::", kVip6), World(), reply_nd, "spread"},
      {"for somebody else of our group", solicitation(kClient6, "2001:db8:99::50"), World(),
       drop_not_for_us, "-"},
      {"came through a router", solicitation(kClient6, kVip6).hop_limit(64), World(),
       drop_malformed, "-"},
      {"target cut", patch(resized(good, 14 + 40 + 20), 14 + 4, {0, 20}), World(), drop_malformed,
       "-"},
  });
}

TEST_CASE("the rest of neighbour discovery never configures a stack") {
  const auto from_router = [](std::string_view to, std::uint8_t type) {
    return FrameBuilder()
        .ip("fe80::1", to)
        .hop_limit(255)
        .icmp(type, 0, std::vector<std::uint8_t>(20, 0));
  };
  const base::MacAddress all_nodes = mac("33:33:00:00:00:01");
  check_received({
      {"answer to a virtual IP", advertisement(kClient6, kVip6), World().foreign(),
       deliver_broadcast, "-"},
      {"the same, stopped", advertisement(kClient6, kVip6), World().stopped(), drop_host_stopped,
       "-"},
      {"router advertisement", from_router("ff02::1", 134).to(all_nodes), World(), drop_not_for_us,
       "-"},
      {"router advertisement to a virtual IP", from_router(kVip6, 134), World(), drop_not_for_us,
       "-"},
      {"router solicitation to a virtual IP", from_router(kVip6, 133), World(), drop_not_for_us,
       "-"},
      {"redirect to a virtual IP", from_router(kVip6, 137), World(), drop_not_for_us, "-"},
      {"listener query", from_router("ff02::1", 130).to(all_nodes), World(), drop_not_for_us, "-"},
  });
}

TEST_CASE("an IPv6 dedicated address is the host's own") {
  forwarding::Settings settings = world_settings();
  settings.dedicated_ip = base::IpPrefix{ip("2001:db8:77::11"), 64};
  const forwarding::Policy policy(settings, {}, kStackMac);
  CHECK(policy.is_dedicated_ip(ip("2001:db8:77::11")));
  CHECK_FALSE(policy.is_dedicated_ip(ip(kDedicated)));

  settings.dedicated_ip.reset();
  const forwarding::Policy without(settings, {}, kStackMac);
  CHECK_FALSE(without.is_dedicated_ip(base::IpAddress{}));
  CHECK_FALSE(without.is_dedicated_ip(ip("0.0.0.0")));
}

TEST_CASE("heartbeats go to the control thread, even when stopped") {
  const base::MacAddress peer{{0x02, 0x02, 10, 77, 0, 50}};
  const FrameBuilder beat = FrameBuilder().raw(packet::kEtherTypeHeartbeat, {1, 2, 3}).from(peer);
  check_received({
      {"to the cluster", beat, World(), to_control, "-"},
      {"to a group", FrameBuilder(beat).to(base::MacAddress::broadcast()), World(), to_control,
       "-"},
      {"stopped", beat, World().stopped(), to_control, "-"},
      {"lease expired", beat, World().lease_expired(), to_control, "-"},
      {"VLAN", FrameBuilder(beat).vlan(4), World(), to_control, "-"},
      {"our own, handed back", FrameBuilder(beat).from(kHostMac), World(), drop_own_echo, "-"},
      {"of another cluster: its seal tells", FrameBuilder(beat).from(mac("02:02:0a:4d:00:63")),
       World(), to_control, "-"},
  });
}

TEST_CASE("our own frames, and any that come from the cluster MAC, are echoes") {
  check_received({
      {"our masked address", syn().from(kHostMac), World(), drop_own_echo, "-"},
      {"the cluster MAC as source", syn().from(kClusterMac), World(), drop_own_echo, "-"},
      {"ARP from the cluster MAC", asks(kVip, kClient).from(kClusterMac), World(), drop_own_echo,
       "-"},
      {"an announcement, handed back", asks(kDedicated, kDedicated).from(kHostMac), World(),
       drop_own_echo, "-"},
      {"to a group, handed back", syn().from(kHostMac).to(base::MacAddress::broadcast()), World(),
       drop_own_echo, "-"},
      {"a peer's masked address is a station like any other", syn().from(mac("02:02:0a:4d:00:32")),
       World(), deliver_owned, "web"},
  });
}

TEST_CASE("where the cluster MAC is a group address, the stack asks without an IP address") {
  const auto answers = [](std::string_view sender) {
    return arp({.operation = 2, .sender_ip = sender, .target_ip = "0.0.0.0"}).to(kHostMac);
  };
  const World multicast = World().mode(ClusterMode::multicast);
  check_received({
      {"answer", answers(kClient), multicast, deliver_local, "-"},
      {"answer, mode igmp", answers(kClient), World().mode(ClusterMode::igmp), deliver_local, "-"},
      {"answer, stopped", answers(kClient), World(multicast).stopped(), deliver_local, "-"},
      {"answer of the gateway, which this host asks, too", answers("10.77.0.1"),
       World(multicast).gateway("10.77.0.1"), gateway_answer, "-"},
      {"answer to another host", answers(kClient).to(mac("02:02:0a:4d:00:32")), multicast,
       drop_not_for_us, "-"},
      {"answer to everybody", answers(kClient).to(base::MacAddress::broadcast()), multicast,
       drop_not_for_us, "-"},
      {"question", arp({.operation = 1, .sender_ip = kClient, .target_ip = "0.0.0.0"}).to(kHostMac),
       multicast, drop_not_for_us, "-"},
      {"answer, mode unicast: the stack asks as the virtual IP", answers(kClient), World(),
       drop_not_for_us, "-"},
      {"question of a peer, for a client", asks("0.0.0.0", kClient), multicast, drop_not_for_us,
       "-"},
  });
}

TEST_CASE("each mode has its own cluster MAC") {
  const base::MacAddress multicast = mac("03:bf:0a:4d:00:32");
  const base::MacAddress igmp = mac("01:00:5e:7f:00:32");
  check_received({
      {"multicast", syn().to(multicast), World().mode(ClusterMode::multicast), deliver_owned,
       "web"},
      {"igmp", syn().to(igmp), World().mode(ClusterMode::igmp), deliver_owned, "web"},
      {"unicast MAC in mode multicast", syn().to(kClusterMac), World().mode(ClusterMode::multicast),
       drop_not_for_us, "-"},
      {"our host MAC in any mode", syn().to(kHostMac), World().mode(ClusterMode::igmp),
       deliver_owned, "web"},
      {"ARP in mode multicast", asks(kClient, kVip), World().mode(ClusterMode::multicast),
       reply_arp, "spread"},
      {"ARP in mode igmp, unicast (a probe of a cache)", asks(kClient, kVip).to(igmp),
       World().mode(ClusterMode::igmp), reply_arp, "spread"},
      {"ND in mode igmp", solicitation(kClient6, kVip6), World().mode(ClusterMode::igmp), reply_nd,
       "spread"},
      {"cluster MAC of another cluster", syn().to(mac("02:bf:0a:4d:00:63")), World(),
       drop_not_for_us, "-"},
      {"cluster MAC of another cluster in mode multicast",
       syn().ip(kClient, "10.77.0.99").to(mac("03:bf:0a:4d:00:63")),
       World().mode(ClusterMode::multicast), drop_not_for_us, "-"},
      {"two clusters of mode igmp may share a MAC, not an IP address",
       syn().ip(kClient, "10.99.0.50").to(igmp), World().mode(ClusterMode::igmp), drop_not_for_us,
       "-"},
      {"source is the multicast cluster MAC", syn().to(multicast).from(multicast),
       World().mode(ClusterMode::multicast), drop_own_echo, "-"},
  });
}
