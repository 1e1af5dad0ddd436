// SPDX-License-Identifier: BSD-3-Clause
// The policy for TCP to a virtual IP, as tables: name, frame, state of this host, verdict, effect.
#include <catch2/catch.hpp>

#include "support/rows.h"
#include "support/tunnels.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;

namespace {

constexpr std::uint8_t kSynAck = kSyn | kAck;
constexpr std::uint8_t kRstAck = kRst | kAck;
constexpr std::uint8_t kFinAck = kFin | kAck;

FrameBuilder tcp(std::uint16_t port, std::uint8_t flags) {
  return FrameBuilder().ip(kClient, kVip).tcp(40000, port, flags);
}
FrameBuilder tcp6(std::uint16_t port, std::uint8_t flags) {
  return FrameBuilder().ip(kClient6, kVip6).tcp(40000, port, flags);
}
FrameBuilder handshake_ack(std::uint32_t acknowledgement) {
  return tcp(80, kAck).numbers(1001, acknowledgement);
}

}  // namespace

TEST_CASE("a new connection goes to the owner of its bucket") {
  check_received({
      {"SYN, our bucket", tcp(80, kSyn), World(), deliver_owned, "web"},
      {"SYN, our bucket, IPv6", tcp6(80, kSyn), World(), deliver_owned, "web"},
      {"SYN, our bucket, VLAN", tcp(80, kSyn).vlan(5), World(), deliver_owned, "web"},
      {"SYN, second port of the rule", tcp(443, kSyn), World(), deliver_owned, "web"},
      {"SYN with data (fast open)", tcp(80, kSyn).payload(99), World(), deliver_owned, "web"},
      {"SYN with ECN set up", tcp(80, kSyn | 0xc0), World(), deliver_owned, "web"},
      {"SYN, IPv4 options", tcp(80, kSyn).options({1, 1, 1, 0}), World(), deliver_owned, "web"},
      {"SYN behind extension headers", tcp6(80, kSyn).extension(0), World(), deliver_owned, "web"},
      {"SYN in a first fragment", tcp(80, kSyn).fragment(0, true), World(), deliver_owned, "web"},
      {"SYN, bucket with old flows elsewhere", tcp(80, kSyn), World().dirty(), deliver_owned,
       "web"},
      {"SYN, another host's bucket", tcp(80, kSyn), World().foreign(), drop_not_owner, "web"},
      {"SYN, another host's bucket, IPv6", tcp6(80, kSyn), World().foreign(), drop_not_owner,
       "web"},
      {"SYN, affinity network", tcp(8050, kSyn), World(), deliver_owned, "app"},
      {"SYN, network, not ours", tcp(8050, kSyn), World().foreign(), drop_not_owner, "app"},
      {"SYN, first port of a range", tcp(8000, kSyn), World(), deliver_owned, "app"},
      {"SYN, last port of a range", tcp(8100, kSyn), World(), deliver_owned, "app"},
      {"SYN, beyond the range", tcp(8101, kSyn), World(), deliver_default, "default"},
  });
}

