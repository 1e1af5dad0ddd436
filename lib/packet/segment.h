// SPDX-License-Identifier: BSD-3-Clause
// TCP segments in bulk: one long segment taken apart for the wire, and several that follow one
// another put together for the local stack, as a NIC with segmentation offload does it.
//
// Owner: packet. Thread: any; pure. Offsets are bytes from the start of the frame.
// A part and the whole say the same: whatever differs between two segments but numbers, lengths,
// checksums and PSH keeps them apart. Sources: RFC 9293, RFC 3168 (CWR), RFC 6864 (IPv4
// identification). IPv4 options and IPv6 extension headers are left alone, in both directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "packet/parse.h"

namespace covey::packet {

inline constexpr std::size_t kLongestPacket = 65535;  // what an IP header can say
// Where the checksum stands in the header of layer 4.
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kUdpChecksum = 6;

/// What a stack left to be done by the device that sends a frame. All zero: nothing.
struct LeftOver {
  std::uint16_t checksum_start = 0;  // from here to the end of the frame
  std::uint16_t checksum_field = 0;  // holds the sum of the pseudo-header so far
  std::uint16_t segment = 0;         // TCP payload of one segment; 0: the frame is not to be cut

  [[nodiscard]] bool has_checksum() const { return checksum_field != 0; }
  friend bool operator==(const LeftOver&, const LeftOver&) = default;
};

/// Bytes in front of the payload of a TCP segment whose headers are whole.
[[nodiscard]] std::uint16_t header_of(std::span<const std::uint8_t> frame,
                                      const FrameView& view) noexcept;

/// Completes the checksum, if it is open. Nothing is done if it would lie outside of the frame.
void finish_checksum(std::span<std::uint8_t> frame, const LeftOver& left) noexcept;

/// Whether IP header and TCP checksum are right; only for what is_mergeable().
[[nodiscard]] bool has_good_checksums(std::span<const std::uint8_t> frame,
                                      const FrameView& view) noexcept;

/// A long TCP segment, to be taken apart.
class LongSegment {
 public:
  /// Nothing unless it is whole TCP over IPv4 or IPv6 with payload, and `segment` is not 0.
  [[nodiscard]] static std::optional<LongSegment> of(std::span<const std::uint8_t> frame,
                                                     const FrameView& view,
                                                     std::uint16_t segment) noexcept;

  [[nodiscard]] std::size_t count() const { return (payload_ + segment_ - 1) / segment_; }
  /// Bytes of a whole frame that carries segment `index` (from 0).
  [[nodiscard]] std::size_t length(std::size_t index) const;
  /// Writes that frame, with all checksums; `out` has at least length() bytes.
  void write(std::size_t index, std::span<std::uint8_t> out) const noexcept;

 private:
  LongSegment() = default;

  std::span<const std::uint8_t> frame_;
  bool is_ipv6_ = false;
  std::size_t l3_ = 0;
  std::size_t l4_ = 0;
  std::size_t header_ = 0;  // bytes in front of the payload
  std::size_t payload_ = 0;
  std::size_t segment_ = 1;
};

/// Plain data of an established connection, which may become part of a longer segment.
[[nodiscard]] bool is_mergeable(std::span<const std::uint8_t> frame,
                                const FrameView& view) noexcept;

/// Segments of one connection that follow one another, put together: the frame of the first, then
/// the payloads of the others. It holds no bytes; the frames stay where they are until finish().
class SegmentRun {
 public:
  /// `first` is_mergeable(); it and its view outlive the run.
  SegmentRun(std::span<std::uint8_t> first, const FrameView& view) noexcept;
  SegmentRun() = default;

  /// Whether a frame that is_mergeable() is what comes next.
  [[nodiscard]] bool is_followed_by(std::span<const std::uint8_t> frame,
                                    const FrameView& view) const noexcept;
  /// Takes it. Its checksums, and those of the first, must be right.
  void add(const FrameView& view) noexcept;
  [[nodiscard]] std::uint16_t count() const { return count_; }
  /// Bytes in front of the payload, the same in all frames of the run.
  [[nodiscard]] std::uint16_t header() const { return header_; }
  [[nodiscard]] bool is_ipv6() const { return view_->layer3 == Layer3::ipv6; }
  /// Payload of each but the last, which may have less.
  [[nodiscard]] std::uint16_t segment() const { return segment_; }

  /// Writes into the first frame's headers what holds for all of them. The TCP checksum is left
  /// over: the one who takes the frame need not look at it, all are right.
  [[nodiscard]] LeftOver finish() noexcept;

 private:
  std::span<std::uint8_t> first_;
  const FrameView* view_ = nullptr;
  std::uint16_t header_ = 0;
  std::uint16_t segment_ = 0;
  std::uint16_t count_ = 0;
  std::uint32_t payload_ = 0;  // of all
  bool is_closed_ = false;     // by a shorter one, or PSH
  bool has_push_ = false;
};

}  // namespace covey::packet
