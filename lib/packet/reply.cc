// SPDX-License-Identifier: BSD-3-Clause
#include "packet/reply.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "packet/headers.h"
#include "packet/neighbor_message.h"

namespace covey::packet {

namespace {

using base::MacAddress;
using base::store_be16;

constexpr MacAddress kAllNodesMac{{0x33, 0x33, 0, 0, 0, 1}};
constexpr std::array<std::uint8_t, 16> kAllNodes = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                    0,    0, 0, 0, 0, 0, 0, 1};

void put(std::uint8_t* at, const MacAddress& mac) {
  std::copy(mac.bytes.begin(), mac.bytes.end(), at);
}

bool is_answerable(const MacAddress& mac) {
  return !mac.is_multicast() && mac != MacAddress{};
}

// The Ethernet header of the answer, with the tag of the request if it had one. `out` is long
// enough.
void put_ethernet(std::span<const std::uint8_t> request, std::size_t header_length,
                  const MacAddress& destination, const MacAddress& source, std::uint8_t* out) {
  std::copy_n(request.begin(), header_length, out);
  put(out, destination);
  put(out + 6, source);
}

struct Recipient {
  MacAddress mac;
  std::array<std::uint8_t, 16> ip{};
  std::uint8_t flags = 0;
};

Recipient recipient_of(std::span<const std::uint8_t> request, const FrameView& view,
                       bool is_duplicate_address_probe) {
  constexpr std::uint8_t kSolicited = 0x40;
  constexpr std::uint8_t kOverride = 0x20;
  if (is_duplicate_address_probe) return {kAllNodesMac, kAllNodes, kOverride};
  const std::size_t option = find_link_layer_option(request, view, kSourceLinkLayerOption);
  const MacAddress mac = option != 0 ? MacAddress::from(&request[option + 2]) : source_mac(request);
  return {mac, view.key.source, kSolicited | kOverride};
}

}  // namespace

std::size_t build_arp_reply(std::span<const std::uint8_t> request, const FrameView& view,
                            const ReplyMacs& macs, std::span<std::uint8_t> out) noexcept {
  const std::optional<ArpFields> asked = read_arp(request, view);
  const std::size_t length = std::max(kMinimumFrame, view.l3_offset + kArpPacket);
  if (!asked || asked->operation != kArpRequest || !is_answerable(asked->sender_mac) ||
      out.size() < length) {
    return 0;
  }
  std::fill_n(out.begin(), length, std::uint8_t{0});
  put_ethernet(request, view.l3_offset, asked->sender_mac, macs.ethernet_source, out.data());
  std::uint8_t* arp = out.data() + view.l3_offset;
  std::copy_n(&request[view.l3_offset], kArpOperation, arp);  // the same address types
  store_be16(arp + kArpOperation, kArpReply);
  put(arp + kArpSenderMac, macs.answer_mac);
  std::copy_n(asked->target_ip.bytes.begin(), 4, arp + kArpSenderIp);
  put(arp + kArpTargetMac, asked->sender_mac);
  std::copy_n(asked->sender_ip.bytes.begin(), 4, arp + kArpTargetIp);
  return length;
}

std::size_t build_neighbor_advertisement(std::span<const std::uint8_t> request,
                                         const FrameView& view, const ReplyMacs& macs,
                                         std::span<std::uint8_t> out) noexcept {
  const std::optional<NeighborSolicitation> asked = read_neighbor_solicitation(request, view);
  const std::size_t length = view.l3_offset + kNeighborPacket;
  if (!asked || out.size() < length) return 0;
  const Recipient to = recipient_of(request, view, asked->is_duplicate_address_probe);
  if (!asked->is_duplicate_address_probe && !is_answerable(to.mac)) return 0;

  std::fill_n(out.begin(), length, std::uint8_t{0});
  put_ethernet(request, view.l3_offset, to.mac, macs.ethernet_source, out.data());
  put_neighbor_message({.type = kIcmpv6NeighborAdvertisement,
                        .flags = to.flags,
                        .source = asked->target.bytes,
                        .destination = to.ip,
                        .target = asked->target.bytes,
                        .option = kTargetLinkLayerOption,
                        .mac = macs.answer_mac},
                       out.data() + view.l3_offset);
  return length;
}

}  // namespace covey::packet
