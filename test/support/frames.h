// SPDX-License-Identifier: BSD-3-Clause
// FrameBuilder: builds the frame a test speaks of, in the words of the test.
//
// Owner: test/support. Thread: any; plain values. Lengths and checksums are right unless a test
// breaks them with patch(). Addresses are given as text ("10.77.0.50", "2001:db8::1",
// "02:00:00:00:00:01") and must be valid. The MAC addresses are kClientMac and kClusterMac unless a
// test says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "packet/parse.h"

namespace covey::test {

using Frame = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kSyn = packet::TcpFlags::kSyn;
inline constexpr std::uint8_t kAck = packet::TcpFlags::kAck;
inline constexpr std::uint8_t kFin = packet::TcpFlags::kFin;
inline constexpr std::uint8_t kRst = packet::TcpFlags::kRst;
inline constexpr std::uint8_t kPsh = packet::TcpFlags::kPsh;

inline constexpr base::MacAddress kClientMac{{0x02, 0xc1, 0, 0, 0, 0x01}};
inline constexpr base::MacAddress kClusterMac{{0x02, 0xbf, 10, 77, 0, 50}};

[[nodiscard]] base::IpAddress ip(std::string_view text);
[[nodiscard]] base::MacAddress mac(std::string_view text);

class FrameBuilder {
 public:
  FrameBuilder& from(const base::MacAddress& source);
  FrameBuilder& to(const base::MacAddress& destination);
  FrameBuilder& vlan(std::uint16_t id);
  /// One more tag, outside the one of vlan().
  FrameBuilder& outer_vlan(std::uint16_t id, std::uint16_t ether_type = 0x88a8);

  FrameBuilder& ip(std::string_view source, std::string_view destination);
  FrameBuilder& hop_limit(std::uint8_t hops);
  /// `offset` in units of 8 bytes, as in the header.
  FrameBuilder& fragment(std::uint16_t offset, bool more, std::uint32_t id = 0x1234);
  /// IPv4 options, a multiple of four bytes.
  FrameBuilder& options(std::vector<std::uint8_t> bytes);
  /// One more IPv6 extension header of 8 * units bytes (44, the fragment header, has its own
  /// function).
  FrameBuilder& extension(std::uint8_t number, std::uint8_t units = 1);

  FrameBuilder& tcp(std::uint16_t source_port, std::uint16_t destination_port, std::uint8_t flags);
  FrameBuilder& numbers(std::uint32_t sequence, std::uint32_t acknowledgement);
  FrameBuilder& udp(std::uint16_t source_port, std::uint16_t destination_port);
  /// `rest` follows type, code and checksum: four bytes and what the message has after them.
  FrameBuilder& icmp(std::uint8_t type, std::uint8_t code,
                     std::vector<std::uint8_t> rest = {0, 1, 0, 1});
  FrameBuilder& protocol(std::uint8_t number, std::vector<std::uint8_t> bytes);
  FrameBuilder& payload(std::size_t bytes);
  /// UDP only: what the datagram carries, in front of payload().
  FrameBuilder& data(std::vector<std::uint8_t> bytes);

  /// Any other EtherType; nothing of the above layers is built then.
  FrameBuilder& raw(std::uint16_t ether_type, std::vector<std::uint8_t> bytes);

  [[nodiscard]] Frame build() const;
  operator Frame() const { return build(); }  // lets tables list builders where frames are wanted

 private:
  [[nodiscard]] Frame layer4() const;
  [[nodiscard]] Frame ipv4_packet(const Frame& l4) const;
  [[nodiscard]] Frame ipv6_packet(const Frame& l4) const;
  [[nodiscard]] std::uint16_t pseudo_checksum(const Frame& l4) const;

  base::MacAddress source_mac_ = kClientMac;
  base::MacAddress destination_mac_ = kClusterMac;
  bool tagged_ = false;
  std::uint16_t vlan_ = 0;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> outer_tags_;  // EtherType, id
  std::uint16_t ether_type_ = 0;
  base::IpAddress source_;
  base::IpAddress destination_;
  std::uint8_t hop_limit_ = 64;
  bool fragmented_ = false;
  std::uint16_t fragment_offset_ = 0;
  bool more_fragments_ = false;
  std::uint32_t fragment_id_ = 0;
  std::vector<std::uint8_t> options_;
  std::vector<std::pair<std::uint8_t, std::uint8_t>> extensions_;  // number, units
  std::uint8_t protocol_ = 0;
  std::uint16_t source_port_ = 0;
  std::uint16_t destination_port_ = 0;
  std::uint8_t tcp_flags_ = 0;
  std::uint32_t sequence_ = 1000;
  std::uint32_t acknowledgement_ = 0;
  std::vector<std::uint8_t> body_;  // ICMP from the type on, other protocols, raw frames
  std::vector<std::uint8_t> data_;
  std::size_t payload_ = 0;
};

struct ArpText {
  std::uint16_t operation = 1;
  std::string_view sender_ip;
  std::string_view target_ip;
  base::MacAddress sender_mac = kClientMac;
  base::MacAddress target_mac{};
};
/// A request goes to the broadcast address, a reply to `target_mac`.
[[nodiscard]] FrameBuilder arp(const ArpText& text);

/// A neighbour solicitation for `target`, to its solicited-node group; with the source link-layer
/// option unless `source` is "::".
[[nodiscard]] FrameBuilder solicitation(std::string_view source, std::string_view target);
/// A neighbour advertisement for `target`, to `destination`; by default solicited, and overriding.
[[nodiscard]] FrameBuilder advertisement(std::string_view target, std::string_view destination,
                                         std::uint8_t flags = 0x60);
/// An unsolicited one, to all nodes.
[[nodiscard]] FrameBuilder announcement(std::string_view target);

/// An ICMP or ICMPv6 "destination unreachable" from `router` about `original`, a frame of the
/// receiver.
[[nodiscard]] FrameBuilder unreachable(std::string_view router, const Frame& original,
                                       std::size_t embedded_bytes = 64);

/// A copy with bytes replaced from `offset` on.
[[nodiscard]] Frame patch(Frame frame, std::size_t offset, const std::vector<std::uint8_t>& bytes);
/// A copy cut to its first `length` bytes, or padded with zeros up to it.
[[nodiscard]] Frame resized(Frame frame, std::size_t length);

/// True if all the checksums a frame has (IPv4 header, TCP, UDP, ICMP, ICMPv6) are right. Written
/// apart from the library's code, so that the two check each other.
[[nodiscard]] bool checksums_are_right(const Frame& frame);

}  // namespace covey::test
