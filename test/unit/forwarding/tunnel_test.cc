// SPDX-License-Identifier: BSD-3-Clause
// The policy for IPsec, PPTP, L2TP and SCTP, as tables: name, frame, state of this host, verdict,
// effect.
#include <catch2/catch.hpp>
#include <vector>

#include "forwarding/conversation.h"
#include "support/rows.h"
#include "support/tunnels.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;

namespace {

// Addresses of a frame of the client, and of one of our stack.
FrameBuilder in() {
  return FrameBuilder().ip(kClient, kVip);
}
FrameBuilder in6() {
  return FrameBuilder().ip(kClient6, kVip6);
}
FrameBuilder out() {
  return FrameBuilder().from(kStackMac).ip(kVip, kClient);
}

// A worker's view of one host: what it decides, and what it remembers.
class Host {
 public:
  explicit Host(const World& world = World()) { become(world); }
  /// The buckets change hands; what is remembered stays.
  void become(const World& world) { snapshot_ = world.snapshot(); }

  std::string receive(const Frame& frame) {
    const packet::FrameView view = packet::parse(frame);
    const auto decision = forwarding::decide(frame, view, {snapshot_, flows_, true});
    if (forwarding::is_delivery(decision.verdict) || decision.tracked)
      forwarding::note_received(view, decision, flows_, now_);
    return std::string(forwarding::name(decision.verdict));
  }
  std::string send(const Frame& frame) {
    const packet::FrameView view = packet::parse(frame);
    const auto decision = forwarding::decide_egress(frame, view, {snapshot_, flows_, true});
    forwarding::note_sent(view, decision, flows_, now_);
    return std::string(forwarding::name(decision.verdict));
  }
  void wait(base::Duration time) {
    now_ = now_ + time;
    flows_.expire(now_, 1000);
  }
  [[nodiscard]] std::uint64_t held() const { return flows_.statistics().established; }

 private:
  forwarding::Snapshot snapshot_;
  flow::FlowCache flows_{{.capacity = 64}, World().snapshot().policy->classes().class_sizes, 1};
  base::TimePoint now_{};
};

}  // namespace

