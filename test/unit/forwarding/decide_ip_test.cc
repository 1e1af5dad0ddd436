// SPDX-License-Identifier: BSD-3-Clause
// The policy for everything in IP but TCP, as tables: name, frame, state of this host, verdict,
// effect.
#include <catch2/catch.hpp>

#include "packet/group_address.h"
#include "packet/headers.h"
#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;
using forwarding::IcmpPolicy;

namespace {

FrameBuilder udp(std::uint16_t port) {
  return FrameBuilder().ip(kClient, kVip).udp(5000, port);
}
FrameBuilder udp2(std::uint16_t port) {
  return FrameBuilder().ip(kClient, kVip2).udp(5000, port);
}
FrameBuilder udp6(std::uint16_t port) {
  return FrameBuilder().ip(kClient6, kVip6).udp(5000, port);
}
FrameBuilder ping() {
  return FrameBuilder().ip(kClient, kVip).icmp(8, 0);
}
FrameBuilder ping6() {
  return FrameBuilder().ip(kClient6, kVip6).icmp(128, 0);
}
FrameBuilder other(std::uint8_t protocol) {
  return FrameBuilder().ip(kClient, kVip).protocol(protocol, std::vector<std::uint8_t>(24, 1));
}
FrameBuilder other6(std::uint8_t protocol) {
  return FrameBuilder().ip(kClient6, kVip6).protocol(protocol, std::vector<std::uint8_t>(24, 1));
}
FrameBuilder sent_tcp() {
  return FrameBuilder().ip(kVip, kClient).tcp(80, 40000, kAck);
}
FrameBuilder sent_udp() {
  return FrameBuilder().ip(kVip, kClient).udp(8000, 5000);
}

}  // namespace

TEST_CASE("UDP goes to the owner of its bucket, with no memory") {
  check_received({
      {"our bucket", udp(8000), World(), deliver_owned, "app"},
      {"dirty bucket", udp(8000), World().dirty(), deliver_owned, "app"},
      {"foreign bucket", udp(8000), World().foreign(), drop_not_owner, "app"},
      {"lease expired", udp(8000), World().lease_expired(), drop_lease_expired, "app"},
      {"disabled", udp(23), World(), drop_rule_disabled, "block"},
      {"disabled, IPv6", udp6(23), World(), drop_rule_disabled, "block"},
      {"closed on this host", udp(8000), World().closed(), drop_rule_disabled, "app"},
      {"closed, foreign bucket", udp(8000), World().closed().foreign(), drop_not_owner, "app"},
      {"every host drains", udp(8000), World().refused(), drop_draining, "app"},
      {"a TCP rule does not cover it", udp(80), World(), deliver_default, "default"},
      {"no rule, not the default host", udp(9), World().foreign(), drop_not_owner, "default"},
      {"no rule, IPv6", udp6(9), World(), deliver_default, "default"},
      {"all ports of one virtual IP", udp2(9), World(), deliver_owned, "games"},
      {"a rule for one virtual IP wins over one for all", udp2(23), World(), deliver_owned,
       "games"},
      {"VLAN", udp(8000).vlan(3), World(), deliver_owned, "app"},
      {"two VLAN tags", udp(8000).vlan(3).outer_vlan(4), World(), deliver_owned, "app"},
      {"two VLAN tags, older form", udp(8000).vlan(3).outer_vlan(4, 0x8100), World(), deliver_owned,
       "app"},
  });
}

