// SPDX-License-Identifier: BSD-3-Clause
// parse(): reads one Ethernet frame safely and says what it is; nothing here decides anything.
//
// Owner: packet. Thread: any; pure. Never reads outside the given span, whatever the bytes.
// Sources: IEEE 802.3 and 802.1Q, RFC 826 (ARP), 791/8200 (IP), 9293 (TCP), 768 (UDP), 792/4443
// (ICMP), 4861 (ND). IPv6 extension headers are walked up to kMaxExtensionHeaders and
// kMaxExtensionBytes, VLAN tags up to kMaxVlanTags. Checksums are not verified: the local stack
// does that. Details that only rare frames have (the flow inside an ICMP error, ARP and
// neighbour-discovery fields) are read by separate functions, so that the common view stays small.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/endian.h"
#include "packet/flow_key.h"

namespace covey::packet {

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeArp = 0x0806;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherTypeServiceVlan = 0x88a8;  // the outer tag of two
inline constexpr std::uint16_t kEtherTypeHeartbeat = 0x88b5;    // IEEE local experimental 1

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolIgmp = 2;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolGre = 47;
inline constexpr std::uint8_t kProtocolEsp = 50;
inline constexpr std::uint8_t kProtocolAh = 51;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;
inline constexpr std::uint8_t kProtocolSctp = 132;

inline constexpr std::uint16_t kPortIke = 500;
inline constexpr std::uint16_t kPortIkeNat = 4500;  // IKE and ESP that pass a NAT
inline constexpr std::uint16_t kPortL2tp = 1701;
inline constexpr std::uint16_t kPortPptp = 1723;  // TCP

// What goes beyond is unknown to us: RFC 8504 suggests such limits.
inline constexpr unsigned kMaxExtensionHeaders = 8;
inline constexpr std::size_t kMaxExtensionBytes = 256;
inline constexpr unsigned kMaxVlanTags = 2;

enum class ParseStatus : std::uint8_t {
  ok,
  truncated,           // the frame ends before the header it announces
  bad_header,          // a version or a header length that cannot be
  bad_length,          // the IP length disagrees with the bytes present
  too_many_extensions  // IPv6 header chain beyond the limit: addresses are valid, ports are not
};

enum class Layer3 : std::uint8_t { other, arp, ipv4, ipv6, heartbeat };

struct TcpFlags {
  static constexpr std::uint8_t kFin = 0x01;
  static constexpr std::uint8_t kSyn = 0x02;
  static constexpr std::uint8_t kRst = 0x04;
  static constexpr std::uint8_t kPsh = 0x08;
  static constexpr std::uint8_t kAck = 0x10;
};

struct FrameView {
  ParseStatus status = ParseStatus::ok;
  Layer3 layer3 = Layer3::other;
  bool has_vlan = false;
  bool is_fragment = false;        // any fragment, the first included
  bool is_later_fragment = false;  // not the first: no ports
  bool has_ports = false;          // key ports are real
  std::uint8_t tcp_flags = 0;  // this and the two numbers: also what plays the part in SCTP, IKE,
                               // L2TP, see conversation.h
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint16_t vlan_id = 0;         // of the inner tag, if there are two
  std::uint16_t ether_type = 0;      // after the tags, if any
  std::uint16_t l3_offset = 0;       // bytes from the start of the frame
  std::uint16_t l4_offset = 0;       // 0 when there is no layer 4 to see
  std::uint16_t payload_length = 0;  // TCP: data bytes after the header, by the IP length
  std::uint32_t fragment_id = 0;     // IPv4 identification or IPv6 fragment identification
  std::uint32_t tcp_sequence = 0;
  std::uint32_t tcp_acknowledgement = 0;
  FlowKey key;

