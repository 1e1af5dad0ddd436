// SPDX-License-Identifier: BSD-3-Clause
#include "support/frames.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "packet/headers.h"

namespace covey::test {

namespace {

using packet::kProtocolIcmp;
using packet::kProtocolIcmpv6;
using packet::kProtocolTcp;
using packet::kProtocolUdp;

void append16(Frame& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append32(Frame& out, std::uint32_t value) {
  append16(out, value >> 16U);
  append16(out, value & 0xffffU);
}

void append(Frame& out, const std::uint8_t* bytes, std::size_t count) {
  out.insert(out.end(), bytes, bytes + count);
}

void append(Frame& out, const Frame& bytes) {
  append(out, bytes.data(), bytes.size());
}

void append(Frame& out, const base::MacAddress& mac) {
  append(out, mac.bytes.data(), mac.bytes.size());
}

void append(Frame& out, const base::IpAddress& ip) {
  append(out, ip.bytes.data(), ip.byte_length());
}

void put16(Frame& out, std::size_t at, unsigned value) {
  out[at] = static_cast<std::uint8_t>(value >> 8U);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

// One's complement sum, byte by byte: even positions count 256 times.
std::uint32_t ones_sum(const std::uint8_t* bytes, std::size_t count, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < count; ++i) {
    sum += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return sum;
}

std::uint32_t pseudo_sum(const std::uint8_t* addresses, std::size_t address_bytes,
                         std::uint8_t protocol, std::size_t length) {
  const std::uint32_t sum = ones_sum(addresses, address_bytes);
  return sum + protocol + static_cast<std::uint32_t>(length);
}

std::uint16_t folded_complement(std::uint32_t sum) {
  while (sum > 0xffffU)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

std::size_t checksum_offset(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return 16;
    case kProtocolUdp:
      return 6;
    case kProtocolIcmp:
    case kProtocolIcmpv6:
    case packet::kProtocolIgmp:
      return 2;
    default:
      return 0;
  }
}

bool has_pseudo_header(std::uint8_t protocol) {
  return protocol != kProtocolIcmp && protocol != packet::kProtocolIgmp;
}

template <typename T>
T valid(const base::Result<T>& result, std::string_view text) {
  if (!result) {
    std::fprintf(stderr, "a test used a bad address: %s\n", std::string(text).c_str());
    std::abort();
  }
  return *result;
}

}  // namespace

base::IpAddress ip(std::string_view text) {
  return valid(base::IpAddress::parse(text), text);
}
base::MacAddress mac(std::string_view text) {
  return valid(base::MacAddress::parse(text), text);
}

FrameBuilder& FrameBuilder::from(const base::MacAddress& source) {
  source_mac_ = source;
  return *this;
}
FrameBuilder& FrameBuilder::to(const base::MacAddress& destination) {
  destination_mac_ = destination;
  return *this;
}
FrameBuilder& FrameBuilder::outer_vlan(std::uint16_t id, std::uint16_t ether_type) {
  outer_tags_.insert(outer_tags_.begin(), {ether_type, id});
  return *this;
}

FrameBuilder& FrameBuilder::vlan(std::uint16_t id) {
  tagged_ = true;
  vlan_ = id;
  return *this;
}
FrameBuilder& FrameBuilder::ip(std::string_view source, std::string_view destination) {
  source_ = test::ip(source);
  destination_ = test::ip(destination);
  ether_type_ =
      source_.family == base::Family::ipv4 ? packet::kEtherTypeIpv4 : packet::kEtherTypeIpv6;
  return *this;
}
FrameBuilder& FrameBuilder::hop_limit(std::uint8_t hops) {
  hop_limit_ = hops;
  return *this;
}
FrameBuilder& FrameBuilder::fragment(std::uint16_t offset, bool more, std::uint32_t id) {
  fragmented_ = true;
  fragment_offset_ = offset;
  more_fragments_ = more;
  fragment_id_ = id;
  return *this;
}
FrameBuilder& FrameBuilder::options(std::vector<std::uint8_t> bytes) {
  options_ = std::move(bytes);
  return *this;
}
FrameBuilder& FrameBuilder::extension(std::uint8_t number, std::uint8_t units) {
  extensions_.emplace_back(number, units);
  return *this;
}
FrameBuilder& FrameBuilder::tcp(std::uint16_t source_port, std::uint16_t destination_port,
                                std::uint8_t flags) {
  protocol_ = kProtocolTcp;
  source_port_ = source_port;
  destination_port_ = destination_port;
  tcp_flags_ = flags;
  return *this;
}
FrameBuilder& FrameBuilder::numbers(std::uint32_t sequence, std::uint32_t acknowledgement) {
  sequence_ = sequence;
  acknowledgement_ = acknowledgement;
  return *this;
}
FrameBuilder& FrameBuilder::udp(std::uint16_t source_port, std::uint16_t destination_port) {
  protocol_ = kProtocolUdp;
  source_port_ = source_port;
  destination_port_ = destination_port;
  return *this;
}
FrameBuilder& FrameBuilder::icmp(std::uint8_t type, std::uint8_t code,
                                 std::vector<std::uint8_t> rest) {
  protocol_ = source_.family == base::Family::ipv6 ? kProtocolIcmpv6 : kProtocolIcmp;
  body_ = {type, code, 0, 0};
  append(body_, rest);
  return *this;
}
FrameBuilder& FrameBuilder::protocol(std::uint8_t number, std::vector<std::uint8_t> bytes) {
  protocol_ = number;
  body_ = std::move(bytes);
  return *this;
}
FrameBuilder& FrameBuilder::payload(std::size_t bytes) {
  payload_ = bytes;
  return *this;
}
FrameBuilder& FrameBuilder::data(std::vector<std::uint8_t> bytes) {
  data_ = std::move(bytes);
  return *this;
}
FrameBuilder& FrameBuilder::raw(std::uint16_t ether_type, std::vector<std::uint8_t> bytes) {
  ether_type_ = ether_type;
  source_ = destination_ = {};
  body_ = std::move(bytes);
  return *this;
}

Frame FrameBuilder::layer4() const {
  Frame l4;
  if (protocol_ == kProtocolTcp && body_.empty()) {
    append16(l4, source_port_);
    append16(l4, destination_port_);
    append32(l4, sequence_);
    append32(l4, acknowledgement_);
    append(l4, Frame{0x50, tcp_flags_, 0xfa, 0xf0, 0, 0, 0, 0});
  } else if (protocol_ == kProtocolUdp && body_.empty()) {
    append16(l4, source_port_);
    append16(l4, destination_port_);
    append16(l4, static_cast<unsigned>(packet::kUdpHeader + data_.size() + payload_));
    append16(l4, 0);
    append(l4, data_);
  } else {
    l4 = body_;
  }
  for (std::size_t i = 0; i < payload_; ++i)
    l4.push_back(static_cast<std::uint8_t>('a' + i % 26));
  const std::size_t at = checksum_offset(protocol_);
  if (at != 0 && l4.size() >= at + 2 && fragment_offset_ == 0) put16(l4, at, pseudo_checksum(l4));
  return l4;
}

std::uint16_t FrameBuilder::pseudo_checksum(const Frame& l4) const {
  if (!has_pseudo_header(protocol_)) return folded_complement(ones_sum(l4.data(), l4.size()));
  Frame addresses;
  append(addresses, source_);
  append(addresses, destination_);
  const std::uint32_t sum = pseudo_sum(addresses.data(), addresses.size(), protocol_, l4.size());
  return folded_complement(ones_sum(l4.data(), l4.size(), sum));
}

Frame FrameBuilder::ipv4_packet(const Frame& l4) const {
  Frame out;
  const std::size_t header = packet::kIpv4Header + options_.size();
  out.push_back(static_cast<std::uint8_t>(0x40U + header / 4));
  out.push_back(0);
  append16(out, static_cast<unsigned>(header + l4.size()));
  append16(out, fragment_id_ & 0xffffU);
  append16(out, fragment_offset_ + (more_fragments_ ? 0x2000U : 0U));
  append(out, Frame{hop_limit_, protocol_, 0, 0});
  append(out, source_);
  append(out, destination_);
  append(out, options_);
  put16(out, 10, folded_complement(ones_sum(out.data(), out.size())));
  append(out, l4);
  return out;
}

Frame FrameBuilder::ipv6_packet(const Frame& l4) const {
  // Number and bytes of each extension header; the first byte of each names what follows it.
  std::vector<std::pair<std::uint8_t, Frame>> chain;
  for (const auto& [number, units] : extensions_) {
    Frame header(units * std::size_t{8}, 0);
    header[1] = static_cast<std::uint8_t>(units - 1);
    chain.emplace_back(number, header);
  }
  if (fragmented_) {
    Frame header{0, 0};
    append16(header, fragment_offset_ * 8U + (more_fragments_ ? 1U : 0U));
    append32(header, fragment_id_);
    chain.emplace_back(std::uint8_t{44}, header);
  }
  std::uint8_t next = protocol_;
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    link->second[0] = next;
    next = link->first;
  }
  std::size_t length = l4.size();
  for (const auto& link : chain)
    length += link.second.size();

  Frame out{0x60, 0, 0, 0};
  append16(out, static_cast<unsigned>(length));
  append(out, Frame{next, hop_limit_});
  append(out, source_);
  append(out, destination_);
  for (const auto& link : chain)
    append(out, link.second);
  append(out, l4);
  return out;
}

Frame FrameBuilder::build() const {
  Frame out;
  append(out, destination_mac_);
  append(out, source_mac_);
  for (const auto& [ether_type, id] : outer_tags_) {
    append16(out, ether_type);
    append16(out, id);
  }
  if (tagged_) {
    append16(out, packet::kEtherTypeVlan);
    append16(out, vlan_);
  }
  append16(out, ether_type_);
  switch (source_.family) {
    case base::Family::ipv4:
      append(out, ipv4_packet(layer4()));
      break;
    case base::Family::ipv6:
      append(out, ipv6_packet(layer4()));
      break;
    case base::Family::none:
      append(out, body_);
      break;
  }
  return out;
}

FrameBuilder arp(const ArpText& text) {
  Frame body{0, 1, 8, 0, 6, 4};
  append16(body, text.operation);
  append(body, text.sender_mac);
  append(body, ip(text.sender_ip));
  append(body, text.target_mac);
  append(body, ip(text.target_ip));
  FrameBuilder frame;
  frame.from(text.sender_mac).raw(packet::kEtherTypeArp, body);
  frame.to(text.operation == packet::kArpRequest ? base::MacAddress::broadcast() : text.target_mac);
  return frame;
}

FrameBuilder solicitation(std::string_view source, std::string_view target) {
  const base::IpAddress wanted = ip(target);
  base::IpAddress group = ip("ff02::1:ff00:0");
  std::copy(wanted.bytes.begin() + 13, wanted.bytes.end(), group.bytes.begin() + 13);
  Frame rest{0, 0, 0, 0};
  append(rest, wanted);
  if (source != "::") {
    append(rest, Frame{packet::kSourceLinkLayerOption, 1});
    append(rest, kClientMac);
  }
  FrameBuilder frame;
  frame.ip(source, group.to_string()).hop_limit(255);
  frame.icmp(packet::kIcmpv6NeighborSolicitation, 0, rest);
  frame.to({{0x33, 0x33, 0xff, wanted.bytes[13], wanted.bytes[14], wanted.bytes[15]}});
  return frame;
}

FrameBuilder advertisement(std::string_view target, std::string_view destination,
                           std::uint8_t flags) {
  Frame rest{flags, 0, 0, 0};
  append(rest, ip(target));
  append(rest, Frame{packet::kTargetLinkLayerOption, 1});
  append(rest, kClientMac);
  FrameBuilder frame;
  frame.ip(target, destination).hop_limit(255);
  frame.icmp(packet::kIcmpv6NeighborAdvertisement, 0, rest);
  return frame;
}

FrameBuilder announcement(std::string_view target) {
  constexpr std::uint8_t kOverride = 0x20;
  return advertisement(target, "ff02::1", kOverride).to(mac("33:33:00:00:00:01"));
}

FrameBuilder unreachable(std::string_view router, const Frame& original,
                         std::size_t embedded_bytes) {
  const packet::FrameView view = packet::parse(original);
  const std::size_t count = std::min(embedded_bytes, original.size() - view.l3_offset);
  Frame rest{0, 0, 0, 0};
  append(rest, original.data() + view.l3_offset, count);
  FrameBuilder frame;
  frame.ip(router, view.key.source_address().to_string());
  const bool is_ipv4 = view.layer3 == packet::Layer3::ipv4;
  frame.icmp(is_ipv4 ? packet::kIcmpUnreachable : packet::kIcmpv6Unreachable, 0, rest);
  return frame;
}

Frame patch(Frame frame, std::size_t offset, const std::vector<std::uint8_t>& bytes) {
  std::copy(bytes.begin(), bytes.end(), frame.begin() + static_cast<std::ptrdiff_t>(offset));
  return frame;
}

Frame resized(Frame frame, std::size_t length) {
  frame.resize(length);
  return frame;
}

bool checksums_are_right(const Frame& frame) {
  const packet::FrameView view = packet::parse(frame);
  const std::uint8_t* l3 = frame.data() + view.l3_offset;
  std::uint32_t pseudo = 0;
  const std::size_t end = packet::packet_end(frame, view);
  const std::size_t l4_length = end - view.l4_offset;
  if (view.layer3 == packet::Layer3::ipv4) {
    if (ones_sum(l3, std::size_t{view.l4_offset} - view.l3_offset) != 0xffff) return false;
    pseudo = pseudo_sum(l3 + 12, 8, view.key.protocol, l4_length);
  } else if (view.layer3 == packet::Layer3::ipv6) {
    pseudo = pseudo_sum(l3 + 8, 32, view.key.protocol, l4_length);
  } else {
    return true;
  }
  if (checksum_offset(view.key.protocol) == 0) return true;
  if (!has_pseudo_header(view.key.protocol)) pseudo = 0;
  return folded_complement(ones_sum(frame.data() + view.l4_offset, l4_length, pseudo)) == 0;
}

}  // namespace covey::test