TEST_CASE("IKE, ESP and AH go by the rule of UDP port 500, hashed by client") {
  check_received({
      {"IKE, first message", ike(in(), {.responder = 0}), World(), deliver_owned, "vpn"},
      {"IKE, first message, dirty bucket", ike(in(), {.responder = 0}), World().dirty(),
       deliver_owned, "vpn"},
      {"IKE, first message, not ours", ike(in(), {.responder = 0}), World().foreign(),
       drop_not_owner, "vpn"},
      {"IKE, first message, lease expired", ike(in(), {.responder = 0}), World().lease_expired(),
       drop_lease_expired, "vpn"},
      {"IKE, later message, clean bucket", ike(in(), {.exchange = 35}), World(), deliver_owned,
       "vpn"},
      {"IKE, later message, dirty bucket", ike(in(), {.exchange = 35}), World().dirty(),
       drop_no_flow, "vpn"},
      {"IKE, later message, held", ike(in(), {.exchange = 35}),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"IKE, first message, held, bucket gone", ike(in(), {.responder = 0}),
       World().foreign().holds(established), drop_not_owner, "vpn tracked"},
      {"IKE, first message, held, bucket ours", ike(in(), {.responder = 0}),
       World().holds(established), deliver_flow, "vpn tracked"},
      {"IKE behind NAT, first message", ike_nat(in(), {.responder = 0}), World().dirty(),
       deliver_owned, "vpn"},
      {"IKE behind NAT, later message", ike_nat(in(), {.exchange = 35}), World().dirty(),
       drop_no_flow, "vpn"},
      {"IKE, cut short", in().udp(500, 500).payload(20), World(), deliver_owned, "vpn"},
      {"IKE, cut short, dirty bucket", in().udp(500, 500).payload(20), World().dirty(),
       drop_no_flow, "vpn"},
      {"IKE, empty", in().udp(500, 500), World().foreign(), drop_not_owner, "vpn"},
      {"IKE, IPv6", ike(in6(), {.responder = 0}), World(), deliver_owned, "vpn"},
      {"IKE, IPv6, held", ike(in6(), {.exchange = 35}), World().foreign().holds(established),
       deliver_flow, "vpn tracked"},
      {"IKE, another rule for this virtual IP",
       ike(FrameBuilder().ip(kClient, kVip2), {.responder = 0}), World(), deliver_owned, "games"},
      {"IKE, no rules", ike(in(), {.responder = 0}), World().without_rules(), deliver_default,
       "default"},
      {"IKE, stopped", ike(in(), {.responder = 0}), World().stopped(), drop_host_stopped, "-"},
      {"ESP in UDP, held", esp_nat(in()), World().foreign().holds(established), deliver_flow,
       "vpn tracked"},
      {"ESP in UDP, clean bucket", esp_nat(in()), World(), deliver_owned, "vpn"},
      {"ESP in UDP, dirty bucket", esp_nat(in()), World().dirty(), drop_no_flow, "vpn"},
      {"NAT keepalive, held", in().udp(4500, 4500).payload(1), World().foreign().holds(established),
       deliver_flow, "vpn tracked"},
      {"NAT keepalive, not ours", in().udp(4500, 4500).payload(1), World().foreign(),
       drop_not_owner, "vpn"},
      {"ESP, held", esp(in()), World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"ESP, clean bucket", esp(in()), World(), deliver_owned, "vpn"},
      {"ESP, dirty bucket", esp(in()), World().dirty(), drop_no_flow, "vpn"},
      {"ESP, not ours", esp(in()), World().foreign(), drop_not_owner, "vpn"},
      {"ESP, lease expired", esp(in()), World().lease_expired(), drop_lease_expired, "vpn"},
      {"ESP, held, lease expired", esp(in()), World().lease_expired().holds(established),
       deliver_flow, "vpn tracked"},
      {"ESP, later fragment, held", esp(in()).fragment(9, false),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"ESP, no rules", esp(in()), World().without_rules(), deliver_default, "default"},
      {"ESP, IPv6", esp(in6()), World(), deliver_owned, "vpn"},
      {"ESP, another rule for this virtual IP", esp(FrameBuilder().ip(kClient, kVip2)), World(),
       deliver_owned, "games"},
      {"ESP, stopped", esp(in()), World().stopped(), drop_host_stopped, "-"},
      {"ESP, for the dedicated address", esp(FrameBuilder().ip(kClient, kDedicated).to(kHostMac)),
       World().foreign(), deliver_local, "-"},
      {"AH, held", ah(in()), World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"AH, clean bucket", ah(in()), World(), deliver_owned, "vpn"},
      {"AH, dirty bucket", ah(in()), World().dirty(), drop_no_flow, "vpn"},
      {"AH, not ours", ah(in()), World().foreign(), drop_not_owner, "vpn"},
      {"AH, IPv6", ah(in6()), World(), deliver_owned, "vpn"},
      {"AH behind other headers, IPv6", ah(in6().extension(0).extension(60)), World().dirty(),
       drop_no_flow, "vpn"},
  });
}

TEST_CASE("a client's PPTP and GRE meet one host, by the rule of TCP port 1723") {
  check_received({
      {"PPTP, SYN", in().tcp(40000, 1723, kSyn), World(), deliver_owned, "vpn"},
      {"PPTP, SYN, not ours", in().tcp(40000, 1723, kSyn), World().foreign(), drop_not_owner,
       "vpn"},
      {"PPTP, held", in().tcp(40000, 1723, kAck), World().foreign().holds(established),
       deliver_flow, "vpn tracked"},
      {"PPTP, mid-connection, dirty", in().tcp(40000, 1723, kAck), World().dirty(), drop_no_flow,
       "vpn"},
      {"GRE, held", gre(in()), World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"GRE, clean bucket", gre(in()), World(), deliver_owned, "vpn"},
      {"GRE, dirty bucket", gre(in()), World().dirty(), drop_no_flow, "vpn"},
      {"GRE, not ours", gre(in()), World().foreign(), drop_not_owner, "vpn"},
      {"GRE, no rules", gre(in()), World().without_rules(), deliver_default, "default"},
      {"GRE, IPv6", gre(in6()), World(), deliver_owned, "vpn"},
      {"GRE, lease expired", gre(in()), World().lease_expired(), drop_lease_expired, "vpn"},
      {"GRE, stopped", gre(in()), World().stopped(), drop_host_stopped, "-"},
  });
}

