// SPDX-License-Identifier: BSD-3-Clause
// The policy for what the local stack sends, as tables; and what the flow cache learns of it.
#include <catch2/catch.hpp>

#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;

namespace {

FrameBuilder tcp(std::uint16_t port, std::uint8_t flags) {
  return FrameBuilder().from(kStackMac).ip(kVip, kClient).tcp(port, 40000, flags);
}
FrameBuilder tcp6(std::uint16_t port, std::uint8_t flags) {
  return FrameBuilder().from(kStackMac).ip(kVip6, kClient6).tcp(port, 40000, flags);
}
FrameBuilder from(std::string_view source, std::string_view destination) {
  return FrameBuilder().from(kStackMac).ip(source, destination);
}
FrameBuilder arp_of(std::string_view sender, std::uint16_t operation = 1) {
  return arp({operation, sender, kClient, kStackMac});
}

constexpr std::uint8_t kSynAck = kSyn | kAck;
constexpr std::uint8_t kRstAck = kRst | kAck;

/// The cache of one host, told of all that goes in and out.
struct Host {
  flow::FlowCache flows{{.capacity = 64}, World().snapshot().policy->classes().class_sizes, 7};

  forwarding::Verdict receive(const Frame& frame, const forwarding::Snapshot& snapshot) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision = forwarding::decide(frame, view, {snapshot, flows, true});
    forwarding::note_received(view, decision, flows, {});
    return decision.verdict;
  }
  struct Sent {
    forwarding::Verdict verdict;
    bool is_news;  // to other workers
  };
  Sent send(const Frame& frame, const forwarding::Snapshot& snapshot, bool lease_valid = true) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision =
        forwarding::decide_egress(frame, view, {snapshot, flows, lease_valid});
    const bool is_news = forwarding::note_sent(view, decision, flows, {});
    return {decision.verdict, is_news};
  }
};

/// Of the client whose conversation tcp() answers.
FrameBuilder from_client(std::uint8_t flags) {
  return FrameBuilder().ip(kClient, kVip).tcp(40000, 80, flags);
}

}  // namespace

TEST_CASE("of a rule that is closed on this host nothing is let out") {
  const World closed = World().closed();
  check_sent({
      {"closed, SYN-ACK", tcp(80, kSynAck), closed, drop_rule_disabled, "web"},
      {"closed, data of a held one", tcp(80, kAck).payload(9), World().closed().holds(established),
       drop_rule_disabled, "web tracked"},
      {"closed, RST, IPv6", tcp6(80, kRstAck), closed, drop_rule_disabled, "web"},
      {"closed, of another rule's class: none", from(kDedicated, kClient).tcp(80, 40000, kAck),
       closed, send_uplink, "-"},
  });
}

TEST_CASE("a connection ends here with the first segment after its rule was closed") {
  Host host;
  const forwarding::Snapshot open = World().snapshot();
  const forwarding::Snapshot closed = World().closed().snapshot();
  CHECK(host.send(tcp(80, kSynAck), open).verdict == send_uplink);
  CHECK(host.send(tcp(80, kAck).payload(9), open).verdict == send_uplink);
  REQUIRE(host.flows.statistics().established == 1);
  CHECK(host.receive(from_client(kAck), closed) == drop_rule_disabled);
  CHECK(host.flows.statistics().live() == 0);
  CHECK(host.send(tcp(80, kAck).payload(9), closed).verdict == drop_rule_disabled);
  CHECK(host.flows.statistics().live() == 0);
}

