// SPDX-License-Identifier: BSD-3-Clause
#include "packet/segment.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "packet/checksum.h"
#include "packet/headers.h"

namespace covey::packet {

namespace {

using base::load_be16;
using base::load_be32;
using base::store_be16;
using base::store_be32;
using Bytes = std::span<const std::uint8_t>;

// Offsets in their headers.
constexpr std::size_t kIpv4Length = 2;
constexpr std::size_t kIpv4Id = 4;
constexpr std::size_t kIpv4Flags = 6;
constexpr std::size_t kIpv4Checksum = 10;
constexpr std::size_t kIpv4Addresses = 12;
constexpr std::size_t kIpv6Length = 4;
constexpr std::size_t kIpv6NextHeader = 6;
constexpr std::size_t kTcpSequence = 4;
constexpr std::size_t kTcpLengthByte = 12;
constexpr std::size_t kTcpFlags = 13;
constexpr std::size_t kTcpAfterFlags = 14;

constexpr std::uint8_t kDontFragment = 0x40;
constexpr std::uint8_t kCongestionWindowReduced = 0x80;

bool is_plain_tcp(Bytes frame, const FrameView& view) noexcept {
  if (view.status != ParseStatus::ok || view.key.protocol != kProtocolTcp) return false;
  if (view.is_fragment || !view.has_ports || view.payload_length == 0) return false;
  const std::size_t between = view.l4_offset - std::size_t{view.l3_offset};
  if (view.layer3 == Layer3::ipv4) return frame[view.l3_offset] == kIpv4WithoutOptions;
  return view.layer3 == Layer3::ipv6 && between == kIpv6Header;
}

void add_pseudo_header(InternetSum& sum, Bytes l3, bool is_ipv6, std::size_t tcp) noexcept {
  sum.add(is_ipv6 ? l3.subspan(kIpv6Addresses, 32) : l3.subspan(kIpv4Addresses, 8));
  sum.add(static_cast<std::uint32_t>(tcp));
  sum.add(std::uint32_t{kProtocolTcp});
}

/// Of an IPv4 header without options.
std::uint16_t ipv4_checksum(Bytes l3) noexcept {
  InternetSum sum;
  sum.add(l3.first(kIpv4Checksum));
  sum.add(l3.subspan(kIpv4Addresses, kIpv4Header - kIpv4Addresses));
  return sum.finish();
}

/// `bytes` after the IP header (IPv6), or with it (IPv4).
void write_ip_length(std::span<std::uint8_t> l3, bool is_ipv6, std::size_t tcp) noexcept {
  if (is_ipv6) {
    store_be16(&l3[kIpv6Length], static_cast<std::uint16_t>(tcp));
    return;
  }
  store_be16(&l3[kIpv4Length], static_cast<std::uint16_t>(kIpv4Header + tcp));
  store_be16(&l3[kIpv4Checksum], ipv4_checksum(l3));
}

bool same(Bytes a, Bytes b, std::size_t from, std::size_t to) noexcept {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

/// Everything of the IP header but lengths, checksum and identification, which is the next one or,
/// where nothing may be cut, of no meaning.
bool same_ip(Bytes a, Bytes b, bool is_ipv6, std::uint16_t steps) noexcept {
  if (is_ipv6) {
    return same(a, b, 0, kIpv6Length) && same(a, b, kIpv6NextHeader, kIpv6Header);
  }
  const bool next =
      (a[kIpv4Flags] & kDontFragment) != 0 ||
      static_cast<std::uint16_t>(load_be16(&a[kIpv4Id]) + steps) == load_be16(&b[kIpv4Id]);
  return next && same(a, b, 0, kIpv4Length) && same(a, b, kIpv4Flags, kIpv4Checksum) &&
         same(a, b, kIpv4Addresses, kIpv4Header);
}

/// Everything of the TCP header, `length` bytes with options, but sequence, PSH and checksum.
bool same_tcp(Bytes a, Bytes b, std::size_t length) noexcept {
  return same(a, b, 0, kTcpSequence) && same(a, b, kTcpSequence + 4, kTcpFlags) &&
         ((a[kTcpFlags] ^ b[kTcpFlags]) & ~TcpFlags::kPsh) == 0 &&
         same(a, b, kTcpAfterFlags, kTcpChecksum) && same(a, b, kTcpChecksum + 2, length);
}

}  // namespace

std::uint16_t header_of(Bytes frame, const FrameView& view) noexcept {
  const std::size_t words = frame[view.l4_offset + kTcpLengthByte] >> 4U;
  return static_cast<std::uint16_t>(view.l4_offset + words * 4);
}

void finish_checksum(std::span<std::uint8_t> frame, const LeftOver& left) noexcept {
  const std::size_t field = left.checksum_field;
  if (!left.has_checksum()) return;
  if (field < left.checksum_start || field + 2 > frame.size()) return;
  InternetSum sum;
  sum.add(frame.subspan(left.checksum_start));
  const std::uint16_t checksum = sum.finish();
  // To UDP, zero means that there is none; to the others both zeros are the same.
  store_be16(&frame[field], checksum == 0 ? std::uint16_t{0xffff} : checksum);
}

bool has_good_checksums(Bytes frame, const FrameView& view) noexcept {
  const Bytes l3 = frame.subspan(view.l3_offset);
  const bool is_ipv6 = view.layer3 == Layer3::ipv6;
  if (!is_ipv6 && load_be16(&l3[kIpv4Checksum]) != ipv4_checksum(l3)) return false;
  const Bytes tcp = frame.first(packet_end(frame, view)).subspan(view.l4_offset);
  InternetSum sum;
  add_pseudo_header(sum, l3, is_ipv6, tcp.size());
  sum.add(tcp);
  return sum.finish() == 0;
}

std::optional<LongSegment> LongSegment::of(Bytes frame, const FrameView& view,
                                           std::uint16_t segment) noexcept {
  if (segment == 0 || !is_plain_tcp(frame, view)) return std::nullopt;
  LongSegment made;
  made.frame_ = frame;
  made.is_ipv6_ = view.layer3 == Layer3::ipv6;
  made.l3_ = view.l3_offset;
  made.l4_ = view.l4_offset;
  made.header_ = header_of(frame, view);
  made.payload_ = view.payload_length;
  made.segment_ = segment;
  return made;
}

std::size_t LongSegment::length(std::size_t index) const {
  return header_ + std::min(segment_, payload_ - index * segment_);
}

void LongSegment::write(std::size_t index, std::span<std::uint8_t> out) const noexcept {
  const std::size_t whole = length(index);
  const std::size_t skipped = index * segment_;
  std::memcpy(out.data(), frame_.data(), header_);
  std::memcpy(out.data() + header_, frame_.data() + header_ + skipped, whole - header_);

  const std::span<std::uint8_t> l3 = out.subspan(l3_);
  if (!is_ipv6_) {
    store_be16(&l3[kIpv4Id], static_cast<std::uint16_t>(load_be16(&l3[kIpv4Id]) + index));
  }
  write_ip_length(l3, is_ipv6_, whole - l4_);

  const std::span<std::uint8_t> tcp = out.first(whole).subspan(l4_);
  store_be32(&tcp[kTcpSequence],
             load_be32(&tcp[kTcpSequence]) + static_cast<std::uint32_t>(skipped));
  if (index != 0) tcp[kTcpFlags] &= static_cast<std::uint8_t>(~kCongestionWindowReduced);
  if (index + 1 != count()) {
    tcp[kTcpFlags] &= static_cast<std::uint8_t>(~(TcpFlags::kFin | TcpFlags::kPsh));
  }
  store_be16(&tcp[kTcpChecksum], 0);
  InternetSum sum;
  add_pseudo_header(sum, l3, is_ipv6_, tcp.size());
  sum.add(tcp);
  store_be16(&tcp[kTcpChecksum], sum.finish());
}

bool is_mergeable(Bytes frame, const FrameView& view) noexcept {
  return is_plain_tcp(frame, view) &&
         (frame[view.l4_offset + kTcpFlags] & ~TcpFlags::kPsh) == TcpFlags::kAck;
}

SegmentRun::SegmentRun(std::span<std::uint8_t> first, const FrameView& view) noexcept
    : first_(first),
      view_(&view),
      header_(header_of(first, view)),
      segment_(view.payload_length),
      count_(1),
      payload_(view.payload_length),
      is_closed_(view.has_flag(TcpFlags::kPsh)),
      has_push_(is_closed_) {}

bool SegmentRun::is_followed_by(Bytes frame, const FrameView& view) const noexcept {
  const bool fits = !is_closed_ && view.tcp_sequence == view_->tcp_sequence + payload_ &&
                    view.payload_length <= segment_ && view.layer3 == view_->layer3 &&
                    view.l4_offset == view_->l4_offset &&
                    header_ - view_->l3_offset + payload_ + view.payload_length <= kLongestPacket;
  if (!fits || header_of(frame, view) != header_) return false;
  return same(first_, frame, 0, view_->l3_offset) &&
         same_ip(first_.subspan(view_->l3_offset), frame.subspan(view_->l3_offset),
                 view_->layer3 == Layer3::ipv6, count_) &&
         same_tcp(first_.subspan(view_->l4_offset), frame.subspan(view_->l4_offset),
                  std::size_t{header_} - view_->l4_offset);
}

void SegmentRun::add(const FrameView& view) noexcept {
  ++count_;
  payload_ += view.payload_length;
  has_push_ = view.has_flag(TcpFlags::kPsh);
  is_closed_ = has_push_ || view.payload_length < segment_;
}

LeftOver SegmentRun::finish() noexcept {
  const bool is_ipv6 = view_->layer3 == Layer3::ipv6;
  const std::size_t length = header_ - view_->l4_offset + std::size_t{payload_};
  const std::span<std::uint8_t> l3 = first_.subspan(view_->l3_offset);
  write_ip_length(l3, is_ipv6, length);
  const std::span<std::uint8_t> tcp = first_.subspan(view_->l4_offset);
  if (has_push_) tcp[kTcpFlags] |= TcpFlags::kPsh;
  InternetSum sum;
  add_pseudo_header(sum, l3, is_ipv6, length);
  store_be16(&tcp[kTcpChecksum], static_cast<std::uint16_t>(~sum.finish()));
  LeftOver left;
  left.checksum_start = view_->l4_offset;
  left.checksum_field = static_cast<std::uint16_t>(view_->l4_offset + kTcpChecksum);
  left.segment = count_ > 1 ? segment_ : std::uint16_t{0};
  return left;
}

}  // namespace covey::packet