TEST_CASE("L2TP goes by the rule of UDP port 1701, hashed by client") {
  check_received({
      {"first message", l2tp(in(), 1), World(), deliver_owned, "vpn"},
      {"first message, dirty bucket", l2tp(in(), 1), World().dirty(), deliver_owned, "vpn"},
      {"first message, not ours", l2tp(in(), 1), World().foreign(), drop_not_owner, "vpn"},
      {"first message, held, bucket gone", l2tp(in(), 1), World().foreign().holds(established),
       drop_not_owner, "vpn tracked"},
      {"later message, held", l2tp(in(), 6), World().foreign().holds(established), deliver_flow,
       "vpn tracked"},
      {"later message, dirty bucket", l2tp(in(), 6), World().dirty(), drop_no_flow, "vpn"},
      {"later message, clean bucket", l2tp(in(), 6), World(), deliver_owned, "vpn"},
      {"data, held", in().udp(1701, 1701).payload(40), World().foreign().holds(established),
       deliver_flow, "vpn tracked"},
      {"data, dirty bucket", in().udp(1701, 1701).payload(40), World().dirty(), drop_no_flow,
       "vpn"},
      {"another client port", in().udp(40000, 1701).payload(40),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"IPv6", l2tp(in6(), 1), World(), deliver_owned, "vpn"},
      {"no rules", l2tp(in(), 1), World().without_rules(), deliver_default, "default"},
  });
}

TEST_CASE("SCTP is spread by its ports, and an association is followed like a connection") {
  const auto chunk = [](std::uint8_t type, std::uint32_t tag = 7) {
    return sctp(in(), {.chunk = type, .verification_tag = tag});
  };
  check_received({
      {"INIT", chunk(1), World(), deliver_owned, "spread"},
      {"INIT, dirty", chunk(1), World().dirty(), deliver_owned, "spread"},
      {"INIT, not ours", chunk(1), World().foreign(), drop_not_owner, "spread"},
      {"INIT, lease expired", chunk(1), World().lease_expired(), drop_lease_expired, "spread"},
      {"INIT, held, bucket gone", chunk(1), World().foreign().holds(established), drop_not_owner,
       "spread tracked"},
      {"COOKIE-ECHO to our INIT-ACK", chunk(10, kOurSequence + 1), World().holds(half_open),
       deliver_flow, "spread tracked"},
      {"COOKIE-ECHO to another's INIT-ACK", chunk(10, 99), World().holds(half_open), drop_alien_ack,
       "spread tracked"},
      {"DATA, held", chunk(0), World().foreign().holds(established), deliver_flow,
       "spread tracked"},
      {"DATA, clean bucket", chunk(0), World(), deliver_owned, "spread"},
      {"DATA, dirty bucket", chunk(0), World().dirty(), drop_no_flow, "spread"},
      {"DATA, not ours", chunk(0), World().foreign(), drop_not_owner, "spread"},
      {"INIT-ACK of a client", chunk(2), World(), drop_no_flow, "spread"},
      {"ABORT, held", chunk(6), World().foreign().holds(established), deliver_flow,
       "spread tracked"},
      {"SHUTDOWN, lingering", chunk(7), World().foreign().holds(lingering), deliver_flow,
       "spread tracked"},
      {"IPv6", sctp(in6(), {.chunk = 1}), World(), deliver_owned, "spread"},
      {"cut short", in().protocol(132, {0, 1, 0, 2, 0, 0, 0, 0}), World(), drop_malformed, "-"},
      {"INIT cut short", in().protocol(132, {0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20}),
       World(), drop_malformed, "-"},
      {"later fragment", chunk(0).fragment(9, false), World(), drop_fragment_unknown, "-"},
      {"stopped", chunk(1), World().stopped(), drop_host_stopped, "-"},
  });
  check_sent({
      {"INIT-ACK, our bucket", sctp(out(), {.chunk = 2}), World(), send_uplink, "spread"},
      {"INIT-ACK, not ours", sctp(out(), {.chunk = 2}), World().foreign(), drop_egress_not_owner,
       "spread"},
      {"ABORT, not ours", sctp(out(), {.chunk = 6}), World().foreign(), drop_egress_not_owner,
       "spread"},
      {"ABORT, dirty", sctp(out(), {.chunk = 6}), World().dirty(), send_uplink, "spread"},
      {"ABORT, held", sctp(out(), {.chunk = 6}), World().foreign().holds(established), send_uplink,
       "spread tracked"},
      {"DATA, not ours", sctp(out(), {.chunk = 0}), World().foreign(), send_uplink, "spread"},
  });
}

