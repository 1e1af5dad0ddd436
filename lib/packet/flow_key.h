// SPDX-License-Identifier: BSD-3-Clause
// FlowKey: the five numbers that name a conversation, seen from the client's side.
//
// Owner: packet. Thread: any; a plain 40-byte value without padding, so it may be hashed and
// compared as bytes. `source` is the client and `destination` the virtual IP for inbound frames;
// egress frames are keyed by reversed(). IPv4 addresses occupy the first four bytes, the rest is
// zero. Ports are in host order and zero where the protocol has none (or where a fragment hides
// them).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/address.h"

namespace covey::packet {

// Aligned so that copies, comparisons and hashes of a key are a few word moves.
struct alignas(8) FlowKey {
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;  // IANA number: 6 TCP, 17 UDP, ...
  base::Family family = base::Family::none;
  std::uint16_t reserved = 0;  // always zero; keeps the value free of padding

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    return std::memcmp(&a, &b, sizeof(FlowKey)) == 0;
  }
  /// The same conversation seen from the other end.
  [[nodiscard]] FlowKey reversed() const {
    FlowKey other = *this;
    other.source = destination;
    other.destination = source;
    other.source_port = destination_port;
    other.destination_port = source_port;
    return other;
  }
  [[nodiscard]] base::IpAddress source_address() const { return {source, family}; }
  [[nodiscard]] base::IpAddress destination_address() const { return {destination, family}; }
};
static_assert(sizeof(FlowKey) == 40, "FlowKey is hashed and compared as 40 bytes");

/// A key as the words that lie in memory, for who has just read it: in registers it can be hashed
/// at once, while words read back have to wait for what was written there in smaller pieces.
struct KeyWords {
  std::uint64_t source = 0;  // first half of the address, then the second
  std::uint64_t source_rest = 0;
  std::uint64_t destination = 0;
  std::uint64_t destination_rest = 0;
  std::uint64_t ports = 0;  // and protocol and family
};
/// Likewise of IPv4, where the second halves are zero.
struct Ipv4KeyWords {
  std::uint64_t source = 0;
  std::uint64_t destination = 0;
  std::uint64_t ports = 0;
};
static_assert(sizeof(KeyWords) == sizeof(FlowKey));
static_assert(std::endian::native == std::endian::little, "words are composed for such machines");

}  // namespace covey::packet