  [[nodiscard]] bool has_flag(std::uint8_t flag) const { return (tcp_flags & flag) != 0; }
  [[nodiscard]] bool is_bare_syn() const {
    return (tcp_flags & (TcpFlags::kSyn | TcpFlags::kAck | TcpFlags::kRst)) == TcpFlags::kSyn;
  }
  [[nodiscard]] bool is_syn_ack() const {
    return (tcp_flags & (TcpFlags::kSyn | TcpFlags::kAck)) == (TcpFlags::kSyn | TcpFlags::kAck);
  }
};

/// Reads the headers of one frame. Any input is allowed; a status other than ok says which rule it
/// broke.
/// The first form writes where the caller keeps its views, without a copy.
void parse_into(std::span<const std::uint8_t> frame, FrameView& __restrict view) noexcept;
[[nodiscard]] inline FrameView parse(std::span<const std::uint8_t> frame) noexcept {
  FrameView view;
  parse_into(frame, view);
  return view;
}

/// An Ethernet address as the low 48 bits of a word: compared in one step. The frame has at least
/// an Ethernet header, so that eight bytes can be read from either address's side.
inline constexpr std::uint64_t kMacMask = 0xffff'ffff'ffff;
inline constexpr std::uint64_t kMacGroupBit = 1;
[[nodiscard]] inline std::uint64_t destination_mac_word(std::span<const std::uint8_t> frame) {
  return base::load_le64(frame.data()) & kMacMask;
}
[[nodiscard]] inline std::uint64_t source_mac_word(std::span<const std::uint8_t> frame) {
  return base::load_le64(frame.data() + 6) & kMacMask;
}
[[nodiscard]] inline std::uint64_t mac_word(const base::MacAddress& mac) {
  std::array<std::uint8_t, 8> bytes{};
  std::memcpy(bytes.data(), mac.bytes.data(), mac.bytes.size());
  return base::load_le64(bytes.data());
}
[[nodiscard]] inline base::MacAddress destination_mac(std::span<const std::uint8_t> frame) {
  return base::MacAddress::from(frame.data());
}
[[nodiscard]] inline base::MacAddress source_mac(std::span<const std::uint8_t> frame) {
  return base::MacAddress::from(frame.data() + 6);
}

/// Compares in place, for the per-packet path.
[[nodiscard]] inline bool comes_from(std::span<const std::uint8_t> frame,
                                     const base::MacAddress& mac) {
  return std::memcmp(frame.data() + 6, mac.bytes.data(), 6) == 0;
}
[[nodiscard]] inline bool goes_to(std::span<const std::uint8_t> frame,
                                  const base::MacAddress& mac) {
  return std::memcmp(frame.data(), mac.bytes.data(), 6) == 0;
}

/// An ICMP or ICMPv6 message about another packet, which it embeds.
[[nodiscard]] bool is_icmp_error(const FrameView& view) noexcept;

/// The conversation an ICMP or ICMPv6 error speaks of, as the embedded packet has it (its source is
/// the sender the error is addressed to). Nothing if the frame is no error or the embedded headers
/// are cut short.
[[nodiscard]] std::optional<FlowKey> embedded_flow(std::span<const std::uint8_t> frame,
                                                   const FrameView& view) noexcept;

struct ArpFields {
  std::uint16_t operation = 0;  // 1 request, 2 reply
  base::MacAddress sender_mac;
  base::IpAddress sender_ip;
  base::MacAddress target_mac;
  base::IpAddress target_ip;
};
[[nodiscard]] std::optional<ArpFields> read_arp(std::span<const std::uint8_t> frame,
                                                const FrameView& view) noexcept;

struct NeighborSolicitation {
  base::IpAddress target;
  bool is_duplicate_address_probe = false;  // source is the unspecified address
};
[[nodiscard]] std::optional<NeighborSolicitation> read_neighbor_solicitation(
    std::span<const std::uint8_t> frame, const FrameView& view) noexcept;

struct NeighborAdvertisement {
  base::IpAddress target;
  bool is_answer = false;  // else unsolicited: an announcement
};
[[nodiscard]] std::optional<NeighborAdvertisement> read_neighbor_advertisement(
    std::span<const std::uint8_t> frame, const FrameView& view) noexcept;

}  // namespace covey::packet