TEST_CASE("what begins a flow in a bucket that changes hands is sent on and waits") {
  const World given = World().given_away();
  const World awaited = World().awaited();
  const auto sent_on = [](std::uint8_t flags) { return tcp(80, flags).to(kHostMac); };
  const Frame init = sctp(FrameBuilder().ip(kClient, kVip), {.chunk = 1});
  check_received({
      {"SYN, bucket just given away", tcp(80, kSyn), given, hand_on, "web"},
      {"SYN, just given away, IPv6", tcp6(80, kSyn), given, hand_on, "web"},
      {"SYN, just given away, single host", tcp(5432, kSyn), given, hand_on, "db"},
      {"SYN, default host just changed", tcp(2222, kSyn), given, hand_on, "default"},
      {"SYN on the ports of a held connection", tcp(80, kSyn),
       World().given_away().holds(established), hand_on, "web tracked"},
      {"SYN again, which we answered: the client waits", tcp(80, kSyn),
       World().given_away().holds(half_open), hand_on, "web tracked"},
      {"INIT, bucket just given away", init, given, hand_on, "spread"},
      {"SYN in a first fragment, just given away", tcp(80, kSyn).fragment(0, true), given,
       drop_not_owner, "web"},
      {"SYN, bucket where we alone serve old flows", tcp(80, kSyn), World().retained(),
       drop_not_owner, "web"},
      {"ACK, bucket just given away", tcp(80, kAck), given, drop_not_owner, "web"},
      {"UDP, bucket just given away", FrameBuilder().ip(kClient, kVip).udp(5000, 8000), given,
       drop_not_owner, "app"},
      {"SYN, given away for longer", tcp(80, kSyn), World().given_away(false), drop_not_owner,
       "web"},
      {"SYN that was sent on, given away again", sent_on(kSyn), given, drop_not_owner, "web"},
      {"SYN that was sent on, bucket awaited", sent_on(kSyn), awaited, drop_handed_on, "web"},
      {"SYN that was sent on, already ours", sent_on(kSyn), World(), deliver_owned, "web"},
      {"SYN that was sent on, foreign", sent_on(kSyn), World().foreign(), drop_not_owner, "web"},
      {"SYN that was sent on, we answered it and gave the bucket away", sent_on(kSyn),
       World().given_away().holds(half_open), drop_duplicate, "web tracked"},
      {"the same, the handshake is over", sent_on(kSyn), World().given_away().holds(established),
       drop_duplicate, "web tracked"},
      {"the same, the connection is over", sent_on(kSyn), World().foreign().holds(lingering),
       drop_duplicate, "web tracked"},
      {"SYN that was sent on, we answered it, our bucket", sent_on(kSyn), World().holds(half_open),
       deliver_flow, "web tracked"},
      {"the same, the handshake is over, our bucket", sent_on(kSyn), World().holds(established),
       deliver_flow, "web tracked"},
      {"the same, the connection is over, our bucket", sent_on(kSyn), World().holds(lingering),
       deliver_owned, "web tracked"},
      {"the same over a finished connection, bucket awaited", sent_on(kSyn),
       World().awaited().holds(lingering), drop_handed_on, "web tracked"},
      {"the same over an old connection, bucket awaited", sent_on(kSyn),
       World().awaited().holds(established), drop_handed_on, "web tracked"},
      {"ACK that was sent on, bucket awaited", sent_on(kAck), awaited, drop_not_owner, "web"},
      {"SYN, bucket awaited: another may answer", tcp(80, kSyn), awaited, drop_not_owner, "web"},
      {"SYN, blocked port, just given away", tcp(23, kSyn), given, drop_rule_disabled, "block"},
      {"SYN, blocked port, half open, just given away", tcp(23, kSyn),
       World().given_away().holds(half_open), drop_not_owner, "block tracked"},
      {"SYN, given away, stopped", tcp(80, kSyn), World().given_away().stopped(), drop_host_stopped,
       "-"},
  });
}

TEST_CASE("single-host, disabled and missing rules have their own ends") {
  check_received({
      {"single host, ours", tcp(5432, kSyn), World(), deliver_owned, "db"},
      {"single host, not ours", tcp(5432, kSyn), World().foreign(), drop_not_owner, "db"},
      {"single host, IPv6", tcp6(5432, kSyn), World(), deliver_owned, "db"},
      {"disabled, SYN", tcp(23, kSyn), World(), drop_rule_disabled, "block"},
      {"disabled, SYN, IPv6", tcp6(23, kSyn), World(), drop_rule_disabled, "block"},
      {"disabled, mid-connection", tcp(23, kAck), World(), drop_rule_disabled, "block"},
      {"disabled on every host", tcp(23, kSyn), World().foreign(), drop_rule_disabled, "block"},
      {"disabled, lease expired", tcp(23, kSyn), World().lease_expired(), drop_rule_disabled,
       "block"},
      {"no rule, we are the default host", tcp(2222, kSyn), World(), deliver_default, "default"},
      {"no rule, another is", tcp(2222, kSyn), World().foreign(), drop_not_owner, "default"},
      {"no rule, IPv6", tcp6(2222, kSyn), World(), deliver_default, "default"},
      {"port 0", tcp(0, kSyn), World(), deliver_default, "default"},
      {"port 65535", tcp(65535, kSyn), World(), deliver_default, "default"},
      {"a rule of another virtual IP", FrameBuilder().ip(kClient, kVip2).tcp(40000, 8050, kSyn),
       World(), deliver_default, "default"},
      {"no rules at all", tcp(80, kSyn), World().without_rules(), deliver_default, "default"},
  });
}

