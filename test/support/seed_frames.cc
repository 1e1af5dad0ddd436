// SPDX-License-Identifier: BSD-3-Clause
#include "support/seed_frames.h"

#include "packet/headers.h"
#include "support/groups.h"
#include "support/tunnels.h"
#include "support/world.h"

namespace covey::test {

namespace {

FrameBuilder in4() {
  return FrameBuilder().ip(kClient, kVip);
}
FrameBuilder in6() {
  return FrameBuilder().ip(kClient6, kVip6);
}
FrameBuilder out4() {
  return FrameBuilder().from(kStackMac).ip(kVip, kClient);
}
FrameBuilder out6() {
  return FrameBuilder().from(kStackMac).ip(kVip6, kClient6);
}

FrameBuilder long_chain() {
  FrameBuilder frame = in6().udp(1, 2);
  for (unsigned i = 0; i <= packet::kMaxExtensionHeaders; ++i)
    frame.extension(60);
  return frame;
}

}  // namespace

std::vector<SeedFrame> seed_frames() {
  return {
      {"tcp4_syn", in4().tcp(40000, 80, kSyn)},
      {"tcp4_ack_data", in4().tcp(40000, 80, kAck | kPsh).payload(32)},
      {"tcp4_fin", in4().tcp(40000, 80, kFin | kAck)},
      {"tcp4_rst", in4().tcp(40000, 80, kRst)},
      {"tcp4_vlan", in4().tcp(40000, 443, kSyn).vlan(7)},
      {"tcp4_two_vlans", in4().tcp(40000, 443, kSyn).vlan(7).outer_vlan(8)},
      {"tcp4_options", in4().tcp(40000, 80, kSyn).options({1, 1, 1, 0, 7, 4, 4, 0})},
      {"tcp4_disabled_rule", in4().tcp(40000, 23, kSyn)},
      {"tcp4_first_fragment", in4().tcp(40000, 80, kAck).fragment(0, true)},
      {"tcp4_padded", resized(in4().tcp(40000, 5432, kSyn), 60)},
      {"udp4", in4().udp(5000, 8000).payload(16)},
      {"udp4_later_fragment", FrameBuilder().ip(kClient, kVip2).udp(1, 2).fragment(185, false)},
      {"udp4_fragment", in4().udp(5000, 8000).fragment(0, true).payload(16)},
      {"udp4_last_fragment", in4().udp(5000, 8000).fragment(3, false).payload(16)},
      {"icmp4_echo", in4().icmp(8, 0)},
      {"icmp4_unreachable", unreachable("10.77.0.1", out4().tcp(80, 40000, kAck))},
      {"icmp4_unreachable_udp", unreachable("10.77.0.1", out4().udp(8000, 5000))},
      {"esp4", in4().protocol(50, std::vector<std::uint8_t>(24, 9))},
      {"ike4_first", ike(in4(), {.responder = 0})},
      {"ike4_nat", ike_nat(in4(), {.exchange = 35})},
      {"ike4_answer", ike(out4(), {.exchange = 34, .flags = 0x20})},
      {"esp4_nat", esp_nat(in4())},
      {"ah6", ah(in6())},
      {"l2tp4_first", l2tp(in4(), 1)},
      {"l2tp6_answer", l2tp(out6(), 2)},
      {"sctp4_init", sctp(in4(), {.chunk = 1})},
      {"sctp6_init_ack", sctp(out6(), {.chunk = 2})},
      {"sctp4_shutdown", sctp(in4(), {.chunk = 7, .verification_tag = 5})},
      {"gre4", in4().protocol(47, {0, 0, 8, 0})},
      {"tcp6_syn", in6().tcp(40000, 80, kSyn)},
      {"tcp6_ack", in6().tcp(40000, 80, kAck).payload(8)},
      {"tcp6_extensions", in6().tcp(40000, 80, kSyn).extension(0).extension(43, 3).extension(60)},
      {"udp6_fragment", in6().udp(5000, 8000).fragment(0, true).payload(8)},
      {"udp6_later_fragment", in6().udp(5000, 8000).fragment(9, true).payload(8)},
      {"udp6_too_many_extensions", long_chain()},
      {"icmp6_echo", in6().icmp(128, 0)},
      {"icmp6_unreachable", unreachable("2001:db8:77::1", out6().tcp(80, 40000, kAck))},
      {"icmp6_unreachable_extension", unreachable("fe80::1", out6().udp(53, 9).extension(60))},
      {"nd_solicitation", solicitation(kClient6, kVip6)},
      {"nd_solicitation_vlan", solicitation(kClient6, kVip6).vlan(9)},
      {"nd_probe", solicitation("::", kVip6)},
      {"nd_advertisement", advertisement(kClient6, kVip6)},
      {"nd_announcement", announcement(kClient6)},
      {"arp_announcement",
       arp({2, kClient, kClient, kClientMac, kClientMac}).to(base::MacAddress::broadcast())},
      {"arp_request", arp({1, kClient, kVip})},
      {"arp_reply", arp({2, kClient, kVip, kClientMac, kClusterMac})},
      {"arp_probe_vlan", arp({1, "0.0.0.0", kVip}).vlan(3)},
      {"igmp_query_1", igmp_query({.version = 1, .code = 0})},
      {"igmp_query_3", igmp_query({})},
      {"igmp_report", igmp_report("239.255.0.50")},
      {"mld_query_1", mld_query({1, "ff02::1:ff00:50"})},
      {"mld_query_2", mld_query({.version = 2})},
      {"heartbeat", FrameBuilder().raw(packet::kEtherTypeHeartbeat, {1, 2, 3, 4})},
      {"lldp", FrameBuilder().raw(0x88cc, {2, 7, 4, 0})},
      {"egress_tcp4_syn_ack", out4().tcp(80, 40000, kSyn | kAck)},
      {"egress_tcp4_data", out4().tcp(80, 40000, kAck).payload(20)},
      {"egress_tcp6_rst", out6().tcp(80, 40000, kRst)},
      {"egress_arp", arp({1, kVip, kClient, kStackMac})},
      {"egress_arp_dedicated", arp({2, kDedicated, kClient, kStackMac, kClientMac})},
      {"egress_nd", solicitation(kVip6, kClient6).from(kStackMac)},
      {"egress_nd_advertisement", advertisement(kVip6, kClient6).from(kStackMac)},
      {"own_echo", in4().tcp(40000, 80, kSyn).from(kHostMac)},
      {"dedicated_udp", FrameBuilder().to(kHostMac).ip(kClient, kDedicated).udp(1, 2)},
  };
}

}  // namespace covey::test