TEST_CASE("tunnels of our stack leave, the answer to a first message only from the owner") {
  check_sent({
      {"IKE, answer to the first message", ike(out(), {.exchange = 34, .flags = 0x20}), World(),
       send_uplink, "vpn"},
      {"IKE, the same, not ours", ike(out(), {.exchange = 34, .flags = 0x20}), World().foreign(),
       drop_egress_not_owner, "vpn"},
      {"IKE, later answer", ike(out(), {.exchange = 35, .flags = 0x20}), World().foreign(),
       send_uplink, "vpn"},
      {"L2TP, SCCRP", l2tp(out(), 2), World(), send_uplink, "vpn"},
      {"L2TP, SCCRP, not ours", l2tp(out(), 2), World().foreign(), drop_egress_not_owner, "vpn"},
      {"ESP", esp(out()), World().foreign(), send_uplink, "vpn"},
      {"GRE", gre(out()), World().foreign().holds(established), send_uplink, "vpn tracked"},
  });
}

TEST_CASE("all of one client's tunnels of a kind land in one bucket") {
  const auto place = [](const Frame& frame) {
    const auto decision = World().receive(frame).decision;
    return std::pair(decision.map_class.value, decision.bucket.value);
  };
  const auto ipsec = place(ike(in(), {.responder = 0}));
  CHECK(place(ike_nat(in(), {})) == ipsec);
  CHECK(place(in().udp(31234, 4500).payload(9)) == ipsec);
  CHECK(place(esp(in())) == ipsec);
  CHECK(place(ah(in())) == ipsec);
  CHECK(place(in().tcp(40000, 1723, kSyn)) == place(in().tcp(40001, 1723, kSyn)));
  CHECK(place(in().tcp(40000, 1723, kSyn)) == place(gre(in())));
  CHECK(place(in().udp(1, 1701)) == place(in().udp(2, 1701)));
  const FrameBuilder other = FrameBuilder().ip("10.99.0.1", kVip);
  CHECK(place(sctp(in(), {.chunk = 1})) == place(sctp(other, {.chunk = 1})));
}

TEST_CASE("a conversation that is held is placed by its key where its packets are") {
  const forwarding::Snapshot snapshot = World().snapshot();
  for (const Frame& frame : std::vector<Frame>{
           ike(in(), {}), ike_nat(in(), {}), esp_nat(in6()), esp(in()), ah(in6()), gre(in()),
           l2tp(in(), 1), sctp(in(), {.chunk = 0}), in().tcp(40000, 1723, kAck)}) {
    const auto decision = World().receive(frame).decision;
    const auto key = forwarding::tracked_key(packet::parse(frame).key, false);
    REQUIRE(key.has_value());
    CHECK(forwarding::placement_of(snapshot, *key) ==
          flow::Placement{decision.map_class, decision.bucket});
  }
}

TEST_CASE("an IPsec session stays with its host for 24 hours of silence, through a remap") {
  Host host;
  CHECK(host.receive(ike(in(), {.responder = 0})) == "deliver_owned");
  CHECK(host.send(ike(out(), {.exchange = 34, .flags = 0x20})) == "send_uplink");
  CHECK(host.held() == 0);  // a flood of first messages leaves nothing for long
  CHECK(host.receive(ike(in(), {.exchange = 35})) == "deliver_flow");
  CHECK(host.send(ike(out(), {.exchange = 35, .flags = 0x20})) == "send_uplink");
  CHECK(host.held() == 1);
  host.become(World().foreign());
  CHECK(host.receive(esp(in())) == "deliver_flow");
  host.wait(std::chrono::hours(23));
  CHECK(host.receive(esp_nat(in())) == "deliver_flow");
  CHECK(host.receive(ah(in())) == "deliver_flow");
  CHECK(host.receive(esp(FrameBuilder().ip("10.77.0.101", kVip))) == "drop_not_owner");
  host.wait(std::chrono::hours(24));
  CHECK(host.receive(esp(in())) == "deliver_flow");  // served until the sweep has come by
  host.wait(std::chrono::hours(24) + flow::kTick);
  CHECK(host.receive(esp(in())) == "drop_not_owner");
}