TEST_CASE("a later fragment is decided only where ports do not matter") {
  check_received({
      {"first fragment, as whole", udp(8000).fragment(0, true), World(), deliver_owned, "app"},
      {"later, rules differ by port", udp(8000).fragment(9, false), World(), drop_fragment_unknown,
       "-"},
      {"later, IPv6", udp6(9).fragment(9, false), World(), drop_fragment_unknown, "-"},
      {"later, one rule for all ports", udp2(9).fragment(9, false), World(), deliver_owned,
       "games"},
      {"the same, not ours", udp2(9).fragment(9, false), World().foreign(), drop_not_owner,
       "games"},
      {"later, no rules", udp(9).fragment(9, true), World().without_rules(), deliver_default,
       "default"},
      {"later, no rules, IPv6", udp6(9).fragment(9, true), World().without_rules(), deliver_default,
       "default"},
      {"later, no rules, not ours", udp(9).fragment(9, true), World().without_rules().foreign(),
       drop_not_owner, "default"},
      {"later, no rules, lease expired", udp(9).fragment(9, true),
       World().without_rules().lease_expired(), drop_lease_expired, "default"},
      {"later TCP, rules differ",
       FrameBuilder().ip(kClient, kVip).tcp(1, 80, kAck).fragment(9, true),
       World().holds(established), drop_fragment_unknown, "-"},
      {"later TCP, no rules", FrameBuilder().ip(kClient, kVip).tcp(1, 80, kAck).fragment(9, true),
       World().without_rules(), deliver_default, "default"},
      {"later, stopped", udp2(9).fragment(9, false), World().stopped(), drop_host_stopped, "-"},
      {"later, for the dedicated address",
       FrameBuilder().ip(kClient, kDedicated).to(kHostMac).udp(1, 2).fragment(9, true), World(),
       deliver_local, "-"},
  });
}

TEST_CASE("echo requests follow the ICMP policy") {
  const auto all = IcmpPolicy::all;
  const auto none = IcmpPolicy::drop;
  check_received({
      {"balanced, ours", ping(), World(), deliver_owned, "spread"},
      {"balanced, ours, IPv6", ping6(), World(), deliver_owned, "spread"},
      {"balanced, dirty", ping(), World().dirty(), deliver_owned, "spread"},
      {"balanced, not ours", ping(), World().foreign(), drop_not_owner, "spread"},
      {"balanced, not ours, IPv6", ping6(), World().foreign(), drop_not_owner, "spread"},
      {"balanced, lease expired", ping(), World().lease_expired(), drop_lease_expired, "spread"},
      {"all hosts", ping(), World().icmp(all), deliver_broadcast, "-"},
      {"all hosts, whoever owns", ping(), World().icmp(all).foreign(), deliver_broadcast, "-"},
      {"all hosts, IPv6", ping6(), World().icmp(all).foreign(), deliver_broadcast, "-"},
      {"dropped", ping(), World().icmp(none), drop_icmp, "-"},
      {"dropped, IPv6", ping6(), World().icmp(none), drop_icmp, "-"},
      {"large ping, later fragment", ping().fragment(185, false), World(), deliver_owned, "spread"},
      {"large ping, later fragment, IPv6", ping6().fragment(185, false), World(), deliver_owned,
       "spread"},
      {"large ping, later fragment, dropped", ping().fragment(185, false), World().icmp(none),
       drop_icmp, "-"},
      {"echo reply to a ping of ours", FrameBuilder().ip(kClient, kVip).icmp(0, 0), World(),
       deliver_owned, "spread"},
      {"timestamp request", FrameBuilder().ip(kClient, kVip).icmp(13, 0), World(), deliver_owned,
       "spread"},
      {"the dedicated address answers anyway",
       FrameBuilder().ip(kClient, kDedicated).to(kHostMac).icmp(8, 0), World().icmp(none).foreign(),
       deliver_local, "-"},
  });
}

