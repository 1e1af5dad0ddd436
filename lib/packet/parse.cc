// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.h"

#include <algorithm>

#include "base/endian.h"
#include "packet/conversation.h"
#include "packet/headers.h"

namespace covey::packet {

namespace {

using Bytes = std::span<const std::uint8_t>;
using base::load_be16;
using base::load_be32;

constexpr std::uint16_t kMoreFragments = 0x2000;
constexpr std::uint16_t kFragmentOffset = 0x1fff;

// The readers below fill the view and return the status. `l4` holds exactly the bytes the IP length
// covers, so that Ethernet padding is never taken for payload.

ParseStatus read_tcp(Bytes l4, FrameView& view) {
  if (l4.size() < kTcpHeader) return ParseStatus::truncated;
  const std::size_t header = (l4[12] >> 4U) * std::size_t{4};
  if (header < kTcpHeader) return ParseStatus::bad_header;
  if (header > l4.size()) return ParseStatus::truncated;
  view.key.source_port = load_be16(&l4[0]);
  view.key.destination_port = load_be16(&l4[2]);
  view.has_ports = true;
  view.tcp_sequence = load_be32(&l4[4]);
  view.tcp_acknowledgement = load_be32(&l4[8]);
  view.tcp_flags = l4[13];
  view.payload_length = static_cast<std::uint16_t>(l4.size() - header);
  return ParseStatus::ok;
}

ParseStatus read_udp(Bytes l4, FrameView& view) {
  if (l4.size() < kUdpHeader) return ParseStatus::truncated;
  const std::size_t length = load_be16(&l4[4]);
  if (length < kUdpHeader) return ParseStatus::bad_length;
  if (length > l4.size() && !view.is_fragment) return ParseStatus::bad_length;
  view.key.source_port = load_be16(&l4[0]);
  view.key.destination_port = load_be16(&l4[2]);
  view.has_ports = true;
  if (is_tunnel_port(view.key.destination_port) || is_tunnel_port(view.key.source_port))
      [[unlikely]] {
    read_tunnel_message(l4, view);
  }
  return ParseStatus::ok;
}

ParseStatus read_icmp(Bytes l4, FrameView& view) {
  if (l4.size() < kIcmpHeader) return ParseStatus::truncated;
  view.icmp_type = l4[0];
  view.icmp_code = l4[1];
  return ParseStatus::ok;
}

ParseStatus read_layer4(Bytes l4, FrameView& view) {
  switch (view.key.protocol) {
    case kProtocolTcp:
      return read_tcp(l4, view);
    case kProtocolUdp:
      return read_udp(l4, view);
    case kProtocolSctp:
      return read_sctp(l4, view);
    case kProtocolIcmp:
      return view.layer3 == Layer3::ipv4 ? read_icmp(l4, view) : ParseStatus::ok;
    case kProtocolIcmpv6:
      return view.layer3 == Layer3::ipv6 ? read_icmp(l4, view) : ParseStatus::ok;
    default:
      return ParseStatus::ok;
  }
}

// Two old tricks (RFC 1858, RFC 3128): a fragment that lies over the TCP header of the first, to
// replace the flags and ports that were looked at; and one that ends behind the longest packet.
ParseStatus check_later_fragment(std::uint8_t protocol, std::size_t offset, std::size_t length) {
  constexpr std::size_t kLongestPayload = 65535;
  if (protocol == kProtocolTcp && offset < kTcpHeader) return ParseStatus::bad_header;
  return offset + length > kLongestPayload ? ParseStatus::bad_length : ParseStatus::ok;
}

ParseStatus read_ipv4(Bytes l3, FrameView& view) {
  if (l3.size() < kIpv4Header) return ParseStatus::truncated;
  if ((l3[0] >> 4U) != 4) return ParseStatus::bad_header;
  const std::size_t header = (l3[0] & 0x0fU) * std::size_t{4};
  if (header < kIpv4Header) return ParseStatus::bad_header;
  if (header > l3.size()) return ParseStatus::truncated;
  const std::size_t total = load_be16(&l3[2]);
  if (total < header || total > l3.size()) return ParseStatus::bad_length;

  view.key.family = base::Family::ipv4;
  view.key.protocol = l3[9];
  std::memcpy(view.key.source.data(), &l3[12], 4);
  std::memcpy(view.key.destination.data(), &l3[16], 4);

  const std::uint16_t fragment = load_be16(&l3[6]);
  if ((fragment & (kMoreFragments | kFragmentOffset)) != 0) [[unlikely]] {
    view.is_fragment = true;
    view.fragment_id = load_be16(&l3[4]);
    const std::size_t offset = (fragment & kFragmentOffset) * kFragmentUnit;
    view.is_later_fragment = offset != 0;
    if (view.is_later_fragment) {
      return check_later_fragment(view.key.protocol, offset, total - header);
    }
  }
  view.l4_offset = static_cast<std::uint16_t>(view.l3_offset + header);
  return read_layer4(l3.subspan(header, total - header), view);
}

ParseStatus read_ipv6(Bytes l3, FrameView& view) {
  if (l3.size() < kIpv6Header) return ParseStatus::truncated;
  if ((l3[0] >> 4U) != 6) return ParseStatus::bad_header;
  const std::size_t length = load_be16(&l3[4]);
  if (kIpv6Header + length > l3.size()) return ParseStatus::bad_length;

  view.key.family = base::Family::ipv6;
  std::memcpy(view.key.source.data(), &l3[kIpv6Addresses], 16);
  std::memcpy(view.key.destination.data(), &l3[kIpv6Addresses + 16], 16);

  const Bytes payload = l3.subspan(kIpv6Header, length);
  const ExtensionWalk walk = walk_extensions(payload, l3[6]);
  view.key.protocol = walk.protocol;
  view.is_fragment = walk.is_fragment;
  view.is_later_fragment = walk.is_later_fragment;
  view.fragment_id = walk.fragment_id;
  if (walk.status != ParseStatus::ok) return walk.status;
  if (walk.is_later_fragment) {
    return check_later_fragment(walk.protocol, walk.fragment_offset, length - walk.length);
  }
  view.l4_offset = static_cast<std::uint16_t>(view.l3_offset + kIpv6Header + walk.length);
  return read_layer4(payload.subspan(walk.length), view);
}

bool is_vlan_tag(std::uint16_t ether_type) {
  return ether_type == kEtherTypeVlan || ether_type == kEtherTypeServiceVlan;
}

// A third tag is left as the EtherType of what we do not know.
ParseStatus read_tags(Bytes frame, FrameView& view) {
  constexpr std::uint16_t kVlanId = 0x0fff;
  view.has_vlan = true;
  for (unsigned tags = 0; tags < kMaxVlanTags && is_vlan_tag(view.ether_type); ++tags) {
    if (frame.size() < view.l3_offset + kVlanTag) return ParseStatus::truncated;
    view.vlan_id = load_be16(&frame[view.l3_offset]) & kVlanId;
    view.ether_type = load_be16(&frame[view.l3_offset + 2]);
    view.l3_offset += static_cast<std::uint16_t>(kVlanTag);
  }
  return ParseStatus::ok;
}

ParseStatus check_arp(Bytes l3) {
  constexpr std::uint16_t kHardwareEthernet = 1;
  if (l3.size() < kArpPacket) return ParseStatus::truncated;
  const bool is_ethernet_ipv4 = load_be16(&l3[0]) == kHardwareEthernet &&
                                load_be16(&l3[2]) == kEtherTypeIpv4 && l3[4] == 6 && l3[5] == 4;
  return is_ethernet_ipv4 ? ParseStatus::ok : ParseStatus::bad_header;
}

}  // namespace

// Flattened: one function a frame, and the small readers above for people. The view is promised not
// to overlap the frame, else every byte read would have to wait for every field written.
[[gnu::flatten]] void parse_into(std::span<const std::uint8_t> frame,
                                 FrameView& __restrict view) noexcept {
  view = FrameView{};
  if (frame.size() < kEthernetHeader) {
    view.status = ParseStatus::truncated;
    return;
  }
  view.ether_type = load_be16(&frame[kEtherTypeOffset]);
  view.l3_offset = kEthernetHeader;
  if (is_vlan_tag(view.ether_type)) [[unlikely]] {
    view.status = read_tags(frame, view);
    if (view.status != ParseStatus::ok) return;
  }

  const Bytes l3 = frame.subspan(view.l3_offset);
  switch (view.ether_type) {
    case kEtherTypeIpv4:
      view.layer3 = Layer3::ipv4;
      view.status = read_ipv4(l3, view);
      break;
    case kEtherTypeIpv6:
      view.layer3 = Layer3::ipv6;
      view.status = read_ipv6(l3, view);
      break;
    case kEtherTypeArp:
      view.layer3 = Layer3::arp;
      view.status = check_arp(l3);
      break;
    case kEtherTypeHeartbeat:
      view.layer3 = Layer3::heartbeat;
      break;
    default:
      break;
  }
}

}  // namespace covey::packet