TEST_CASE("a client that begins anew with another host is let go by the old one") {
  Host host;
  host.receive(ike(in(), {.responder = 0}));
  host.send(ike(out(), {.exchange = 35, .flags = 0x20}));
  host.become(World().foreign());
  CHECK(host.receive(ike(in(), {.initiator = 77, .responder = 0})) == "drop_not_owner");
  CHECK(host.receive(esp(in())) == "deliver_flow");  // of the old one, as far as can be told
  CHECK(host.receive(ike(in(), {.initiator = 77, .exchange = 35})) == "drop_not_owner");
  CHECK(host.held() == 0);
  CHECK(host.receive(esp(in())) == "drop_not_owner");
}

TEST_CASE("GRE stays with the host that sent it, for 10 minutes") {
  Host host;
  CHECK(host.send(gre(out())) == "send_uplink");
  host.become(World().foreign());
  host.wait(std::chrono::minutes(9));
  CHECK(host.receive(gre(in())) == "deliver_flow");
  host.wait(std::chrono::minutes(11));
  CHECK(host.receive(gre(in())) == "drop_not_owner");
}

TEST_CASE("an SCTP association begins, moves on with its host and ends") {
  Host host;
  CHECK(host.receive(sctp(in(), {.chunk = 1})) == "deliver_owned");
  CHECK(host.send(sctp(out(), {.chunk = 2, .initiate_tag = 500})) == "send_uplink");
  CHECK(host.held() == 0);
  CHECK(host.receive(sctp(in(), {.chunk = 10, .verification_tag = 499})) == "drop_alien_ack");
  CHECK(host.receive(sctp(in(), {.chunk = 10, .verification_tag = 500})) == "deliver_flow");
  CHECK(host.send(sctp(out(), {.chunk = 11})) == "send_uplink");
  CHECK(host.held() == 1);
  host.become(World().foreign());
  CHECK(host.receive(sctp(in(), {.chunk = 0, .verification_tag = 500})) == "deliver_flow");
  CHECK(host.receive(sctp(in(), {.chunk = 7, .verification_tag = 500})) == "deliver_flow");
  CHECK(host.send(sctp(out(), {.chunk = 8})) == "send_uplink");
  CHECK(host.held() == 0);
  CHECK(host.receive(sctp(in(), {.chunk = 14, .verification_tag = 500})) == "deliver_flow");
  host.wait(flow::kLinger + flow::kTick);
  CHECK(host.receive(sctp(in(), {.chunk = 0, .verification_tag = 500})) == "drop_not_owner");
}

TEST_CASE("an ICMP error about a tunnel goes to the host that holds it") {
  check_received({
      {"about ESP, held", unreachable("10.77.0.1", esp(out())),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"about ESP, ours", unreachable("10.77.0.1", esp(out())), World(), deliver_owned, "vpn"},
      {"about ESP, not ours", unreachable("10.77.0.1", esp(out())), World().foreign(),
       drop_not_owner, "vpn"},
      {"about ESP in UDP, held", unreachable("10.77.0.1", esp_nat(out())),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"about IKE, not ours", unreachable("10.77.0.1", ike(out(), {.exchange = 35})),
       World().foreign(), drop_not_owner, "vpn"},
      {"about GRE, held", unreachable("10.77.0.1", gre(out())),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"about L2TP, held", unreachable("10.77.0.1", l2tp(out(), 6)),
       World().foreign().holds(established), deliver_flow, "vpn tracked"},
      {"about SCTP, held", unreachable("10.77.0.1", sctp(out(), {.chunk = 0})),
       World().foreign().holds(established), deliver_flow, "spread tracked"},
      {"about SCTP, ours", unreachable("10.77.0.1", sctp(out(), {.chunk = 0})), World(),
       deliver_owned, "spread"},
  });
}
