// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum (RFC 1071) and its incremental update (RFC 1624), for frames we build or
// rewrite.
//
// Owner: packet. Thread: any; pure. Sums are over 16-bit big-endian words; an odd last byte counts
// as if followed by a zero. A Sum is the running, not yet folded value, so that pieces
// (pseudo-header, message) add up; every piece but the last must have an even length. Received
// checksums are verified only where frames are put together (segment.h): else the local stack does
// that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.h"

namespace covey::packet {

class InternetSum {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    std::size_t i = 0;
    // Words of 32 bits add up to the same as those of 16: the carries end up where they belong.
    for (; i + 8 <= bytes.size(); i += 8) {
      const std::uint64_t word = base::load_be64(bytes.data() + i);
      sum_ += (word >> 32U) + (word & 0xffff'ffffU);
    }
    for (; i + 1 < bytes.size(); i += 2)
      sum_ += base::load_be16(bytes.data() + i);
    if (i < bytes.size()) sum_ += static_cast<std::uint32_t>(bytes[i]) << 8U;
  }
  void add(std::uint32_t value) { sum_ += (value >> 16U) + (value & 0xffffU); }
  /// What stood in the message before and does no more.
  void remove(std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
      sum_ += static_cast<std::uint16_t>(~base::load_be16(bytes.data() + i));
    }
  }
  /// The value for the checksum field.
  [[nodiscard]] std::uint16_t finish() const {
    std::uint64_t folded = sum_;
    while (folded > 0xffffU)
      folded = (folded & 0xffffU) + (folded >> 16U);
    return static_cast<std::uint16_t>(~folded);
  }

 private:
  std::uint64_t sum_ = 0;
};

/// Checksum of an ICMPv6, TCP or UDP message carried by IPv6: pseudo-header (RFC 8200 section 8.1)
/// and message. `addresses` are the 32 bytes of source and destination as they stand in the header.
[[nodiscard]] inline std::uint16_t ipv6_checksum(std::span<const std::uint8_t> addresses,
                                                 std::uint8_t protocol,
                                                 std::span<const std::uint8_t> message) {
  InternetSum sum;
  sum.add(addresses);
  sum.add(static_cast<std::uint32_t>(message.size()));
  sum.add(std::uint32_t{protocol});
  sum.add(message);
  return sum.finish();
}

}  // namespace covey::packet