TEST_CASE("a segment of a connection nobody here holds is answered only where that is safe") {
  check_received({
      {"ACK, our clean bucket: the stack resets", tcp(80, kAck), World(), deliver_owned, "web"},
      {"data, our clean bucket", tcp(80, kAck | kPsh).payload(10), World(), deliver_owned, "web"},
      {"FIN, our clean bucket", tcp(80, kFinAck), World(), deliver_owned, "web"},
      {"RST, our clean bucket", tcp(80, kRst), World(), deliver_owned, "web"},
      {"no flags at all", tcp(80, 0), World(), deliver_owned, "web"},
      {"ACK, no rule", tcp(2222, kAck), World(), deliver_default, "default"},
      {"ACK, clean, no fast reset", tcp(80, kAck), World().no_fast_reset(), drop_no_flow, "web"},
      {"ACK, held, no fast reset", tcp(80, kAck), World().no_fast_reset().holds(established),
       deliver_flow, "web tracked"},
      {"SYN, no fast reset", tcp(80, kSyn), World().no_fast_reset(), deliver_owned, "web"},
      {"ACK, another host may hold it", tcp(80, kAck), World().dirty(), drop_no_flow, "web"},
      {"FIN, another host may hold it", tcp(80, kFinAck), World().dirty(), drop_no_flow, "web"},
      {"RST, another host may hold it", tcp(80, kRst), World().dirty(), drop_no_flow, "web"},
      {"ACK, another host's bucket", tcp(80, kAck), World().foreign(), drop_not_owner, "web"},
      {"SYN-ACK nobody asked for", tcp(80, kSynAck), World(), drop_no_flow, "web"},
      {"SYN-ACK, dirty bucket", tcp(80, kSynAck), World().dirty(), drop_no_flow, "web"},
      {"SYN-ACK, foreign bucket", tcp(80, kSynAck), World().foreign(), drop_not_owner, "web"},
      {"SYN with RST", tcp(80, kSyn | kRst), World().dirty(), drop_no_flow, "web"},
  });
}

TEST_CASE("an established connection stays whatever becomes of its bucket") {
  const World held = World().holds(established);
  const World moved = World().holds(established).foreign();
  check_received({
      {"data", tcp(80, kAck).payload(5), held, deliver_flow, "web tracked"},
      {"data, IPv6", tcp6(80, kAck).payload(5), held, deliver_flow, "web tracked"},
      {"data, moved bucket", tcp(80, kAck), moved, deliver_flow, "web tracked"},
      {"data, moved bucket, IPv6", tcp6(80, kAck), moved, deliver_flow, "web tracked"},
      {"FIN, moved bucket", tcp(80, kFinAck), moved, deliver_flow, "web tracked"},
      {"RST, moved bucket", tcp(80, kRst), moved, deliver_flow, "web tracked"},
      {"dirty bucket", tcp(80, kAck), World().holds(established).dirty(), deliver_flow,
       "web tracked"},
      {"lease expired", tcp(80, kAck), World().holds(established).lease_expired(), deliver_flow,
       "web tracked"},
      {"SYN-ACK to our own SYN", tcp(2222, kSynAck), moved, deliver_flow, "default tracked"},
      {"rule disabled since", tcp(23, kAck), held, deliver_flow, "block tracked"},
      {"SYN, our bucket: the stack challenges", tcp(80, kSyn), held, deliver_flow, "web tracked"},
      {"SYN, moved: the port is used anew", tcp(80, kSyn), moved, drop_not_owner, "web tracked"},
      {"SYN, rule disabled since", tcp(23, kSyn), held, drop_rule_disabled, "block tracked"},
      {"stopped host", tcp(80, kAck), World().holds(established).stopped(), drop_host_stopped, "-"},
  });
}

TEST_CASE("what every host drains is refused, and what is held goes on") {
  const World drained = World().refused();
  const World held = World().refused().holds(established);
  check_received({
      {"drained, SYN", tcp(80, kSyn), drained, drop_draining, "web"},
      {"drained, SYN, IPv6", tcp6(80, kSyn), drained, drop_draining, "web"},
      {"drained, SYN, single host", tcp(5432, kSyn), drained, drop_draining, "db"},
      {"drained, SYN, no rule", tcp(2222, kSyn), drained, drop_draining, "default"},
      {"drained, mid-connection", tcp(80, kAck), drained, drop_draining, "web"},
      {"drained, held", tcp(80, kAck), held, deliver_flow, "web tracked"},
      {"drained, SYN on the ports of a held one", tcp(80, kSyn), held, drop_draining,
       "web tracked"},
      {"drained, lease expired", tcp(80, kSyn), World().refused().lease_expired(), drop_draining,
       "web"},
  });
}