TEST_CASE("an ICMP error goes where the conversation it speaks of goes") {
  const Frame sent6 = FrameBuilder().ip(kVip6, kClient6).tcp(80, 40000, kAck);
  check_received({
      {"held here", unreachable("10.77.0.1", sent_tcp()), World().holds(established), deliver_flow,
       "web tracked"},
      {"held here, moved bucket", unreachable("10.77.0.1", sent_tcp()),
       World().holds(established).foreign(), deliver_flow, "web tracked"},
      {"held here, IPv6", unreachable("2001:db8:77::1", sent6),
       World().holds(established).foreign(), deliver_flow, "web tracked"},
      {"half open here", unreachable("10.77.0.1", sent_tcp()), World().holds(half_open),
       deliver_flow, "web tracked"},
      {"not held, our bucket", unreachable("10.77.0.1", sent_tcp()), World(), deliver_owned, "web"},
      {"not held, foreign bucket", unreachable("10.77.0.1", sent_tcp()), World().foreign(),
       drop_not_owner, "web"},
      {"UDP, our bucket", unreachable("10.77.0.1", sent_udp()), World(), deliver_owned, "app"},
      {"UDP, foreign bucket", unreachable("10.77.0.1", sent_udp()), World().foreign(),
       drop_not_owner, "app"},
      {"no rule", unreachable("10.77.0.1", FrameBuilder().ip(kVip, kClient).udp(9, 9)), World(),
       deliver_default, "default"},
      {"disabled rule", unreachable("10.77.0.1", FrameBuilder().ip(kVip, kClient).udp(23, 9)),
       World(), drop_rule_disabled, "block"},
      {"IP in IP",
       unreachable("10.77.0.1", FrameBuilder().ip(kVip, kClient).protocol(4, {1, 2, 3, 4})),
       World(), deliver_owned, "spread"},
      {"about an address that is none of ours",
       patch(unreachable("10.77.0.1", sent_tcp()), 14 + 20 + 8 + 12, {192, 0, 2, 1}), World(),
       drop_icmp, "-"},
      {"about nothing readable", FrameBuilder().ip(kClient, kVip).icmp(3, 0), World(), drop_icmp,
       "-"},
      {"about nothing readable, IPv6", FrameBuilder().ip(kClient6, kVip6).icmp(1, 0), World(),
       drop_icmp, "-"},
      {"errors come through under policy drop", unreachable("10.77.0.1", sent_tcp()),
       World().icmp(IcmpPolicy::drop), deliver_owned, "web"},
      {"stopped", unreachable("10.77.0.1", sent_tcp()), World().holds(established).stopped(),
       drop_host_stopped, "-"},
      {"lease expired", unreachable("10.77.0.1", sent_tcp()), World().lease_expired(),
       drop_lease_expired, "web"},
  });
}

TEST_CASE("protocols without port rules are spread by client") {
  check_received({
      {"IP in IP", other(4), World(), deliver_owned, "spread"},
      {"IP in IP, not ours", other(4), World().foreign(), drop_not_owner, "spread"},
      {"IPv6 in IPv6", other6(41), World(), deliver_owned, "spread"},
      {"OSPF", other(89), World(), deliver_owned, "spread"},
      {"VRRP", other(112), World(), deliver_owned, "spread"},
      {"UDP-Lite", other(136), World(), deliver_owned, "spread"},
      {"DCCP, IPv6", other6(33), World().dirty(), deliver_owned, "spread"},
      {"mobility header", other6(135), World(), deliver_owned, "spread"},
      {"no next header", other6(59), World(), deliver_owned, "spread"},
      {"ICMPv6 number over IPv4", other(58), World(), deliver_owned, "spread"},
      {"ICMP number over IPv6", other6(1), World(), deliver_owned, "spread"},
      {"lease expired", other(4), World().lease_expired(), drop_lease_expired, "spread"},
      {"stopped", other(4), World().stopped(), drop_host_stopped, "-"},
      {"later fragment", other(4).fragment(9, true), World(), deliver_owned, "spread"},
  });
}

TEST_CASE("one client's pings and what has no ports land in one bucket") {
  const auto bucket_of = [](const Frame& frame) { return World().receive(frame).decision.bucket; };
  CHECK(bucket_of(other(4)) == bucket_of(ping()));
  CHECK(bucket_of(ping()) == bucket_of(ping().fragment(185, false)));
  CHECK(bucket_of(other6(41)) == bucket_of(ping6()));
}

