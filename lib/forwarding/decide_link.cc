// SPDX-License-Identifier: BSD-3-Clause
// The policy for address resolution: who answers questions for a virtual IP, and which of what
// neighbours say reaches the local stack.
#include <array>
#include <optional>

#include "forwarding/decide_parts.h"
#include "packet/headers.h"
#include "packet/question.h"

namespace covey::forwarding {

using packet::FrameView;
using Bytes = std::span<const std::uint8_t>;

namespace {

// Both forms are in use (RFC 5227 section 3).
bool is_announcement(const packet::ArpFields& arp) noexcept {
  constexpr std::array<std::uint8_t, 16> kUnspecified{};
  const bool has_form = arp.operation == packet::kArpRequest || arp.operation == packet::kArpReply;
  return has_form && arp.sender_ip == arp.target_ip && arp.sender_ip.bytes != kUnspecified;
}

// With a group address as cluster MAC the stack asks without an IP address, see rewrite.cc.
bool is_answer_to_stack(Bytes frame, const packet::ArpFields& arp, const Policy& policy) noexcept {
  return policy.cluster_mac().is_multicast() && arp.operation == packet::kArpReply &&
         arp.target_ip == base::masked(arp.target_ip, 0) &&
         packet::goes_to(frame, policy.host_mac());
}

}  // namespace

bool is_gateway_answer(Bytes frame, const FrameView& view, const Policy& policy) noexcept {
  const std::optional<base::IpAddress>& gateway = policy.settings().gateway;
  return gateway && packet::is_answer_to_question(frame, view, *gateway, policy.host_mac());
}

// One host answers for a virtual IP, by the bucket of the asker; the answer is the same whoever
// gives it. Answers to our own stacks' questions go to all hosts, since each asks with the virtual
// IP as its sender.
//
// What a station announces of itself goes to all hosts as well, even to those that are stopped: a
// gateway that fails over has a new MAC address, and stacks that know it would go on sending to the
// old one. Linux learns nobody new by an announcement.
Decision decide_arp(Bytes frame, const FrameView& view, const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  const std::optional<packet::ArpFields> arp = packet::read_arp(frame, view);
  if (!arp) return decided(Verdict::drop_malformed);
  if (is_gateway_answer(frame, view, policy)) return decided(Verdict::gateway_answer);
  if (policy.is_dedicated_ip(arp->target_ip) || is_answer_to_stack(frame, *arp, policy)) {
    return decided(Verdict::deliver_local);
  }
  if (policy.virtual_ip_index(arp->target_ip) < 0) {
    return decided(is_announcement(*arp) ? Verdict::deliver_broadcast : Verdict::drop_not_for_us);
  }
  // A peer's announcement of an address we share.
  if (policy.virtual_ip_index(arp->sender_ip) >= 0) return decided(Verdict::drop_not_for_us);
  if (!around.snapshot.buckets.serving) return decided(Verdict::drop_host_stopped);
  if (arp->operation != packet::kArpRequest) return decided(Verdict::deliver_broadcast);
  packet::FlowKey asker;
  asker.family = base::Family::ipv4;
  asker.source = arp->sender_ip.bytes;
  return decide_by_source(asker, around, Verdict::reply_arp);
}

Decision decide_solicitation(Bytes frame, const FrameView& view,
                             const Surroundings& around) noexcept {
  const Policy& policy = *around.snapshot.policy;
  const std::optional<packet::NeighborSolicitation> asked =
      packet::read_neighbor_solicitation(frame, view);
  if (!asked) return decided(Verdict::drop_malformed);
  if (policy.is_dedicated_ip(asked->target)) return decided(Verdict::deliver_local);
  if (policy.virtual_ip_index(asked->target) < 0) return decided(Verdict::drop_not_for_us);
  if (!around.snapshot.buckets.serving) return decided(Verdict::drop_host_stopped);
  return decide_by_source(view.key, around, Verdict::reply_nd);
}

// The same as an ARP announcement. One of a virtual IP comes from a peer's stack.
Decision decide_announcement(Bytes frame, const FrameView& view, const Policy& policy) noexcept {
  constexpr std::array<std::uint8_t, 16> kAllNodes = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                      0,    0, 0, 0, 0, 0, 0, 1};
  if (view.key.destination != kAllNodes) return decided(Verdict::drop_not_for_us);
  const std::optional<packet::NeighborAdvertisement> told =
      packet::read_neighbor_advertisement(frame, view);
  if (!told) return decided(Verdict::drop_malformed);
  if (policy.is_dedicated_ip(told->target)) return decided(Verdict::deliver_local);
  if (policy.virtual_ip_index(told->target) >= 0) return decided(Verdict::drop_not_for_us);
  return decided(Verdict::deliver_broadcast);
}

}  // namespace covey::forwarding