TEST_CASE("SYN-ACK and RST leave only from the owner or the holder of the connection") {
  check_sent({
      {"SYN-ACK, our bucket", tcp(80, kSynAck), World(), send_uplink, "web"},
      {"SYN-ACK, our bucket, IPv6", tcp6(80, kSynAck), World(), send_uplink, "web"},
      {"SYN-ACK, dirty bucket", tcp(80, kSynAck), World().dirty(), send_uplink, "web"},
      {"SYN-ACK, default host", tcp(2222, kSynAck), World(), send_uplink, "default"},
      {"SYN-ACK, foreign bucket", tcp(80, kSynAck), World().foreign(), drop_egress_not_owner,
       "web"},
      {"SYN-ACK, foreign bucket, IPv6", tcp6(80, kSynAck), World().foreign(), drop_egress_not_owner,
       "web"},
      {"SYN-ACK, lease expired", tcp(80, kSynAck), World().lease_expired(), drop_egress_not_owner,
       "web"},
      {"SYN-ACK again", tcp(80, kSynAck), World().holds(half_open), send_uplink, "web tracked"},
      {"SYN-ACK again, moved: its answer may have been lost", tcp(80, kSynAck),
       World().foreign().holds(half_open), send_uplink, "web tracked"},
      {"SYN-ACK again, moved, lease expired", tcp(80, kSynAck),
       World().foreign().lease_expired().holds(half_open), drop_egress_not_owner, "web tracked"},
      {"SYN-ACK again with early data sent, moved", tcp(80, kSynAck),
       World().foreign().holds(established), send_uplink, "web tracked"},
      {"SYN-ACK, disabled rule", tcp(23, kSynAck), World(), drop_egress_not_owner, "block"},
      {"RST, our bucket", tcp(80, kRstAck), World(), send_uplink, "web"},
      {"RST, foreign bucket", tcp(80, kRst), World().foreign(), drop_egress_not_owner, "web"},
      {"RST, foreign bucket, held here", tcp(80, kRst), World().foreign().holds(established),
       send_uplink, "web tracked"},
      {"RST, foreign bucket, lingering", tcp(80, kRst), World().foreign().holds(lingering),
       send_uplink, "web tracked"},
      {"RST, lease expired", tcp(80, kRst), World().lease_expired(), drop_egress_not_owner, "web"},
  });
}

TEST_CASE("other segments leave from wherever the socket is") {
  check_sent({
      {"data, foreign bucket", tcp(80, kAck).payload(9), World().foreign(), send_uplink, "web"},
      {"data, held", tcp(80, kAck), World().foreign().holds(established), send_uplink,
       "web tracked"},
      {"FIN, lease expired", tcp(80, kFin | kAck), World().lease_expired(), send_uplink, "web"},
      {"SYN of our own", tcp(33000, kSyn), World().foreign(), send_uplink, "default"},
      {"later fragment", tcp(80, kRst).fragment(9, true), World().foreign(), send_uplink, "-"},
      {"UDP", from(kVip, kClient).udp(8000, 9), World().foreign(), send_uplink, "-"},
      {"echo reply", from(kVip, kClient).icmp(0, 0), World().foreign(), send_uplink, "-"},
      {"IP in IP", from(kVip, kClient).protocol(4, {1, 2, 3, 4}), World(), send_uplink, "-"},
      {"stopped host, data", tcp(80, kAck), World().stopped().holds(established), drop_host_stopped,
       "-"},
      {"stopped host, UDP", from(kVip, kClient).udp(1, 2), World().stopped(), drop_host_stopped,
       "-"},
  });
}

