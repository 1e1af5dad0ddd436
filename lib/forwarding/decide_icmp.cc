// SPDX-License-Identifier: BSD-3-Clause
// The policy for ICMP and ICMPv6 to a virtual IP: whose echo requests and errors are.
#include <optional>

#include "forwarding/decide_parts.h"
#include "packet/headers.h"

namespace covey::forwarding {

using packet::FrameView;
using Bytes = std::span<const std::uint8_t>;

namespace {

Decision decide_echo_request(const FrameView& view, const Surroundings& around) noexcept {
  switch (around.snapshot.policy->settings().icmp) {
    case IcmpPolicy::balance:
      return decide_by_source(view.key, around, Verdict::deliver_owned);
    case IcmpPolicy::all:
      return decided(Verdict::deliver_broadcast);
    case IcmpPolicy::drop:
      break;
  }
  return decided(Verdict::drop_icmp);
}

// The error goes where the conversation it speaks of goes: path MTU discovery reaches the host that
// must learn it.
Decision decide_icmp_error(const packet::FlowKey& embedded, const Surroundings& around) noexcept {
  const int virtual_ip = around.snapshot.policy->virtual_ip_index(embedded.source_address());
  if (virtual_ip < 0) return decided(Verdict::drop_icmp);
  const packet::FlowKey key = embedded.reversed();
  const Placement place = forwarding::place(around.snapshot, virtual_ip, key);
  const std::optional<packet::FlowKey> tracked =
      tracked_key(key, around.snapshot.policy->settings().udp_track);
  if (tracked && around.flows.find(*tracked).state != flow::FlowState::none) {
    Decision decision = decided(Verdict::deliver_flow, place);
    decision.tracked = true;
    return decision;
  }
  return decide_stateless(place, around);
}

}  // namespace

Decision decide_icmp(Bytes frame, const FrameView& view, const Surroundings& around) noexcept {
  // Only an echo is ever long enough to be cut, so a later fragment shares the fate of echo
  // requests.
  if (view.is_later_fragment || view.icmp_type == packet::kIcmpEchoRequest) {
    return decide_echo_request(view, around);
  }
  if (packet::is_icmp_error(view)) {
    const std::optional<packet::FlowKey> embedded = packet::embedded_flow(frame, view);
    return embedded ? decide_icmp_error(*embedded, around) : decided(Verdict::drop_icmp);
  }
  return decide_by_source(view.key, around, Verdict::deliver_owned);
}

Decision decide_icmpv6(Bytes frame, const FrameView& view, const Surroundings& around) noexcept {
  if (!view.is_later_fragment) {
    switch (view.icmp_type) {
      case packet::kIcmpv6NeighborSolicitation:
        return decide_solicitation(frame, view, around);
      // An answer to a question of some host's stack; which one asked only that stack knows.
      case packet::kIcmpv6NeighborAdvertisement:
        return decided(Verdict::deliver_broadcast);
      // Routers and redirects would configure the stack of whichever host owns the router's bucket;
      // group membership is not of virtual IPs.
      case packet::kIcmpv6ListenerQuery:
      case packet::kIcmpv6ListenerReport:
      case packet::kIcmpv6ListenerDone:
      case packet::kIcmpv6ListenerReport2:
      case packet::kIcmpv6RouterSolicitation:
      case packet::kIcmpv6RouterAdvertisement:
      case packet::kIcmpv6Redirect:
        return decided(Verdict::drop_not_for_us);
      default:
        break;
    }
    if (packet::is_icmp_error(view)) {
      const std::optional<packet::FlowKey> embedded = packet::embedded_flow(frame, view);
      return embedded ? decide_icmp_error(*embedded, around) : decided(Verdict::drop_icmp);
    }
  }
  if (view.is_later_fragment || view.icmp_type == packet::kIcmpv6EchoRequest) {
    return decide_echo_request(view, around);
  }
  return decide_by_source(view.key, around, Verdict::deliver_owned);
}

}  // namespace covey::forwarding