TEST_CASE("what is not addressed to us is dropped") {
  check_received({
      {"another address", FrameBuilder().ip(kClient, "10.77.0.99").tcp(1, 80, kSyn), World(),
       drop_not_for_us, "-"},
      {"another address, IPv6", FrameBuilder().ip(kClient6, "2001:db8:77::99").tcp(1, 80, kSyn),
       World(), drop_not_for_us, "-"},
      {"another host's dedicated address",
       FrameBuilder().ip(kClient, "10.77.0.12").tcp(1, 22, kSyn), World(), drop_not_for_us, "-"},
      {"a virtual IP on its way to a router",
       FrameBuilder().ip("192.0.2.9", kVip).to(mac("02:00:00:00:00:99")).tcp(1, 80, kSyn), World(),
       drop_not_for_us, "-"},
      {"limited broadcast",
       FrameBuilder().ip(kClient, "255.255.255.255").to(base::MacAddress::broadcast()).udp(68, 67),
       World(), drop_not_for_us, "-"},
      {"subnet broadcast",
       FrameBuilder().ip(kClient, "10.77.0.255").to(base::MacAddress::broadcast()).icmp(8, 0),
       World(), drop_not_for_us, "-"},
      {"IPv4 multicast",
       FrameBuilder().ip(kClient, "224.0.0.251").to(mac("01:00:5e:00:00:fb")).udp(5353, 5353),
       World(), drop_not_for_us, "-"},
      {"IPv6 all nodes",
       FrameBuilder().ip("fe80::9", "ff02::1").to(mac("33:33:00:00:00:01")).icmp(128, 0), World(),
       drop_not_for_us, "-"},
      {"LLDP", FrameBuilder().raw(0x88cc, {1}).to(mac("01:80:c2:00:00:0e")), World(),
       drop_not_for_us, "-"},
      {"three VLAN tags", udp(8000).vlan(1).outer_vlan(2).outer_vlan(3), World(), drop_not_for_us,
       "-"},
      {"the dedicated address",
       FrameBuilder().ip(kClient, kDedicated).to(kHostMac).tcp(1, 22, kSyn),
       World().foreign().lease_expired(), deliver_local, "-"},
  });
}

TEST_CASE("frames that cannot be read are dropped as malformed") {
  FrameBuilder chain = udp6(9);
  for (unsigned i = 0; i <= packet::kMaxExtensionHeaders; ++i)
    chain.extension(60);
  check_received({
      {"empty", {}, World(), drop_malformed, "-"},
      {"13 bytes", resized(ping(), 13), World(), drop_malformed, "-"},
      {"IPv4 header cut", resized(ping(), 30), World(), drop_malformed, "-"},
      {"bad version", patch(ping(), 14, {0x35}), World(), drop_malformed, "-"},
      {"TCP header cut", resized(FrameBuilder().ip(kClient, kVip).tcp(1, 80, kSyn), 40), World(),
       drop_malformed, "-"},
      {"tiny first fragment",
       FrameBuilder().ip(kClient, kVip).protocol(6, {0, 1, 0, 80, 0, 0, 0, 0}).fragment(0, true),
       World(), drop_malformed, "-"},
      {"malformed, stopped", resized(ping(), 30), World().stopped(), drop_malformed, "-"},
      {"too many extension headers: by client", chain, World(), deliver_owned, "spread"},
      {"too many, not ours", chain, World().foreign(), drop_not_owner, "spread"},
      {"too many, stopped", chain, World().stopped(), drop_host_stopped, "-"},
  });
}

