// SPDX-License-Identifier: BSD-3-Clause
// Preface: what stands in front of each frame at those files of the kernel that leave checksums and
// segmentation to their reader, TAP queues and packet sockets; either way.
//
// Owner: localstack. Thread: any; pure. It is virtio_net_hdr of linux/virtio_net.h, which is no
// C++. Between it and mbufs stand the flags that DPDK's devices use for the same.
#pragma once

#include <cstdint>

#include "packet/parse.h"
#include "packet/segment.h"

struct rte_mbuf;

namespace covey::localstack {

struct Preface {
  static constexpr std::uint8_t kChecksumOpen = 1;
  static constexpr std::uint8_t kChecksumGood = 2;
  static constexpr std::uint8_t kWhole = 0;
  static constexpr std::uint8_t kTcpIpv4 = 1;
  static constexpr std::uint8_t kTcpIpv6 = 4;
  static constexpr std::uint8_t kUdp = 5;            // datagrams of one sender, since Linux 6.2
  static constexpr std::uint8_t kCongestion = 0x80;  // a bit besides: RFC 3168, with CWR

  std::uint8_t flags = 0;
  std::uint8_t kind = kWhole;
  std::uint16_t header_length = 0;
  std::uint16_t segment = 0;  // payload bytes
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;  // from there to the field
};
static_assert(sizeof(Preface) == 10);

[[nodiscard]] packet::LeftOver left_over_of(const Preface& preface) noexcept;
/// For a file that takes all segments of a run as one, see SegmentRun::finish().
[[nodiscard]] Preface preface_of(packet::SegmentRun& run) noexcept;
/// For a file that takes a frame which arrived with something left over.
[[nodiscard]] Preface preface_of_received(rte_mbuf* frame, const packet::FrameView& view) noexcept;

/// Writes into a flat frame that was read what its preface says, so that take_left_over() finds it.
/// A checksum that does not belong to the frame's own layer 4 is completed, for want of a flag.
void mark_received(rte_mbuf* frame, Preface preface) noexcept;
/// What leave_to_device() wrote into a frame that is to be sent.
[[nodiscard]] Preface preface_to_send(const rte_mbuf* frame) noexcept;

}  // namespace covey::localstack
