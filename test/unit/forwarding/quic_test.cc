// SPDX-License-Identifier: BSD-3-Clause
// The policy for QUIC whose connection IDs name a host, as tables: name, frame, state of this host,
// verdict, effect. This is host 1; host 2 is a member, host 3 is not.
#include <catch2/catch.hpp>

#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}
/// A connection ID of eight bytes that names a host.
Bytes id_of(std::uint8_t host) {
  return {7, host, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6};
}
Bytes short_header(const Bytes& id) {
  return joined({{0x41}, id, Bytes(20, 0x99)});
}
Bytes long_header(const Bytes& id) {
  return joined({{0xc3, 0, 0, 0, 1, static_cast<std::uint8_t>(id.size())}, id, Bytes(20, 0x99)});
}
FrameBuilder datagram(const Bytes& content) {
  return FrameBuilder().ip(kClient, kVip).udp(40000, 8000).data(content);
}
World quic() {
  return World().quic();
}

}  // namespace

TEST_CASE("a QUIC packet goes to the host that its connection ID names") {
  const Bytes own = id_of(1);
  const Bytes other = id_of(2);
  const Bytes gone = id_of(3);
  check_received({
      {"ours, foreign bucket", datagram(short_header(own)), quic().foreign(), deliver_flow, "app"},
      {"ours, own bucket", datagram(short_header(own)), quic(), deliver_flow, "app"},
      {"ours, IPv6, a rule of all virtual IPs",
       FrameBuilder().ip(kClient6, kVip6).udp(40000, 500).data(short_header(own)), quic().foreign(),
       drop_not_owner, "vpn"},
      {"ours, lease expired", datagram(short_header(own)), quic().lease_expired(), deliver_flow,
       "app"},
      {"ours, long header", datagram(long_header(own)), quic().foreign(), deliver_flow, "app"},
      {"ours, a longer ID", datagram(long_header(joined({{19, 1}, Bytes(18, 7)}))),
       quic().foreign(), deliver_flow, "app"},
      {"ours, first fragment", datagram(short_header(own)).fragment(0, true), quic().foreign(),
       deliver_flow, "app"},
      {"ours, stopped", datagram(short_header(own)), quic().stopped(), drop_host_stopped, "-"},
      {"another member's, own bucket", datagram(short_header(other)), quic(), drop_not_owner,
       "app"},
      {"another member's, long header", datagram(long_header(other)), quic(), drop_not_owner,
       "app"},
      {"of a host that is gone, own bucket", datagram(short_header(gone)), quic(), deliver_owned,
       "app"},
      {"of a host that is gone, foreign", datagram(short_header(gone)), quic().foreign(),
       drop_not_owner, "app"},
      {"ours, but the rule does not say so", datagram(short_header(own)), World().foreign(),
       drop_not_owner, "app"},
      {"ours, no rule", FrameBuilder().ip(kClient, kVip).udp(40000, 53).data(short_header(own)),
       quic().foreign(), drop_not_owner, "default"},
      {"ours, closed here", datagram(short_header(own)), quic().foreign().closed(),
       drop_rule_disabled, "app"},
      {"another member's, closed here", datagram(short_header(other)), quic().closed(),
       drop_not_owner, "app"},
      {"ours, blocked", FrameBuilder().ip(kClient, kVip).udp(40000, 23).data(short_header(own)),
       quic(), drop_rule_disabled, "block"},
  });
}

TEST_CASE("what names no host goes by its address") {
  const World foreign = quic().foreign();
  check_received({
      {"an ID that a client chose", datagram(long_header(Bytes(8, 0x5c))), quic(), deliver_owned,
       "app"},
      {"the same, foreign", datagram(long_header(Bytes(8, 0x5c))), foreign, drop_not_owner, "app"},
      {"no ID", datagram(long_header({})), quic(), deliver_owned, "app"},
      {"an ID of seven bytes", datagram(long_header({6, 1, 2, 3, 4, 5, 6})), foreign,
       drop_not_owner, "app"},
      {"a length that is not its own", datagram(long_header(joined({id_of(1), {0}}))), foreign,
       drop_not_owner, "app"},
      {"a length beyond what QUIC allows", datagram(short_header(joined({{20, 1}, Bytes(30, 1)}))),
       foreign, drop_not_owner, "app"},
      {"a short header cut off", datagram({0x41, 7, 1, 2, 3, 4, 5, 6}), foreign, drop_not_owner,
       "app"},
      {"a long header cut off", datagram({0xc3, 0, 0, 0, 1, 8, 7, 1}), foreign, drop_not_owner,
       "app"},
      {"host 0", datagram(short_header(id_of(0))), quic(), deliver_owned, "app"},
      {"host 65", datagram(short_header(id_of(65))), quic(), deliver_owned, "app"},
      {"nothing at all", datagram({}), quic(), deliver_owned, "app"},
      {"one byte", datagram({0x41}), quic(), deliver_owned, "app"},
  });
}

TEST_CASE("connection IDs and followed conversations go together") {
  const Frame of_other = datagram(short_header(id_of(2)));
  const Frame of_nobody = datagram(long_header(Bytes(8, 0x5c)));
  check_received({
      {"the ID counts for more", of_other, quic().udp_track().holds(established), drop_not_owner,
       "app"},
      {"without one the conversation counts", of_nobody,
       quic().udp_track().foreign().holds(established), deliver_flow, "app tracked"},
      {"of a server that does not take part, another host holds some",
       datagram(short_header(Bytes(8, 0x5c))), quic().udp_track().dirty(), drop_no_flow, "app"},
      {"of a server that does not take part, we alone hold some",
       datagram(short_header(Bytes(8, 0x5c))), quic().udp_track().retained(), hand_on, "app"},
  });
}

TEST_CASE("a QUIC connection that no member has goes to the owner, whoever holds others") {
  // Clients that move fill all buckets with conversations of hosts that do not own them.
  const Frame begins = datagram(long_header(Bytes(8, 0x5c)));
  const Frame of_gone = datagram(short_header(id_of(3)));
  check_received({
      {"new, another host holds some", begins, quic().udp_track().dirty(), deliver_owned, "app"},
      {"new, we alone hold some", begins, quic().udp_track().retained(), drop_not_owner, "app"},
      {"new, foreign", begins, quic().udp_track().foreign(), drop_not_owner, "app"},
      {"of a host that is gone, another host holds some", of_gone, quic().udp_track().dirty(),
       deliver_owned, "app"},
      {"of a host that is gone, we alone hold some", of_gone, quic().udp_track().retained(),
       drop_not_owner, "app"},
  });
}

TEST_CASE("a host that answers a QUIC client which has moved knows of the conversation") {
  // Nothing else tells a host that drains whether it still has connections.
  const Frame reply =
      FrameBuilder().from(kStackMac).to(kClientMac).ip(kVip, kClient).udp(8000, 40000);
  const packet::FrameView view = packet::parse(reply);
  for (const World& world : {quic().udp_track().foreign(), quic().udp_track()}) {
    const forwarding::Snapshot now = world.snapshot();
    flow::FlowCache flows({.capacity = 64}, now.policy->classes().class_sizes, 1);
    const auto decision = forwarding::decide_egress(reply, view, {now, flows});
    CHECK(decision.verdict == send_uplink);
    CHECK(forwarding::note_sent(view, decision, flows, {}));
    CHECK(flows.statistics().live() == 1);
  }
}
