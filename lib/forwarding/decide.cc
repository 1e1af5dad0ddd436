// SPDX-License-Identifier: BSD-3-Clause
// The forwarding policy for frames from the segment, top to bottom: first what the frame is, then
// whose it is. A *virtual IP frame* goes to the host that owns its bucket; a TCP connection stays
// on the host that holds it.
#include "forwarding/decide.h"

#include <bit>
#include <optional>

#include "forwarding/decide_parts.h"
#include "forwarding/fragments.h"
#include "forwarding/membership.h"
#include "forwarding/placement.h"
#include "forwarding/quic.h"
#include "packet/group_message.h"
#include "packet/headers.h"

namespace covey::forwarding {

namespace {

using bucket::BucketState;
using bucket::takes_new_flows;
using flow::FlowState;
using packet::FrameView;
using packet::Layer3;
using packet::ParseStatus;
using packet::TcpFlags;
using Bytes = std::span<const std::uint8_t>;

// Contents, in reading order.
bool is_malformed(Bytes frame, const FrameView& view) noexcept;
bool is_own_echo(Bytes frame, const Policy& policy) noexcept;
bool is_addressed_to_us(Bytes frame, const Policy& policy) noexcept;
bool is_for_every_stack(Bytes frame, const FrameView& view, const Policy& policy) noexcept;
bool was_sent_on(Bytes frame, const Surroundings& around) noexcept;
Decision decide_ip(Bytes frame, const FrameView& view, const Surroundings& around) noexcept;
Decision decide_virtual_ip(Bytes frame, const FrameView& view, const Surroundings& around,
                           int virtual_ip) noexcept;
Decision with_handover(Bytes frame, const FrameView& view, Decision decision,
                       const Surroundings& around) noexcept;
Verdict judge_handed_over(const FrameView& view, const Decision& decision, bool sent_on,
                          const Surroundings& around) noexcept;
Decision decide_by_protocol(Bytes frame, const FrameView& view, const Surroundings& around,
                            int virtual_ip) noexcept;
bool may_be_held(const Placement& place, const flow::FlowCache& flows) noexcept;
Decision judge_segment(const FrameView& view, const flow::Found& found, const Placement& place,
                       const Surroundings& around) noexcept;
void be_held(const CompiledRule& rule, base::BucketIndex bucket,
             Decision& __restrict decision) noexcept;
[[gnu::noinline]] void decide_one_placed(const PlacedSegments& segments, unsigned i,
                                         const Surroundings& around, Decision& decision) noexcept;
Decision decide_conversation(const FrameView& view, const packet::FlowKey& key,
                             const Surroundings& around, int virtual_ip) noexcept;
Decision decide_udp(Bytes frame, const FrameView& view, const Surroundings& around,
                    int virtual_ip) noexcept;
QuicHolder holder_named(Bytes frame, const FrameView& view, const Placement& place,
                        const Surroundings& around) noexcept;
Decision decide_tracked_datagram(Bytes frame, const FrameView& view, const Placement& place,
                                 const Surroundings& around) noexcept;
Decision decide_later_fragment(const FrameView& view, const Surroundings& around,
                               int virtual_ip) noexcept;

}  // namespace

// Flattened: the small functions below are for readers. Called one by one they would hand their
// Decision up through registers, packing and unpacking it four times a frame.
[[gnu::flatten]] Decision decide(std::span<const std::uint8_t> frame, const FrameView& view,
                                 const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  if (is_malformed(frame, view)) return decided(Verdict::drop_malformed);
  if (is_own_echo(frame, policy)) return decided(Verdict::drop_own_echo);
  if (view.layer3 == Layer3::heartbeat) return decided(Verdict::to_control);
  if (!is_addressed_to_us(frame, policy)) return decided(Verdict::drop_not_for_us);
  switch (view.layer3) {
    case Layer3::ipv4:
    case Layer3::ipv6:
      [[likely]] return decide_ip(frame, view, around);
    case Layer3::arp:
      return decide_arp(frame, view, around);
    case Layer3::heartbeat:
    case Layer3::other:
      break;
  }
  return decided(Verdict::drop_not_for_us);
}

// Of a plain frame all that decide() asks first is known. And of most segments that a host serves
// one look at the flow tells what judge_held() would say.
void decide_placed(const PlacedSegments& segments, const Surroundings& around,
                   Decision* decisions) noexcept {
  const auto [positions, frames, views, rules, rule_at, buckets, sought] = segments;
  for (std::uint64_t left = positions; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    const bool is_held =
        !views[i].is_bare_syn() && flow::FlowCache::is_in_use(views[i].key, sought[i]);
    if (is_held) [[likely]] {
      be_held(rules[rule_at[i]], buckets[i], decisions[i]);
    } else {
      decide_one_placed(segments, i, around, decisions[i]);
    }
  }
  if (around.snapshot.buckets.closed.empty()) [[likely]]
    return;
  for (std::uint64_t left = positions; left != 0; left &= left - 1)
    keep_closed(decisions[std::countr_zero(left)], around.snapshot.buckets);
}

namespace {

// Beyond the limit of extension headers the addresses are still known, and enough to choose one
// host.
bool is_malformed(Bytes frame, const FrameView& view) noexcept {
  return frame.size() < packet::kEthernetHeader ||
         (view.status != ParseStatus::ok && view.status != ParseStatus::too_many_extensions);
}

// A switch that floods may hand our own frames back. The cluster MAC is nobody's source address: we
// mask it, and a frame that comes with it is an echo or forged.
bool is_own_echo(Bytes frame, const Policy& policy) noexcept {
  const std::uint64_t source = packet::source_mac_word(frame);
  return source == policy.mac_words().host || source == policy.mac_words().cluster;
}

// The uplink hears everything. A frame on its way to a router passes by with our IP address and the
// router's MAC address, and comes again from the router: only the second is ours to take.
bool is_addressed_to_us(Bytes frame, const Policy& policy) noexcept {
  const std::uint64_t destination = packet::destination_mac_word(frame);
  return destination == policy.mac_words().cluster || destination == policy.mac_words().host ||
         (destination & packet::kMacGroupBit) != 0;
}

// What is sent to a group or to everybody would reach the stack of every host at once, and services
// would answer it once per host. ICMPv6 never: router advertisements would configure the stack.
bool is_for_every_stack(Bytes frame, const FrameView& view, const Policy& policy) noexcept {
  if (policy.settings().multicast == MulticastPolicy::drop) return false;
  if (view.status != ParseStatus::ok) return false;
  if ((packet::destination_mac_word(frame) & packet::kMacGroupBit) == 0) return false;
  if (view.layer3 == Layer3::ipv6 && view.key.protocol == packet::kProtocolIcmpv6) return false;
  const base::IpAddress destination = view.key.destination_address();
  return destination.is_multicast() || policy.is_broadcast(destination);
}

// By another host, which knew that this one is to decide: clients know the cluster MAC alone.
bool was_sent_on(Bytes frame, const Surroundings& around) noexcept {
  return packet::destination_mac_word(frame) == around.snapshot.policy->mac_words().host;
}

// ---- IP

Decision decide_ip(Bytes frame, const FrameView& view, const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  const int virtual_ip = policy.virtual_ip_index(view.key.destination, view.key.family);
  if (virtual_ip >= 0) return decide_virtual_ip(frame, view, around, virtual_ip);
  if (packet::is_group_message(view)) {
    return decided(judge_group_message(frame, view, policy.groups()));
  }
  const base::IpAddress destination = view.key.destination_address();
  if (policy.is_dedicated_ip(destination)) return decided(Verdict::deliver_local);
  if (is_gateway_answer(frame, view, policy)) return decided(Verdict::gateway_answer);
  // Of multicast only address resolution concerns us, unless the operator wants the rest.
  const bool is_icmpv6_to_group = view.layer3 == Layer3::ipv6 && destination.is_multicast() &&
                                  view.key.protocol == packet::kProtocolIcmpv6;
  if (is_icmpv6_to_group && view.icmp_type == packet::kIcmpv6NeighborSolicitation) {
    return decide_solicitation(frame, view, around);
  }
  if (is_icmpv6_to_group && view.icmp_type == packet::kIcmpv6NeighborAdvertisement) {
    return decide_announcement(frame, view, policy);
  }
  return decided(is_for_every_stack(frame, view, policy) ? Verdict::deliver_broadcast
                                                         : Verdict::drop_not_for_us);
}

Decision decide_virtual_ip(Bytes frame, const FrameView& view, const Surroundings& around,
                           int virtual_ip) noexcept {
  if (!around.snapshot.buckets.serving) return decided(Verdict::drop_host_stopped);
  if (view.status == ParseStatus::too_many_extensions) {
    return decide_by_source(view.key, around, Verdict::deliver_owned);
  }
  Decision decision =
      with_handover(frame, view, decide_by_protocol(frame, view, around, virtual_ip), around);
  if (!around.snapshot.buckets.closed.empty()) [[unlikely]]
    keep_closed(decision, around.snapshot.buckets);
  return decision;
}

Decision with_handover(Bytes frame, const FrameView& view, Decision decision,
                       const Surroundings& around) noexcept {
  const bool is_refused = decision.verdict == Verdict::drop_not_owner ||
                          decision.verdict == Verdict::drop_rule_disabled;
  if (is_refused && view.is_bare_syn()) [[unlikely]] {
    decision.verdict = judge_handed_over(view, decision, was_sent_on(frame, around), around);
  }
  return decision;
}

// While a bucket changes hands there is a moment in which nobody takes it. What begins a flow then
// is sent on by the host that gave the bucket away, since that one alone can tell that it has not
// answered; the new owner lets it wait. Sent on to the host MAC, and never from there, it cannot
// go round in circles. Not fragments: the later ones would have to follow.
//
// What is sent on comes directly as well. When this host has answered that one and given the bucket
// away since, the copy must not look as if the client had asked again.
//
// With a UDP conversation nothing tells where it begins. As long as a host holds conversations in a
// bucket that is another's, it sends on what belongs to none of them.
Verdict judge_handed_over(const FrameView& view, const Decision& decision, bool sent_on,
                          const Surroundings& around) noexcept {
  const BucketState state = decision.has_bucket
                                ? around.snapshot.buckets.state(decision.map_class, decision.bucket)
                                : BucketState::foreign;
  if (sent_on && state != BucketState::awaited) {
    return decision.tracked ? Verdict::drop_duplicate : decision.verdict;
  }
  if (view.is_fragment) return decision.verdict;
  if (sent_on) return view.is_bare_syn() ? Verdict::drop_handed_on : decision.verdict;
  const bool is_theirs =
      view.is_bare_syn() ? hands_on(decision, around) : state == BucketState::retained;
  return is_theirs ? Verdict::hand_on : decision.verdict;
}

Decision decide_by_protocol(Bytes frame, const FrameView& view, const Surroundings& around,
                            int virtual_ip) noexcept {
  switch (view.key.protocol) {
    [[likely]] case packet::kProtocolTcp : return view.has_ports
        ? decide_conversation(view, view.key, around, virtual_ip)
        : decide_later_fragment(view, around, virtual_ip);
    case packet::kProtocolUdp:
      return view.has_ports ? decide_udp(frame, view, around, virtual_ip)
                            : decide_later_fragment(view, around, virtual_ip);
    case packet::kProtocolIcmp:
      if (view.layer3 == Layer3::ipv4) return decide_icmp(frame, view, around);
      break;
    case packet::kProtocolIcmpv6:
      if (view.layer3 == Layer3::ipv6) return decide_icmpv6(frame, view, around);
      break;
    case packet::kProtocolIgmp:
      return decided(Verdict::drop_not_for_us);
    case packet::kProtocolSctp:
      return view.has_ports ? decide_conversation(view, view.key, around, virtual_ip)
                            : decide_later_fragment(view, around, virtual_ip);
    case packet::kProtocolEsp:
    case packet::kProtocolAh:
    case packet::kProtocolGre:
      return decide_conversation(view, *tracked_key(view.key, false), around, virtual_ip);
    default:
      // More headers, in front of a protocol that only the first fragment has.
      if (view.is_later_fragment && packet::is_extension_header(view)) {
        return decide_later_fragment(view, around, virtual_ip);
      }
      break;
  }
  // What has neither ports nor a tunnel's rule.
  return decide_by_source(view.key, around, Verdict::deliver_owned);
}

// ---- TCP

// In a foreign bucket where this host holds nothing there is nothing to look for. Most frames of a
// large cluster end here, so they must not cost a look-up.
bool may_be_held(const Placement& place, const flow::FlowCache& flows) noexcept {
  const bool is_foreign = !place.is_disabled && !takes_new_flows(place.state);
  return !is_foreign || flows.may_hold({place.map_class, place.bucket});
}

flow::Found find_flow(const packet::FlowKey& key, const Placement& place,
                      const flow::FlowCache& flows) noexcept {
  return may_be_held(place, flows) ? flows.find(key) : flow::Found{};
}

// No entry: this host holds no such connection.
Verdict judge_new(const FrameView& view, const Placement& place,
                  const Surroundings& around) noexcept {
  if (place.is_disabled) return Verdict::drop_rule_disabled;
  const Verdict taken = verdict_of_owner(place);
  const Verdict verdict = if_owner(place, around, taken);
  if (verdict != taken || view.is_bare_syn()) return verdict;
  // Mid-connection. While another host may still hold the connection, our stack must not answer;
  // when none can, its RST tells the client at once what became of a host that died.
  const bool may_reset =
      place.state != BucketState::own_dirty && around.snapshot.policy->settings().fast_reset;
  return view.is_syn_ack() || !may_reset ? Verdict::drop_no_flow : taken;
}

// Our stack answered a SYN and waits. A stack in this state resets a connection upon a wrong
// acknowledgement, and that wrong one may be right for another host which answered the same client:
// only ours may pass; and in a bucket of another host only as long as that one has been told.
Verdict judge_half_open(const FrameView& view, const flow::Found& found, const Placement& place,
                        const Surroundings& around) noexcept {
  if (view.is_bare_syn()) return if_owner(place, around, Verdict::deliver_flow);
  if (view.has_flag(TcpFlags::kRst)) return Verdict::deliver_flow;
  const bool acknowledges = view.has_flag(TcpFlags::kAck) && !view.has_flag(TcpFlags::kSyn);
  if (!acknowledges) return Verdict::drop_no_flow;
  const bool is_ours = takes_new_flows(place.state);
  if (found.is_proof(view.tcp_acknowledgement)) {
    return is_ours || !found.withheld ? Verdict::deliver_flow : Verdict::drop_no_flow;
  }
  if (found.overheard) return judge_new(view, place, around);
  // In a bucket that is ours nobody else should have answered, unless it was not ours when we
  // should have; the control thread watches these.
  const bool is_alien = is_ours && !found.disowned;
  return is_alien ? Verdict::drop_alien_ack : Verdict::drop_no_flow;
}

// The client uses its ports again: a SYN begins another connection, and what follows a SYN that was
// another host's to answer belongs to that one. This host may have missed the SYN, being paused or
// stopped; but the client of a finished connection has nothing new to send, so what lies beyond its
// end is not of it. Not the next byte beyond: data may have been lost in front of the FIN.
bool begins_or_follows_another(const FrameView& view, const flow::Found& found,
                               const Placement& place) noexcept {
  constexpr std::uint32_t kLate = 0xffff;
  constexpr std::uint32_t kBehind = 0x80000000;
  const bool is_finished = found.state == FlowState::lingering;
  if (view.is_bare_syn()) return is_finished || !takes_new_flows(place.state);
  const std::uint32_t ahead = view.tcp_sequence - found.next_sequence;
  return is_finished ? ahead > kLate && ahead < kBehind : found.superseded && ahead == 0;
}

// Whatever became of its bucket, the connection is here.
Verdict judge_held(const FrameView& view, const flow::Found& found, const Placement& place,
                   const Surroundings& around) noexcept {
  const bool is_another = begins_or_follows_another(view, found, place);
  return is_another ? judge_new(view, place, around) : Verdict::deliver_flow;
}

Decision judge_segment(const FrameView& view, const flow::Found& found, const Placement& place,
                       const Surroundings& around) noexcept {
  Verdict verdict = Verdict::drop_no_flow;
  switch (found.state) {
    case FlowState::none:
      verdict = judge_new(view, place, around);
      break;
    case FlowState::half_open:
      verdict = judge_half_open(view, found, place, around);
      break;
    case FlowState::established:
    case FlowState::lingering:
      verdict = judge_held(view, found, place, around);
      break;
  }
  Decision decision = decided(verdict, place);
  decision.tracked = found.state != FlowState::none;
  return decision;
}

// Field by field, where it lies: what is composed elsewhere and copied as words has to wait for the
// fields written last.
void be_held(const CompiledRule& rule, base::BucketIndex bucket,
             Decision& __restrict decision) noexcept {
  decision.verdict = Verdict::deliver_flow;
  decision.has_rule = true;
  decision.has_bucket = true;
  decision.tracked = true;
  decision.rule = rule.rule;
  decision.map_class = rule.map_class;
  decision.bucket = bucket;
}

Placement place_by(const CompiledRule& rule, base::BucketIndex bucket,
                   const Snapshot& snapshot) noexcept {
  return {.rule = rule.rule,
          .has_rule = true,
          .map_class = rule.map_class,
          .bucket = bucket,
          .state = snapshot.buckets.state(rule.map_class, bucket)};
}

// In a function of its own: decide_placed() is a loop over what is held, and keeps its registers.
[[gnu::flatten]] void decide_one_placed(const PlacedSegments& segments, unsigned i,
                                        const Surroundings& around, Decision& decision) noexcept {
  const FrameView& view = segments.views[i];
  const Placement place =
      place_by(segments.rules[segments.rule_at[i]], segments.buckets[i], around.snapshot);
  const bool may_be = may_be_held(place, around.flows);
  const flow::Found found =
      may_be ? around.flows.find(view.key, segments.sought[i]) : flow::Found{};
  decision =
      with_handover(segments.frames[i], view, judge_segment(view, found, place, around), around);
}

// TCP, SCTP and tunnels; `key` is that of the conversation.
Decision decide_conversation(const FrameView& view, const packet::FlowKey& key,
                             const Surroundings& around, int virtual_ip) noexcept {
  const Placement place = forwarding::place(around.snapshot, virtual_ip, view.key);
  return judge_segment(view, find_flow(key, place, around.flows), place, around);
}

// ---- UDP and fragments

Decision decide_udp(Bytes frame, const FrameView& view, const Surroundings& around,
                    int virtual_ip) noexcept {
  if (packet::is_tunnel_port(view.key.destination_port)) [[unlikely]] {
    return decide_conversation(view, *tracked_key(view.key, false), around, virtual_ip);
  }
  const Placement place = forwarding::place(around.snapshot, virtual_ip, view.key);
  const QuicHolder quic = holder_named(frame, view, place, around);
  if (!quic.member.is_nobody()) {
    const bool is_self = quic.member == around.snapshot.policy->settings().self;
    return decided(is_self ? Verdict::deliver_flow : Verdict::drop_not_owner, place);
  }
  if (!around.snapshot.policy->settings().udp_track) return decide_stateless(place, around);
  if (quic.is_nobodys && find_flow(view.key, place, around.flows).state == FlowState::none) {
    return decide_stateless(place, around);
  }
  return decide_tracked_datagram(frame, view, place, around);
}

// Who has this QUIC connection, wherever its client and its bucket are by now. A host that is gone
// has none: the owner of the bucket then tells the client so. What is nobody's need not wait for
// hosts that hold other conversations in the bucket; and clients that move leave those everywhere.
QuicHolder holder_named(Bytes frame, const FrameView& view, const Placement& place,
                        const Surroundings& around) noexcept {
  if (!goes_by_connection_id(*around.snapshot.policy, place.rule)) [[likely]]
    return {};
  const std::size_t start = view.l4_offset + packet::kUdpHeader;
  const std::size_t end = packet::packet_end(frame, view);
  if (start >= end) return {};
  const auto id = packet::read_quic_connection_id(frame.subspan(start, end - start));
  if (!id) return {};
  const base::HostId named = host_named_by(*id);
  if (around.snapshot.buckets.members.contains(named)) return {named, false};
  return {base::kNobody, id->is_whole || !named.is_nobody()};
}

// While another host holds conversations in a bucket of ours, it sends us what is new; then that
// datagram comes twice, and it is the one sent on that counts. Until we hold the conversation
// ourselves.
Decision decide_tracked_datagram(Bytes frame, const FrameView& view, const Placement& place,
                                 const Surroundings& around) noexcept {
  const bool sent_on = was_sent_on(frame, around);
  if (find_flow(view.key, place, around.flows).state != FlowState::none) {
    Decision held = decided(sent_on ? Verdict::drop_duplicate : Verdict::deliver_flow, place);
    held.tracked = true;
    return held;
  }
  Decision decision = decide_stateless(place, around);
  if (decision.verdict == Verdict::drop_not_owner) {
    decision.verdict = judge_handed_over(view, decision, sent_on, around);
  } else if (is_delivery(decision.verdict)) {
    const bool is_dirty = place.state == BucketState::own_dirty;
    if (is_dirty && !sent_on) decision.verdict = Verdict::drop_no_flow;
    if (!is_dirty && sent_on) decision.verdict = Verdict::drop_duplicate;
  }
  return decision;
}

// A connection may have stayed behind when its bucket moved: with this host, or with another.
bool may_have_stayed(const Placement& place, const Surroundings& around) noexcept {
  if (place.state == BucketState::own_dirty) return true;
  return !takes_new_flows(place.state) && around.flows.may_hold({place.map_class, place.bucket});
}

// The ports are in the first fragment; what was decided about that holds for all. While it is not
// known, only those can be told for which neither ports nor connections matter.
Decision decide_later_fragment(const FrameView& view, const Surroundings& around,
                               int virtual_ip) noexcept {
  const std::optional<Verdict> first =
      around.fragments != nullptr ? around.fragments->find(view) : std::nullopt;
  if (first) return decided(*first);
  const bool has_rules =
      view.key.protocol == packet::kProtocolTcp || view.key.protocol == packet::kProtocolUdp;
  const std::optional<RuleIndex> rule =
      has_rules ? around.snapshot.policy->rule_without_ports(virtual_ip, view.key.protocol)
                : std::nullopt;
  if (!rule) return decided(Verdict::drop_fragment_unknown);
  const Placement place = place_by_rule(around.snapshot, *rule, view.key);
  if (may_have_stayed(place, around)) {
    return decided(Verdict::drop_fragment_unknown);
  }
  return decide_stateless(place, around);
}

}  // namespace

}  // namespace covey::forwarding