TEST_CASE(
    "what is sent to a group or to everybody reaches no stack, unless the operator wants it") {
  const auto to_group = [](std::string_view group) {
    return FrameBuilder().ip(kClient, group).udp(5353, 5353).to(packet::group_mac(ip(group)));
  };
  const auto to_all = [](std::string_view address) {
    return FrameBuilder().ip(kClient, address).udp(68, 67).to(base::MacAddress::broadcast());
  };
  const auto to_group6 = [](std::string_view group) {
    return FrameBuilder().ip(kClient6, group).to(packet::group_mac(ip(group)));
  };
  const Frame mdns = to_group("224.0.0.251");
  const Frame mdns6 = to_group6("ff02::fb").udp(5353, 5353);
  const World deliver = World().multicast(forwarding::MulticastPolicy::deliver);
  check_received({
      {"a group", mdns, World(), drop_not_for_us, "-"},
      {"a group, IPv6", mdns6, World(), drop_not_for_us, "-"},
      {"everybody", to_all("255.255.255.255"), World(), drop_not_for_us, "-"},
      {"everybody in the subnet", to_all("10.77.0.255"), World(), drop_not_for_us, "-"},
      {"deliver: a group", mdns, deliver, deliver_broadcast, "-"},
      {"deliver: a group, VLAN", to_group("239.1.2.3").vlan(9), deliver, deliver_broadcast, "-"},
      {"deliver: a group, IPv6", mdns6, deliver, deliver_broadcast, "-"},
      {"deliver: everybody", to_all("255.255.255.255"), deliver, deliver_broadcast, "-"},
      {"deliver: everybody in the subnet", to_all("10.77.0.255"), deliver, deliver_broadcast, "-"},
      {"deliver: everybody in another subnet", to_all("10.78.0.255"), deliver, drop_not_for_us,
       "-"},
      {"deliver: a foreign bucket does not matter", mdns, World(deliver).foreign(),
       deliver_broadcast, "-"},
      {"deliver: stopped", mdns, World(deliver).stopped(), deliver_broadcast, "-"},
      {"deliver: lease expired", mdns, World(deliver).lease_expired(), deliver_broadcast, "-"},
      {"deliver: later fragment", to_group("239.1.2.3").fragment(9, false), deliver,
       deliver_broadcast, "-"},
      {"deliver: another protocol", to_group("224.0.0.18").protocol(112, Frame(20, 1)), deliver,
       deliver_broadcast, "-"},
      {"deliver: a group, but the frame is for this host alone",
       to_group("224.0.0.251").to(kHostMac), deliver, drop_not_for_us, "-"},
      {"deliver: IGMP", to_group("239.1.2.3").protocol(2, Frame(8, 0x16)), deliver, drop_not_for_us,
       "-"},
      {"deliver: MLD", to_group6("ff02::16").icmp(143, 0), deliver, drop_not_for_us, "-"},
      {"deliver: echo request to all nodes", to_group6("ff02::1").icmp(128, 0), deliver,
       drop_not_for_us, "-"},
      {"deliver: router advertisement", to_group6("ff02::1").icmp(134, 0), deliver, drop_not_for_us,
       "-"},
      {"deliver: an IPv6 chain that hides what it is",
       [&to_group6] {
         FrameBuilder frame = to_group6("ff02::1").icmp(134, 0);
         for (unsigned i = 0; i <= packet::kMaxExtensionHeaders; ++i)
           frame.extension(60);
         return frame;
       }(),
       deliver, drop_not_for_us, "-"},
      {"deliver: our own, handed back", to_group("224.0.0.251").from(kHostMac), deliver,
       drop_own_echo, "-"},
      {"deliver: ARP goes its own way",
       arp({.operation = 1, .sender_ip = kClient, .target_ip = "10.77.0.9"}), deliver,
       drop_not_for_us, "-"},
      {"deliver: a virtual IP in a frame to all goes to its owner",
       FrameBuilder().ip(kClient, kVip).udp(5000, 8000).to(base::MacAddress::broadcast()),
       World(deliver).foreign(), drop_not_owner, "app"},
  });
}