TEST_CASE("the dedicated address may say what it likes, others nothing") {
  check_sent({
      {"dedicated, TCP", from(kDedicated, kClient).tcp(22, 40000, kSynAck), World().foreign(),
       send_uplink, "-"},
      {"dedicated, stopped", from(kDedicated, kClient).udp(1, 2), World().stopped(), send_uplink,
       "-"},
      {"unknown source", from("10.77.0.99", kClient).udp(1, 2), World(), drop_egress_source, "-"},
      {"unknown source, IPv6", from("2001:db8:77::99", kClient6).udp(1, 2), World(),
       drop_egress_source, "-"},
      {"no source (DHCP)", from("0.0.0.0", "255.255.255.255").udp(68, 67), World(),
       drop_egress_source, "-"},
      {"IGMP", from(kVip, "224.0.0.22").protocol(2, {0x22, 0, 0, 0, 0, 0, 0, 0}), World(),
       drop_egress_source, "-"},
      {"IGMP of the dedicated address", from(kDedicated, "224.0.0.22").protocol(2, {0x22, 0, 0, 0}),
       World(), drop_egress_source, "-"},
      {"MLD report", from("fe80::1", "ff02::16").icmp(143, 0), World(), drop_egress_source, "-"},
      {"MLD report of a virtual IP", from(kVip6, "ff02::16").icmp(143, 0), World(),
       drop_egress_source, "-"},
      {"router solicitation", from("fe80::1", "ff02::2").icmp(133, 0), World(), drop_egress_source,
       "-"},
      {"router solicitation of a virtual IP", from(kVip6, "ff02::2").icmp(133, 0), World(),
       drop_egress_source, "-"},
      {"LLDP", FrameBuilder().raw(0x88cc, {1, 2}), World(), drop_egress_source, "-"},
      {"a heartbeat of the stack", FrameBuilder().raw(0x88b5, {1, 2}), World(), drop_egress_source,
       "-"},
      {"empty", {}, World(), drop_malformed, "-"},
      {"cut", resized(tcp(80, kAck), 40), World(), drop_malformed, "-"},
  });
}

TEST_CASE("address resolution leaves for our addresses only") {
  check_sent({
      {"ARP request of a virtual IP", arp_of(kVip), World().foreign(), send_uplink, "-"},
      {"ARP request of the dedicated address", arp_of(kDedicated), World(), send_uplink, "-"},
      {"ARP reply of the dedicated address", arp_of(kDedicated, 2), World(), send_uplink, "-"},
      {"ARP probe", arp_of("0.0.0.0"), World(), drop_egress_source, "-"},
      {"ARP of somebody else", arp_of("10.77.0.99"), World(), drop_egress_source, "-"},
      {"ARP of a virtual IP, stopped", arp_of(kVip), World().stopped(), drop_host_stopped, "-"},
      {"ARP of the dedicated address, stopped", arp_of(kDedicated), World().stopped(), send_uplink,
       "-"},
      {"solicitation of a virtual IP", solicitation(kVip6, kClient6), World().foreign(),
       send_uplink, "-"},
      {"solicitation of a virtual IP, stopped", solicitation(kVip6, kClient6), World().stopped(),
       drop_host_stopped, "-"},
      {"duplicate address probe", solicitation("::", kVip6), World(), drop_egress_source, "-"},
      {"solicitation of a link-local address", solicitation("fe80::1", kClient6), World(),
       drop_egress_source, "-"},
  });
}

TEST_CASE("the cache learns a connection from what the stack sends and keeps it over a move") {
  const forwarding::Snapshot own = World().snapshot();
  const forwarding::Snapshot moved = World().foreign().snapshot();
  Host host;
  const auto receive = [&](std::uint8_t flags, std::uint32_t acknowledgement,
                           const forwarding::Snapshot& snapshot) {
    return host.receive(from_client(flags).numbers(1, acknowledgement), snapshot);
  };
  const auto send = [&](const Frame& frame, const forwarding::Snapshot& snapshot) {
    const Host::Sent sent = host.send(frame, snapshot);
    return std::pair(sent.verdict, sent.is_news);
  };
  CHECK(receive(kSyn, 0, own) == deliver_owned);
  CHECK(host.flows.statistics().half_open == 0);  // a SYN leaves no trace
  CHECK(send(tcp(80, kSynAck).numbers(100, 2), own) == std::pair(send_uplink, true));
  CHECK(receive(kAck, 101, own) == deliver_flow);
  CHECK(send(tcp(80, kAck).numbers(101, 2), own) == std::pair(send_uplink, false));
  CHECK(host.flows.statistics().established == 1);
  CHECK(receive(kAck, 101, moved) == deliver_flow);
  CHECK(receive(kSyn, 0, moved) == drop_not_owner);
  CHECK(send(tcp(80, kRst).numbers(101, 2), moved) == std::pair(send_uplink, true));
  CHECK(receive(kAck, 101, moved) == drop_not_owner);
  CHECK(send(tcp(80, kRst).numbers(101, 2), moved) == std::pair(drop_egress_not_owner, false));
}