TEST_CASE("of a rule that is closed on this host nothing is let in, also of what is held") {
  const World closed = World().closed();
  const World held = World().closed().holds(established);
  const World moved = World().closed().holds(established).foreign();
  check_received({
      {"closed, SYN", tcp(80, kSyn), closed, drop_rule_disabled, "web"},
      {"closed, SYN, IPv6", tcp6(80, kSyn), closed, drop_rule_disabled, "web"},
      {"closed, SYN, single host", tcp(5432, kSyn), closed, drop_rule_disabled, "db"},
      {"closed, SYN, no rule", tcp(2222, kSyn), closed, drop_rule_disabled, "default"},
      {"closed, mid-connection", tcp(80, kAck), closed, drop_rule_disabled, "web"},
      {"closed, held", tcp(80, kAck).payload(5), held, drop_rule_disabled, "web tracked"},
      {"closed, held, IPv6", tcp6(80, kAck), held, drop_rule_disabled, "web tracked"},
      {"closed, held, moved bucket", tcp(80, kAck), moved, drop_rule_disabled, "web tracked"},
      {"closed, held, in a first fragment", tcp(80, kAck).fragment(0, true), moved,
       drop_rule_disabled, "web tracked"},
      {"closed, half open", handshake_ack(kOurSequence + 1), World().closed().holds(half_open),
       drop_rule_disabled, "web tracked"},
      {"closed, another host's bucket", tcp(80, kSyn), World().closed().foreign(), drop_not_owner,
       "web"},
      {"closed, SYN, bucket just given away", tcp(80, kSyn), World().closed().given_away(), hand_on,
       "web"},
      {"closed on every host", tcp(80, kSyn), World().closed().refused(), drop_rule_disabled,
       "web"},
      {"closed, lease expired", tcp(80, kSyn), World().closed().lease_expired(), drop_lease_expired,
       "web"},
      {"closed, INIT has no rule", sctp(FrameBuilder().ip(kClient, kVip), {.chunk = 1}), closed,
       deliver_owned, "spread"},
  });
}

TEST_CASE("a finished connection lingers for late segments, not for a new SYN") {
  const World held = World().holds(lingering);
  const World moved = World().holds(lingering).foreign();
  check_received({
      {"late ACK", tcp(80, kAck), held, deliver_flow, "web tracked"},
      {"late FIN, moved bucket", tcp(80, kFinAck), moved, deliver_flow, "web tracked"},
      {"late RST, moved bucket", tcp(80, kRst), moved, deliver_flow, "web tracked"},
      {"SYN, our bucket", tcp(80, kSyn), held, deliver_owned, "web tracked"},
      {"SYN, our bucket, no rule", tcp(2222, kSyn), held, deliver_default, "default tracked"},
      {"SYN, moved bucket", tcp(80, kSyn), moved, drop_not_owner, "web tracked"},
      {"SYN, lease expired", tcp(80, kSyn), World().holds(lingering).lease_expired(),
       drop_lease_expired, "web tracked"},
  });
}

