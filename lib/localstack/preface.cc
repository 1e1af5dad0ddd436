// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/preface.h"

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "localstack/left_over.h"
#include "packet/headers.h"

namespace covey::localstack {

namespace {

constexpr std::uint64_t kSegmented = RTE_MBUF_F_TX_TCP_SEG;
constexpr std::uint64_t kSummed = RTE_MBUF_F_TX_L4_MASK;

std::uint8_t kind_of(bool is_tcp, bool is_ipv6) noexcept {
  if (!is_tcp) return Preface::kUdp;
  return is_ipv6 ? Preface::kTcpIpv6 : Preface::kTcpIpv4;
}

/// `kind` and `header`, the bytes in front of the payload, count where the frame is to be cut.
Preface composed(const packet::LeftOver& left, std::uint8_t kind, std::size_t header) noexcept {
  Preface preface;
  if (!left.has_checksum()) return preface;
  preface.flags = Preface::kChecksumOpen;
  preface.checksum_start = left.checksum_start;
  preface.checksum_offset = static_cast<std::uint16_t>(left.checksum_field - left.checksum_start);
  if (left.segment == 0) return preface;
  preface.kind = kind;
  preface.segment = left.segment;
  preface.header_length = static_cast<std::uint16_t>(header);
  return preface;
}

}  // namespace

packet::LeftOver left_over_of(const Preface& preface) noexcept {
  packet::LeftOver left;
  if ((preface.flags & Preface::kChecksumOpen) != 0) {
    left.checksum_start = preface.checksum_start;
    left.checksum_field =
        static_cast<std::uint16_t>(preface.checksum_start + preface.checksum_offset);
  }
  if (preface.kind != Preface::kWhole) left.segment = preface.segment;
  return left;
}

Preface preface_of(packet::SegmentRun& run) noexcept {
  return composed(run.finish(), kind_of(/*is_tcp=*/true, run.is_ipv6()), run.header());
}

Preface preface_of_received(rte_mbuf* frame, const packet::FrameView& view) noexcept {
  const packet::LeftOver left = left_over_of(frame, view);
  if (left.segment == 0) return composed(left, Preface::kWhole, 0);
  const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
  const std::size_t header =
      is_tcp ? packet::header_of(bytes_of(frame), view) : view.l4_offset + packet::kUdpHeader;
  return composed(left, kind_of(is_tcp, view.layer3 == packet::Layer3::ipv6), header);
}

void mark_received(rte_mbuf* frame, Preface preface) noexcept {
  if ((preface.flags & Preface::kChecksumOpen) == 0) {
    if ((preface.flags & Preface::kChecksumGood) != 0)
      frame->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
    return;
  }
  // A stack of this machine left it open; what it did complete is right.
  frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_NONE;
  if (preface.kind != Preface::kWhole) {
    frame->ol_flags |= RTE_MBUF_F_RX_LRO;
    frame->tso_segsz = preface.segment;
    return;
  }
  const packet::LeftOver left = left_over_of(preface);
  if (left_over_of(frame, packet::parse(bytes_of(frame))) == left) return;
  frame->ol_flags = 0;
  packet::finish_checksum(bytes_of(frame), left);
}

Preface preface_to_send(const rte_mbuf* frame) noexcept {
  const std::uint64_t flags = frame->ol_flags;
  if ((flags & kSummed) == 0) return {};
  const bool is_tcp = (flags & kSummed) == RTE_MBUF_F_TX_TCP_CKSUM;
  packet::LeftOver left;
  left.checksum_start = static_cast<std::uint16_t>(frame->l2_len + frame->l3_len);
  left.checksum_field = static_cast<std::uint16_t>(
      left.checksum_start + (is_tcp ? packet::kTcpChecksum : packet::kUdpChecksum));
  if ((flags & kSegmented) != 0) left.segment = frame->tso_segsz;
  return composed(left, kind_of(is_tcp, (flags & RTE_MBUF_F_TX_IPV6) != 0),
                  left.checksum_start + std::size_t{frame->l4_len});
}

}  // namespace covey::localstack