TEST_CASE("a SYN-ACK that was withheld once stays so until its SYN comes again") {
  const forwarding::Snapshot own = World().snapshot();
  const forwarding::Snapshot moved = World().foreign().snapshot();
  Host host;
  const auto send_syn_ack = [&](const forwarding::Snapshot& snapshot) {
    return host.send(tcp(80, kSynAck).numbers(100, 2), snapshot).verdict;
  };
  const auto receive = [&](std::uint8_t flags, const forwarding::Snapshot& snapshot) {
    return host.receive(from_client(flags).numbers(1, 5000), snapshot);
  };
  SECTION("it was the first one") {
    CHECK(send_syn_ack(moved) == drop_egress_not_owner);
  }
  SECTION("an earlier one had left, and the client asked again when the bucket had moved") {
    CHECK(send_syn_ack(own) == send_uplink);
    CHECK(receive(kSyn, moved) == drop_not_owner);
    CHECK(send_syn_ack(moved) == drop_egress_not_owner);
  }
  CHECK(send_syn_ack(own) == drop_egress_not_owner);
  CHECK(receive(kAck, own) == drop_no_flow);  // what it acknowledges, another host sent: no alarm
  CHECK(receive(kSyn, own) == deliver_flow);
  CHECK(send_syn_ack(own) == send_uplink);
  CHECK(receive(kAck, own) == drop_alien_ack);
}

TEST_CASE("a SYN-ACK whose answer was lost is repeated although the bucket has moved") {
  const forwarding::Snapshot own = World().snapshot();
  const forwarding::Snapshot moved = World().foreign().snapshot();
  Host host;
  const Frame syn_ack = tcp(80, kSynAck).numbers(100, 2);
  CHECK(host.send(syn_ack, own).verdict == send_uplink);
  CHECK(host.send(syn_ack, moved).verdict == send_uplink);
  CHECK(host.flows.statistics().half_open == 1);  // the new owner is told to keep its hands off
  SECTION("its answer makes the connection") {
    const Frame frame = from_client(kAck).numbers(2, 101);
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision =
        forwarding::decide(frame, view, {moved, host.flows, true});
    CHECK(decision.verdict == deliver_flow);
    CHECK(forwarding::note_received(view, decision, host.flows, {}));
    CHECK(host.flows.statistics().established == 1);
  }
  SECTION("not by a host that others may take for dead") {
    CHECK(host.send(syn_ack, moved, false).verdict == drop_egress_not_owner);
    CHECK(host.send(syn_ack, moved).verdict == drop_egress_not_owner);
  }
}

TEST_CASE("a port that is used anew with another host silences the one that held it before") {
  const forwarding::Snapshot moved = World().foreign().snapshot();
  Host host;
  const auto receive = [&](std::uint8_t flags, std::uint32_t sequence) {
    return host.receive(from_client(flags).numbers(sequence, 1), moved);
  };
  const auto send = [&](std::uint8_t flags, std::uint32_t acknowledgement) {
    return host.send(tcp(80, flags).numbers(101, acknowledgement), moved).verdict;
  };
  const std::uint8_t fin = kFin | kAck;
  const auto connect = [&] { host.send(tcp(80, kAck).numbers(101, 2).payload(9), moved); };

  SECTION("a finished connection ends with the SYN") {
    connect();
    receive(fin, 2);
    send(fin, 3);
    CHECK(receive(kSyn, 900) == drop_not_owner);
    CHECK(receive(kAck, 901) == drop_not_owner);
    CHECK(send(kRst, 0) == drop_egress_not_owner);
  }
  SECTION("an open one ends when the client goes on behind the SYN") {
    connect();
    CHECK(receive(kSyn, 900) == drop_not_owner);
    CHECK(receive(kAck, 901) == drop_not_owner);
    CHECK(receive(kAck, 950) == drop_not_owner);
    CHECK(send(kRst, 0) == drop_egress_not_owner);
  }
  SECTION("an open one goes on when the SYN was forged") {
    connect();
    CHECK(receive(kSyn, 900) == drop_not_owner);
    CHECK(receive(kAck, 2) == deliver_flow);
    CHECK(send(kAck, 3) == send_uplink);
    CHECK(receive(kAck, 901) == deliver_flow);
  }
}

