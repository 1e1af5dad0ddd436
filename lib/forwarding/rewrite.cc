// SPDX-License-Identifier: BSD-3-Clause
// Address rewriting after the verdict: the only place where a frame changes on its way through.
// Towards the stack a frame must carry the stack's MAC address (Linux ignores TCP that came to a
// multicast one). Towards the segment it must never carry the cluster MAC as source while masking,
// or switches would learn it and stop flooding; and address resolution must tell the cluster MAC
// for virtual IPs and this host's for its own.
#include <algorithm>

#include "base/endian.h"
#include "forwarding/decide.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace covey::forwarding {

namespace {

using base::MacAddress;
using packet::FrameView;
using packet::Layer3;
using Bytes = std::span<std::uint8_t>;

constexpr std::size_t kSourceMac = 6;

void put(Bytes frame, std::size_t at, const MacAddress& mac) noexcept {
  std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
}

// What the segment must believe to be the hardware address of one of our addresses; nothing to say
// of others.
const MacAddress* advertised_mac(const base::IpAddress& address, const Policy& policy) noexcept {
  if (policy.is_dedicated_ip(address)) return &policy.host_mac();
  return policy.virtual_ip_index(address) >= 0 ? &policy.cluster_mac() : nullptr;
}

MacAddress ethernet_source(const FrameView& view, const Policy& policy) noexcept {
  const bool unmasked =
      policy.settings().mode == ClusterMode::unicast && !policy.settings().mask_source_mac;
  const bool is_ip = view.layer3 == Layer3::ipv4 || view.layer3 == Layer3::ipv6;
  const bool from_virtual_ip = is_ip && policy.virtual_ip_index(view.key.source_address()) >= 0;
  return unmasked && from_virtual_ip ? policy.cluster_mac() : policy.host_mac();
}

void rewrite_arp_sender(Bytes frame, const FrameView& view, const Policy& policy) noexcept {
  const std::optional<packet::ArpFields> arp = packet::read_arp(frame, view);
  if (!arp) return;
  const MacAddress* mac = advertised_mac(arp->sender_ip, policy);
  if (mac == nullptr) return;
  const bool asks = arp->operation == packet::kArpRequest && arp->sender_ip != arp->target_ip;
  // Routers may leave a question unanswered whose sender has a group address. With any other, they
  // would learn it for the virtual IP. So it asks without an IP address, as a probe does (RFC
  // 5227), and the answer comes to this host alone.
  if (asks && mac->is_multicast()) {
    mac = &policy.host_mac();
    std::fill_n(&frame[view.l3_offset + packet::kArpSenderIp], 4, std::uint8_t{0});
  }
  put(frame, view.l3_offset + packet::kArpSenderMac, *mac);
}

// Replaces the address in the option and mends the ICMPv6 checksum by the difference (RFC 1624).
void rewrite_link_layer_option(Bytes frame, const FrameView& view, std::size_t option,
                               const MacAddress& mac) noexcept {
  constexpr std::size_t kChecksum = 2;
  std::uint8_t* checksum = &frame[view.l4_offset + kChecksum];
  const std::span<std::uint8_t> address = frame.subspan(option + 2, mac.bytes.size());
  packet::InternetSum sum;
  sum.add(std::uint32_t{static_cast<std::uint16_t>(~base::load_be16(checksum))});
  sum.remove(address);
  sum.add(mac.bytes);
  std::copy(mac.bytes.begin(), mac.bytes.end(), address.begin());
  base::store_be16(checksum, sum.finish());
}

void rewrite_neighbor_discovery(Bytes frame, const FrameView& view, const Policy& policy) noexcept {
  const bool asks = view.icmp_type == packet::kIcmpv6NeighborSolicitation;
  const bool tells = view.icmp_type == packet::kIcmpv6NeighborAdvertisement;
  if ((!asks && !tells) || view.is_fragment) return;
  if (packet::packet_end(frame, view) < view.l4_offset + packet::kNeighborOptions) return;
  const base::IpAddress subject =
      asks ? view.key.source_address()
           : base::IpAddress::from_ipv6(&frame[view.l4_offset + packet::kNeighborTarget]);
  const MacAddress* mac = advertised_mac(subject, policy);
  if (mac == nullptr) return;
  const std::uint8_t type = asks ? packet::kSourceLinkLayerOption : packet::kTargetLinkLayerOption;
  const std::size_t option = packet::find_link_layer_option(frame, view, type);
  if (option != 0) rewrite_link_layer_option(frame, view, option, *mac);
}

}  // namespace

void rewrite_for_delivery(std::span<std::uint8_t> frame, const FrameView& view,
                          const Policy& policy) noexcept {
  if (frame.size() < packet::kEthernetHeader) return;
  // True broadcast and multicast keep their group address: it is what the stack expects for them.
  const bool is_ip = view.layer3 == Layer3::ipv4 || view.layer3 == Layer3::ipv6;
  if (is_ip && view.key.destination_address().is_multicast()) return;
  if (packet::destination_mac(frame) == MacAddress::broadcast()) return;
  put(frame, 0, policy.local_stack_mac());
}

void rewrite_for_uplink(std::span<std::uint8_t> frame, const FrameView& view,
                        const Policy& policy) noexcept {
  if (frame.size() < packet::kEthernetHeader) return;
  put(frame, kSourceMac, ethernet_source(view, policy));
  if (view.status != packet::ParseStatus::ok) return;
  if (view.layer3 == Layer3::arp) rewrite_arp_sender(frame, view, policy);
  if (view.layer3 == Layer3::ipv6 && view.key.protocol == packet::kProtocolIcmpv6) {
    rewrite_neighbor_discovery(frame, view, policy);
  }
}

void rewrite_for_owner(std::span<std::uint8_t> frame, const Decision& decision,
                       const Snapshot& snapshot) noexcept {
  if (frame.size() < packet::kEthernetHeader) return;
  const base::HostId owner = snapshot.buckets.owner(decision.map_class, decision.bucket);
  put(frame, 0, snapshot.policy->host_mac_of(owner));
  put(frame, kSourceMac, snapshot.policy->host_mac());
}

}  // namespace covey::forwarding
