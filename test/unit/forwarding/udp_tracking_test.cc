// SPDX-License-Identifier: BSD-3-Clause
// The policy for UDP conversations that stay on their host, as tables: name, frame, state of this
// host, verdict, effect.
#include <catch2/catch.hpp>

#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using enum flow::FlowState;

namespace {

FrameBuilder datagram() {
  return FrameBuilder().ip(kClient, kVip).udp(40000, 8000).payload(20);
}
FrameBuilder sent_on() {
  return datagram().to(kHostMac);
}
FrameBuilder answer() {
  return FrameBuilder().from(kStackMac).to(kClientMac).ip(kVip, kClient).udp(8000, 40000);
}
World tracking() {
  return World().udp_track();
}

}  // namespace

TEST_CASE("a UDP conversation stays on the host that holds it") {
  check_received({
      {"first datagram, ours", datagram(), tracking(), deliver_owned, "app"},
      {"first datagram, ours, IPv6", FrameBuilder().ip(kClient6, kVip6).udp(40000, 53), tracking(),
       deliver_default, "default"},
      {"first datagram, foreign", datagram(), tracking().foreign(), drop_not_owner, "app"},
      {"held, ours", datagram(), tracking().holds(established), deliver_flow, "app tracked"},
      {"held, foreign", datagram(), tracking().foreign().holds(established), deliver_flow,
       "app tracked"},
      {"held, dirty", datagram(), tracking().dirty().holds(established), deliver_flow,
       "app tracked"},
      {"held, lease expired", datagram(), tracking().lease_expired().holds(established),
       deliver_flow, "app tracked"},
      {"first fragment, held", datagram().fragment(0, true),
       tracking().foreign().holds(established), deliver_flow, "app tracked"},
      {"new, lease expired", datagram(), tracking().lease_expired(), drop_lease_expired, "app"},
      {"blocked port", FrameBuilder().ip(kClient, kVip).udp(40000, 23), tracking(),
       drop_rule_disabled, "block"},
      {"closed on this host", datagram(), tracking().closed(), drop_rule_disabled, "app"},
      {"closed, held", datagram(), tracking().closed().holds(established), drop_rule_disabled,
       "app tracked"},
      {"every host drains", datagram(), tracking().refused(), drop_draining, "app"},
      {"every host drains, held", datagram(), tracking().refused().holds(established), deliver_flow,
       "app tracked"},
      {"stopped", datagram(), tracking().stopped().holds(established), drop_host_stopped, "-"},
      {"held, but not followed any more", datagram(), World().foreign().holds(established),
       drop_not_owner, "app"},
  });
}

TEST_CASE("a datagram of no conversation is sent on by whoever holds others in the bucket") {
  const World alone = tracking().retained();
  check_received({
      {"ours, another holds some: it will send it on", datagram(), tracking().dirty(), drop_no_flow,
       "app"},
      {"ours, another holds some: sent on", sent_on(), tracking().dirty(), deliver_owned, "app"},
      {"ours, and clean by now, sent on", sent_on(), tracking(), drop_duplicate, "app"},
      {"we alone hold some", datagram(), alone, hand_on, "app"},
      {"we alone hold some, and this one", datagram(), tracking().retained().holds(established),
       deliver_flow, "app tracked"},
      {"we alone hold some, sent on to us", sent_on(), alone, drop_not_owner, "app"},
      {"we alone hold some, a fragment", datagram().fragment(0, true), alone, drop_not_owner,
       "app"},
      {"we alone hold some, no rule", FrameBuilder().ip(kClient, kVip).udp(40000, 53), alone,
       hand_on, "default"},
      {"just given away", datagram(), tracking().given_away(), drop_not_owner, "app"},
      {"awaited, sent on", sent_on(), tracking().awaited(), drop_not_owner, "app"},
      {"awaited", datagram(), tracking().awaited(), drop_not_owner, "app"},
      {"held here since, and sent on as well", sent_on(), tracking().dirty().holds(established),
       drop_duplicate, "app tracked"},
      {"not followed", datagram(), World().retained(), drop_not_owner, "app"},
      {"not followed, dirty", datagram(), World().dirty(), deliver_owned, "app"},
  });
}

TEST_CASE("whoever answers a datagram holds its conversation") {
  check_sent({
      {"answer, ours", answer(), tracking(), send_uplink, "app"},
      {"answer, held", answer(), tracking().holds(established), send_uplink, "app tracked"},
      {"answer, foreign", answer(), tracking().foreign(), send_uplink, "app"},
      {"answer, not followed", answer(), World(), send_uplink, "-"},
  });
}

TEST_CASE("an answer that leaves after its bucket begins no conversation") {
  const auto is_held_after_answer = [](const World& world, bool lease_valid = true) {
    const forwarding::Snapshot now = world.snapshot();
    flow::FlowCache flows({.capacity = 64}, now.policy->classes().class_sizes, 1);
    const Frame reply = answer();
    const packet::FrameView view = packet::parse(reply);
    const auto decision = forwarding::decide_egress(reply, view, {now, flows, lease_valid});
    const bool told = forwarding::note_sent(view, decision, flows, {});
    CHECK(decision.verdict == send_uplink);
    CHECK(told == (flows.statistics().established == 1));
    return told;
  };
  CHECK(is_held_after_answer(tracking()));
  CHECK(is_held_after_answer(tracking().dirty()));
  CHECK_FALSE(is_held_after_answer(tracking().foreign()));
  CHECK_FALSE(is_held_after_answer(tracking().given_away()));
  CHECK_FALSE(is_held_after_answer(tracking().retained()));
  CHECK_FALSE(is_held_after_answer(tracking(), false));
}

TEST_CASE("a datagram that comes twice does not end its conversation") {
  const World world = tracking().dirty();
  const forwarding::Snapshot now = world.snapshot();
  flow::FlowCache flows({.capacity = 64}, now.policy->classes().class_sizes, 1);
  const Frame reply = answer();
  const packet::FrameView replied = packet::parse(reply);
  const forwarding::Surroundings around{now, flows};
  forwarding::note_sent(replied, forwarding::decide_egress(reply, replied, around), flows, {});
  for (const Frame& frame : {Frame(sent_on()), Frame(datagram())}) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision = forwarding::decide(frame, view, around);
    CHECK(decision.tracked);
    CHECK_FALSE(forwarding::note_received(view, decision, flows, {}));
  }
  CHECK(flows.statistics().established == 1);
}

TEST_CASE("an ICMP error about a conversation goes to the host that holds it") {
  const Frame error = unreachable("192.0.2.1", answer().payload(20));
  check_received({
      {"held, foreign", error, tracking().foreign().holds(established), deliver_flow,
       "app tracked"},
      {"not held, foreign", error, tracking().foreign(), drop_not_owner, "app"},
  });
}
