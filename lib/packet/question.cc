// SPDX-License-Identifier: BSD-3-Clause
#include "packet/question.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/endian.h"
#include "packet/group_address.h"
#include "packet/headers.h"
#include "packet/neighbor_message.h"

namespace covey::packet {

namespace {

using base::IpAddress;
using base::MacAddress;
using base::store_be16;

constexpr std::size_t kIpv6Question = kEthernetHeader + kNeighborPacket;

std::uint8_t* put(std::uint8_t* at, std::span<const std::uint8_t> bytes) noexcept {
  return std::copy(bytes.begin(), bytes.end(), at);
}

void put_ethernet(const MacAddress& destination, const MacAddress& source, std::uint16_t type,
                  std::uint8_t* out) noexcept {
  put(put(out, destination.bytes), source.bytes);
  store_be16(out + kEtherTypeOffset, type);
}

std::size_t build_arp_request(const IpAddress& target, const MacAddress& source,
                              std::span<std::uint8_t> out) noexcept {
  constexpr std::array<std::uint8_t, 6> kEthernetAndIpv4 = {0, 1, 8, 0, 6, 4};
  if (out.size() < kMinimumFrame) return 0;
  std::fill_n(out.begin(), kMinimumFrame, std::uint8_t{0});
  put_ethernet(MacAddress::broadcast(), source, kEtherTypeArp, out.data());
  std::uint8_t* arp = out.data() + kEthernetHeader;
  put(arp, kEthernetAndIpv4);
  store_be16(arp + kArpOperation, kArpRequest);
  put(arp + kArpSenderMac, source.bytes);
  put(arp + kArpTargetIp, std::span(target.bytes).first(4));
  return kMinimumFrame;
}

std::size_t build_solicitation(const IpAddress& target, const MacAddress& source,
                               std::span<std::uint8_t> out) noexcept {
  if (out.size() < kIpv6Question) return 0;
  std::fill_n(out.begin(), kIpv6Question, std::uint8_t{0});
  const IpAddress group = solicited_node_group(target);
  put_ethernet(group_mac(group), source, kEtherTypeIpv6, out.data());
  put_neighbor_message({.type = kIcmpv6NeighborSolicitation,
                        .flags = 0,
                        .source = link_local_address(source).bytes,
                        .destination = group.bytes,
                        .target = target.bytes,
                        .option = kSourceLinkLayerOption,
                        .mac = source},
                       out.data() + kEthernetHeader);
  return kIpv6Question;
}

}  // namespace

IpAddress link_local_address(const MacAddress& mac) noexcept {
  const auto& b = mac.bytes;
  const std::array<std::uint8_t, 16> bytes = {
      0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(b[0] ^ 0x02U),
      b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]};
  return IpAddress::from_ipv6(bytes.data());
}

std::size_t build_question(const IpAddress& target, const MacAddress& source,
                           std::span<std::uint8_t> out) noexcept {
  switch (target.family) {
    case base::Family::ipv4:
      return build_arp_request(target, source, out);
    case base::Family::ipv6:
      return build_solicitation(target, source, out);
    case base::Family::none:
      break;
  }
  return 0;
}

bool is_answer_to_question(std::span<const std::uint8_t> frame, const FrameView& view,
                           const IpAddress& target, const MacAddress& asker) noexcept {
  if (destination_mac(frame) != asker) return false;
  if (view.layer3 == Layer3::arp) {
    const std::optional<ArpFields> arp = read_arp(frame, view);
    return arp && arp->operation == kArpReply && arp->sender_ip == target &&
           std::ranges::all_of(arp->target_ip.bytes, [](std::uint8_t b) { return b == 0; });
  }
  const bool is_advertisement = view.layer3 == Layer3::ipv6 &&
                                view.key.protocol == kProtocolIcmpv6 && !view.is_fragment &&
                                view.icmp_type == kIcmpv6NeighborAdvertisement;
  if (!is_advertisement || view.key.destination != link_local_address(asker).bytes) return false;
  const std::optional<NeighborAdvertisement> told = read_neighbor_advertisement(frame, view);
  return told && told->target == target;
}

}  // namespace covey::packet