TEST_CASE("the cache is told of connections to virtual IPs only") {
  const forwarding::Snapshot snapshot = World().snapshot();
  flow::FlowCache flows({.capacity = 64}, snapshot.policy->classes().class_sizes, 7);
  const auto note = [&](const Frame& frame) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision =
        forwarding::decide_egress(frame, view, {snapshot, flows, true});
    return forwarding::note_sent(view, decision, flows, {});
  };
  CHECK_FALSE(note(from(kDedicated, kClient).tcp(22, 1, kAck)));
  CHECK_FALSE(note(from(kVip, kClient).udp(22, 1)));
  CHECK_FALSE(note(tcp(80, kAck).fragment(3, true)));
  CHECK_FALSE(note(tcp(23, kSyn)));  // no bucket: its rule is disabled
  CHECK(flows.statistics().created == 0);
  CHECK(note(tcp(33000, kSyn)));
  CHECK(flows.statistics().established == 1);
}

TEST_CASE("the answer to a connection our stack opened is let in on the host that opened it") {
  const forwarding::Snapshot snapshot = World().foreign().snapshot();
  flow::FlowCache flows({.capacity = 64}, snapshot.policy->classes().class_sizes, 7);
  const Frame syn = tcp(33000, kSyn);
  const packet::FrameView sent = packet::parse(syn);
  forwarding::note_sent(sent, forwarding::decide_egress(syn, sent, {snapshot, flows, true}), flows,
                        {});
  const Frame answer = FrameBuilder().ip(kClient, kVip).tcp(40000, 33000, kSynAck);
  CHECK(forwarding::decide(answer, packet::parse(answer), {snapshot, flows, true}).verdict ==
        deliver_flow);
}

TEST_CASE("a flow has a place by the rules of its configuration, whoever decided about it before") {
  std::vector<forwarding::PortRule> rules = world_rules();
  rules.insert(rules.begin(), rules.front());
  rules.front().name = "early";
  rules.front().ports = {{1, 1}};
  const forwarding::Snapshot before = World().snapshot();
  const forwarding::Snapshot after = World().rules(rules).bucket_count(64).snapshot();
  const flow::FlowCache flows({.capacity = 64}, before.policy->classes().class_sizes, 7);
  const Frame ack = tcp(80, kAck);
  const packet::FrameView view = packet::parse(ack);
  const packet::FlowKey key = view.key.reversed();
  const forwarding::Decision old = forwarding::decide_egress(ack, view, {before, flows, true});
  const auto place = forwarding::placement_of(after, key);
  REQUIRE(place.has_value());
  CHECK(place->map_class == after.policy->classes().class_of_rule[1]);
  CHECK(place->bucket.value < 64);

  const forwarding::Decision anew = forwarding::placed_anew(old, key, after);
  CHECK(anew.has_bucket);
  CHECK(anew.verdict == old.verdict);
  CHECK(flow::Placement{anew.map_class, anew.bucket} == *place);
  CHECK(forwarding::placement_of(before, key) == flow::Placement{old.map_class, old.bucket});

  const packet::FlowKey blocked = packet::parse(Frame(tcp(23, kAck))).key.reversed();
  CHECK_FALSE(forwarding::placement_of(after, blocked).has_value());
  CHECK_FALSE(forwarding::placement_of(after, view.key).has_value());  // to no virtual IP
  CHECK_FALSE(forwarding::placed_anew(old, blocked, after).has_bucket);
}
