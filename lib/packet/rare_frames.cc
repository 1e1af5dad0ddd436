// SPDX-License-Identifier: BSD-3-Clause
// The readers of parse.h that only rare frames need: ICMP errors, ARP and neighbour discovery.
#include <algorithm>
#include <utility>

#include "base/endian.h"
#include "packet/group_address.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace covey::packet {

namespace {

using Bytes = std::span<const std::uint8_t>;
using base::load_be16;

// `l4` starts at the embedded layer-4 header, of which RFC 792 promises no more than 8 bytes.
std::optional<FlowKey> with_ports(Bytes l4, FlowKey key) {
  if (key.protocol != kProtocolTcp && key.protocol != kProtocolUdp) return key;
  if (l4.size() < 4) return std::nullopt;
  key.source_port = load_be16(&l4[0]);
  key.destination_port = load_be16(&l4[2]);
  return key;
}

std::optional<FlowKey> embedded_ipv4(Bytes packet) {
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  if (packet.size() < kIpv4Header || (packet[0] >> 4U) != 4) return std::nullopt;
  const std::size_t header = (packet[0] & 0x0fU) * std::size_t{4};
  if (header < kIpv4Header || header > packet.size()) return std::nullopt;
  if ((load_be16(&packet[6]) & kFragmentOffset) != 0) return std::nullopt;  // ports not in here
  FlowKey key;
  key.family = base::Family::ipv4;
  key.protocol = packet[9];
  std::copy_n(&packet[12], 4, key.source.begin());
  std::copy_n(&packet[16], 4, key.destination.begin());
  return with_ports(packet.subspan(header), key);
}

std::optional<FlowKey> embedded_ipv6(Bytes packet) {
  if (packet.size() < kIpv6Header || (packet[0] >> 4U) != 6) return std::nullopt;
  const Bytes payload = packet.subspan(kIpv6Header);
  const ExtensionWalk walk = walk_extensions(payload, packet[6]);
  if (walk.status != ParseStatus::ok || walk.is_later_fragment) return std::nullopt;
  FlowKey key;
  key.family = base::Family::ipv6;
  key.protocol = walk.protocol;
  std::copy_n(&packet[kIpv6Addresses], 16, key.source.begin());
  std::copy_n(&packet[kIpv6Addresses + 16], 16, key.destination.begin());
  return with_ports(payload.subspan(walk.length), key);
}

// The target of a neighbour solicitation or advertisement, whichever `type` says; nothing if the
// message is another or breaks a rule that RFC 4861 has for both.
std::optional<base::IpAddress> neighbor_target(Bytes frame, const FrameView& view,
                                               std::uint8_t type) {
  constexpr std::uint8_t kNeverForwarded =
      255;  // hop limit: proves that the sender is on this link
  if (view.layer3 != Layer3::ipv6 || view.status != ParseStatus::ok || view.l4_offset == 0 ||
      view.key.protocol != kProtocolIcmpv6 || view.icmp_code != 0 || view.icmp_type != type) {
    return std::nullopt;
  }
  if (view.is_fragment || frame[view.l3_offset + 7] != kNeverForwarded) return std::nullopt;
  if (packet_end(frame, view) < view.l4_offset + kNeighborOptions) return std::nullopt;
  const base::IpAddress target =
      base::IpAddress::from_ipv6(&frame[view.l4_offset + kNeighborTarget]);
  if (target.is_multicast()) return std::nullopt;
  return target;
}

}  // namespace

bool is_icmp_error(const FrameView& view) noexcept {
  if (view.status != ParseStatus::ok || view.l4_offset == 0) return false;
  if (view.layer3 == Layer3::ipv4 && view.key.protocol == kProtocolIcmp) {
    switch (view.icmp_type) {
      case kIcmpUnreachable:
      case kIcmpSourceQuench:
      case kIcmpRedirect:
      case kIcmpTimeExceeded:
      case kIcmpParameterProblem:
        return true;
      default:
        return false;
    }
  }
  if (view.layer3 == Layer3::ipv6 && view.key.protocol == kProtocolIcmpv6) {
    return view.icmp_type >= kIcmpv6Unreachable && view.icmp_type <= kIcmpv6ParameterProblem;
  }
  return false;
}

std::optional<FlowKey> embedded_flow(std::span<const std::uint8_t> frame,
                                     const FrameView& view) noexcept {
  if (!is_icmp_error(view)) return std::nullopt;
  const std::size_t end = packet_end(frame, view);
  const std::size_t begin = view.l4_offset + kIcmpHeader;
  const Bytes embedded = frame.subspan(begin, end - begin);
  return view.layer3 == Layer3::ipv4 ? embedded_ipv4(embedded) : embedded_ipv6(embedded);
}

std::optional<ArpFields> read_arp(std::span<const std::uint8_t> frame,
                                  const FrameView& view) noexcept {
  if (view.layer3 != Layer3::arp || view.status != ParseStatus::ok) return std::nullopt;
  const std::uint8_t* arp = &frame[view.l3_offset];
  ArpFields fields;
  fields.operation = load_be16(arp + kArpOperation);
  fields.sender_mac = base::MacAddress::from(arp + kArpSenderMac);
  fields.sender_ip = base::IpAddress::from_ipv4(arp + kArpSenderIp);
  fields.target_mac = base::MacAddress::from(arp + kArpTargetMac);
  fields.target_ip = base::IpAddress::from_ipv4(arp + kArpTargetIp);
  return fields;
}

std::optional<NeighborSolicitation> read_neighbor_solicitation(std::span<const std::uint8_t> frame,
                                                               const FrameView& view) noexcept {
  const std::optional<base::IpAddress> target =
      neighbor_target(frame, view, kIcmpv6NeighborSolicitation);
  if (!target) return std::nullopt;
  NeighborSolicitation solicitation{.target = *target};
  constexpr std::array<std::uint8_t, 16> kUnspecified{};
  solicitation.is_duplicate_address_probe = view.key.source == kUnspecified;
  if (solicitation.is_duplicate_address_probe) {
    const bool to_solicited_node =
        view.key.destination == solicited_node_group(solicitation.target).bytes;
    // RFC 4861 section 7.1.1: such a probe cannot say where it came from, and goes to the group
    // only.
    if (!to_solicited_node || find_link_layer_option(frame, view, kSourceLinkLayerOption) != 0) {
      return std::nullopt;
    }
  }
  return solicitation;
}

std::optional<NeighborAdvertisement> read_neighbor_advertisement(
    std::span<const std::uint8_t> frame, const FrameView& view) noexcept {
  constexpr std::uint8_t kSolicited = 0x40;
  const std::optional<base::IpAddress> target =
      neighbor_target(frame, view, kIcmpv6NeighborAdvertisement);
  if (!target) return std::nullopt;
  const bool is_answer = (frame[view.l4_offset + kNeighborFlags] & kSolicited) != 0;
  // An answer is for whoever asked (RFC 4861 section 7.1.2).
  if (is_answer && view.key.destination_address().is_multicast()) return std::nullopt;
  return NeighborAdvertisement{*target, is_answer};
}

}  // namespace covey::packet