TEST_CASE("what lies beyond the end of a finished connection belongs to another one") {
  const World held = World().holds(lingering);
  const World moved = World().holds(lingering).foreign();
  const auto at = [](std::uint32_t sequence) { return tcp(80, kAck).numbers(sequence, 1); };
  check_received({
      {"far beyond, moved bucket", at(70'000), moved, drop_not_owner, "web tracked"},
      {"far beyond, dirty bucket", at(70'000), World().holds(lingering).dirty(), drop_no_flow,
       "web tracked"},
      {"far beyond, our bucket: nobody else can hold it", at(70'000), held, deliver_owned,
       "web tracked"},
      {"RST far beyond, moved bucket", tcp(80, kRst).numbers(70'000, 1), moved, drop_not_owner,
       "web tracked"},
      {"data behind a hole in front of the FIN", at(65'535), moved, deliver_flow, "web tracked"},
      {"the first number that is too far", at(65'536), moved, drop_not_owner, "web tracked"},
      {"old data again", at(0xffff0000), moved, deliver_flow, "web tracked"},
  });
}

TEST_CASE("a half-open connection takes only what answers our own SYN-ACK") {
  const World held = World().holds(half_open);
  const World moved = World().holds(half_open).foreign();
  check_received({
      {"the right ACK", handshake_ack(kOurSequence + 1), held, deliver_flow, "web tracked"},
      {"the right ACK with data", handshake_ack(kOurSequence + 1).payload(9), held, deliver_flow,
       "web tracked"},
      {"the right ACK, moved bucket", handshake_ack(kOurSequence + 1), moved, deliver_flow,
       "web tracked"},
      {"the right ACK, lease expired", handshake_ack(kOurSequence + 1),
       World().holds(half_open).lease_expired(), deliver_flow, "web tracked"},
      {"an ACK of another host's SYN-ACK", handshake_ack(77777), held, drop_alien_ack,
       "web tracked"},
      {"the same, moved bucket", handshake_ack(77777), moved, drop_no_flow, "web tracked"},
      {"one less", handshake_ack(kOurSequence), held, drop_alien_ack, "web tracked"},
      {"no ACK flag", tcp(80, kFin).numbers(1, kOurSequence + 1), held, drop_no_flow,
       "web tracked"},
      {"SYN-ACK", tcp(80, kSynAck).numbers(1, kOurSequence + 1), held, drop_no_flow, "web tracked"},
      {"RST", tcp(80, kRst), held, deliver_flow, "web tracked"},
      {"RST, moved bucket", tcp(80, kRstAck), moved, deliver_flow, "web tracked"},
      {"SYN again", tcp(80, kSyn), held, deliver_flow, "web tracked"},
      {"SYN again, dirty bucket", tcp(80, kSyn), World().holds(half_open).dirty(), deliver_flow,
       "web tracked"},
      {"SYN again, moved: the new owner takes it", tcp(80, kSyn), moved, drop_not_owner,
       "web tracked"},
      {"SYN again, lease expired", tcp(80, kSyn), World().holds(half_open).lease_expired(),
       drop_lease_expired, "web tracked"},
  });
}

TEST_CASE("what was overheard as a bare ACK takes what names its number, else nothing is known") {
  const World held = World().overhears();
  const World moved = World().overhears().foreign();
  const World dirty = World().overhears().dirty();
  check_received({
      {"its number", handshake_ack(kOurSequence + 1), held, deliver_flow, "web tracked"},
      {"its number, moved bucket", handshake_ack(kOurSequence + 1), moved, deliver_flow,
       "web tracked"},
      {"its number, dirty bucket", handshake_ack(kOurSequence + 1), dirty, deliver_flow,
       "web tracked"},
      {"the one behind it, moved bucket", handshake_ack(kOurSequence + 2), moved, deliver_flow,
       "web tracked"},
      {"two behind it", handshake_ack(kOurSequence + 3), held, deliver_owned, "web tracked"},
      {"an older one", handshake_ack(77), held, deliver_owned, "web tracked"},
      {"an older one, dirty bucket: it may be of another host", handshake_ack(77), dirty,
       drop_no_flow, "web tracked"},
      {"an older one, moved bucket", handshake_ack(77), moved, drop_not_owner, "web tracked"},
      {"no ACK flag", tcp(80, kFin).numbers(1, kOurSequence + 1), held, drop_no_flow,
       "web tracked"},
      {"RST", tcp(80, kRst), held, deliver_flow, "web tracked"},
      {"SYN again", tcp(80, kSyn), held, deliver_flow, "web tracked"},
      {"SYN again, moved bucket", tcp(80, kSyn), moved, drop_not_owner, "web tracked"},
  });
}

TEST_CASE("without a valid lease nothing new is taken") {
  check_received({
      {"SYN, our bucket", tcp(80, kSyn), World().lease_expired(), drop_lease_expired, "web"},
      {"ACK, our bucket", tcp(80, kAck), World().lease_expired(), drop_lease_expired, "web"},
      {"SYN, default host", tcp(2222, kSyn), World().lease_expired(), drop_lease_expired,
       "default"},
      {"SYN, single host", tcp(5432, kSyn), World().lease_expired(), drop_lease_expired, "db"},
      {"SYN, dirty bucket", tcp(80, kSyn), World().dirty().lease_expired(), drop_lease_expired,
       "web"},
      {"SYN, foreign bucket", tcp(80, kSyn), World().foreign().lease_expired(), drop_not_owner,
       "web"},
  });
}

TEST_CASE("a stopped host takes nothing for a virtual IP") {
  check_received({
      {"SYN", tcp(80, kSyn), World().stopped(), drop_host_stopped, "-"},
      {"SYN, IPv6", tcp6(80, kSyn), World().stopped(), drop_host_stopped, "-"},
      {"SYN, no rule", tcp(2222, kSyn), World().stopped(), drop_host_stopped, "-"},
      {"SYN, disabled rule", tcp(23, kSyn), World().stopped(), drop_host_stopped, "-"},
      {"UDP", FrameBuilder().ip(kClient, kVip).udp(1, 8000), World().stopped(), drop_host_stopped,
       "-"},
      {"echo request", FrameBuilder().ip(kClient, kVip).icmp(8, 0), World().stopped(),
       drop_host_stopped, "-"},
      {"the dedicated address still works",
       FrameBuilder().ip(kClient, kDedicated).to(kHostMac).tcp(1, 22, kSyn), World().stopped(),
       deliver_local, "-"},
  });
}
