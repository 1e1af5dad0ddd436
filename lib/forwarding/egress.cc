// SPDX-License-Identifier: BSD-3-Clause
// The policy for frames the local stack wants to send, and what the flow cache is told of either
// direction. The stack of every host has all virtual IPs, so what may speak for one of them is
// decided here.
#include <optional>

#include "forwarding/decide.h"
#include "forwarding/placement.h"
#include "packet/conversation.h"
#include "packet/group_message.h"
#include "packet/headers.h"

namespace covey::forwarding {

namespace {

using packet::FrameView;
using packet::Layer3;
using packet::TcpFlags;
using Bytes = std::span<const std::uint8_t>;

// Group membership and router discovery of a stack that hears no multicast would only mislead
// switches (which would learn from it) and routers.
bool is_group_or_router_talk(const FrameView& view) noexcept {
  if (packet::is_group_message(view)) return true;
  if (view.layer3 != Layer3::ipv6 || view.key.protocol != packet::kProtocolIcmpv6) return false;
  if (view.is_later_fragment) return false;
  const std::uint8_t type = view.icmp_type;
  return type == packet::kIcmpv6RouterSolicitation || type == packet::kIcmpv6RouterAdvertisement ||
         type == packet::kIcmpv6Redirect;
}

// The conversation that a frame is part of, by a key seen from the client. Of a later fragment
// nothing is known but that its first one went by.
std::optional<packet::FlowKey> conversation_of(const FrameView& view, const packet::FlowKey& key,
                                               bool with_udp) noexcept {
  if (view.status != packet::ParseStatus::ok || view.is_later_fragment) return std::nullopt;
  return tracked_key(key, with_udp);
}

// SYN-ACK and RST open or end a client's connection, so only the host that may do so sends them. A
// kernel that heard a stray segment is silenced. One with a half-open socket of a time when it was
// the owner may repeat its SYN-ACK, whose answer may have been lost, unless the client has asked
// again since: then another host has answered.
bool may_leave(const FrameView& view, const flow::Found& found, bool is_owner,
               bool lease_valid) noexcept {
  if (!view.is_syn_ack()) {
    return is_owner || found.state != flow::FlowState::none || !view.has_flag(TcpFlags::kRst);
  }
  switch (found.state) {
    case flow::FlowState::established:
      return true;
    case flow::FlowState::half_open:
      return lease_valid && !found.disowned;
    case flow::FlowState::none:
    case flow::FlowState::lingering:
      break;
  }
  return is_owner;
}

// `tracked` is the key of the conversation, seen from the client.
Decision decide_conversation_from_virtual_ip(const FrameView& view, const packet::FlowKey& tracked,
                                             const Surroundings& around, int virtual_ip) noexcept {
  const Placement place = forwarding::place(around.snapshot, virtual_ip, view.key.reversed());
  Decision decision = decided(Verdict::send_uplink, place);
  const flow::Found found = around.flows.find(tracked);
  decision.tracked = found.state != flow::FlowState::none;
  const bool is_owner = bucket::takes_new_flows(place.state) && around.lease_valid;
  if (!may_leave(view, found, is_owner, around.lease_valid)) {
    decision.verdict = Verdict::drop_egress_not_owner;
  }
  keep_closed(decision, around.snapshot.buckets);
  // A datagram that answers late, when the bucket has gone, begins no conversation: the new owner
  // may hold it by now, or take it next, and has been told where this host holds some. With QUIC no
  // owner takes what names this host; and its client may have moved to any bucket.
  const bool begins = !decision.tracked && packet::is_udp_conversation(tracked);
  if (begins && !is_owner && !goes_by_connection_id(*around.snapshot.policy, place.rule)) {
    decision.has_bucket = false;
  }
  return decision;
}

Decision decide_ip_egress(const FrameView& view, const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  if (is_group_or_router_talk(view)) return decided(Verdict::drop_egress_source);
  if (policy.is_dedicated_ip(view.key.source_address())) return decided(Verdict::send_uplink);
  const int virtual_ip = policy.virtual_ip_index(view.key.source, view.key.family);
  if (virtual_ip < 0) return decided(Verdict::drop_egress_source);
  if (!around.snapshot.buckets.serving) return decided(Verdict::drop_host_stopped);
  const std::optional<packet::FlowKey> tracked =
      conversation_of(view, view.key.reversed(), policy.settings().udp_track);
  if (tracked) {
    return decide_conversation_from_virtual_ip(view, *tracked, around, virtual_ip);
  }
  return decided(Verdict::send_uplink);
}

Decision decide_arp_egress(Bytes frame, const FrameView& view,
                           const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  const std::optional<packet::ArpFields> arp = packet::read_arp(frame, view);
  if (!arp) return decided(Verdict::drop_malformed);
  if (policy.is_dedicated_ip(arp->sender_ip)) return decided(Verdict::send_uplink);
  if (policy.virtual_ip_index(arp->sender_ip) < 0) return decided(Verdict::drop_egress_source);
  if (!around.snapshot.buckets.serving) return decided(Verdict::drop_host_stopped);
  return decided(Verdict::send_uplink);
}

flow::Segment segment_of(const FrameView& view) noexcept {
  return {view.tcp_flags, view.tcp_sequence, view.tcp_acknowledgement, view.payload_length != 0};
}

}  // namespace

Decision decide_egress(std::span<const std::uint8_t> frame, const FrameView& view,
                       const Surroundings& around) noexcept {
  if (frame.size() < packet::kEthernetHeader || view.status != packet::ParseStatus::ok) {
    return decided(Verdict::drop_malformed);
  }
  switch (view.layer3) {
    case Layer3::ipv4:
    case Layer3::ipv6:
      return decide_ip_egress(view, around);
    case Layer3::arp:
      return decide_arp_egress(frame, view, around);
    case Layer3::heartbeat:
    case Layer3::other:
      break;
  }
  return decided(Verdict::drop_egress_source);
}

std::optional<flow::Placement> placement_of(const Snapshot& snapshot,
                                            const packet::FlowKey& key) noexcept {
  const int virtual_ip = snapshot.policy->virtual_ip_index(key.destination, key.family);
  if (virtual_ip < 0) return std::nullopt;
  const Placement place = forwarding::place(snapshot, virtual_ip, key);
  if (place.is_disabled) return std::nullopt;
  return flow::Placement{place.map_class, place.bucket};
}

Decision placed_anew(const Decision& decision, const packet::FlowKey& key,
                     const Snapshot& snapshot) noexcept {
  Decision anew = decision;
  const std::optional<flow::Placement> place = placement_of(snapshot, key);
  anew.has_bucket = decision.has_bucket && place.has_value();
  if (!anew.has_bucket) return anew;
  anew.map_class = place->map_class;
  anew.bucket = place->bucket;
  return anew;
}

bool note_received(const FrameView& view, const Decision& decision, flow::FlowCache& flows,
                   base::TimePoint now) noexcept {
  // Only a conversation that is held gains by what is received.
  const std::optional<packet::FlowKey> key = conversation_of(view, view.key, decision.tracked);
  if (!key || !decision.has_bucket) return false;
  if (is_delivery(decision.verdict)) return flows.note_inbound(*key, segment_of(view), now);
  // That the queue was full, or that it came before, says nothing about the conversation.
  const bool says_nothing =
      decision.verdict == Verdict::drop_local_full || decision.verdict == Verdict::drop_duplicate;
  const bool was_refused = decision.tracked && !says_nothing;
  return was_refused && flows.note_refused(*key, segment_of(view));
}

bool note_sent(const FrameView& view, const Decision& decision, flow::FlowCache& flows,
               base::TimePoint now) noexcept {
  // UDP that is not followed was not placed.
  const std::optional<packet::FlowKey> key = conversation_of(view, view.key.reversed(), true);
  if (!key || !decision.has_bucket) return false;
  const flow::Placement placement{decision.map_class, decision.bucket};
  if (decision.verdict == Verdict::send_uplink) {
    return flows.note_egress(*key, segment_of(view), placement, now);
  }
  const bool is_withheld = decision.verdict == Verdict::drop_egress_not_owner && view.is_syn_ack();
  return is_withheld && flows.note_withheld(*key, segment_of(view), placement, now);
}

flow::FlowState flow_of(const FrameView& view, bool sent, const flow::FlowCache& flows) noexcept {
  const std::optional<packet::FlowKey> key =
      conversation_of(view, sent ? view.key.reversed() : view.key, true);
  return key ? flows.find(*key).state : flow::FlowState::none;
}

}  // namespace covey::forwarding
