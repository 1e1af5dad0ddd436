// SPDX-License-Identifier: BSD-3-Clause
// Segments of TCP, most of what a host sees, read several at once in the lanes of vector registers.
//
// Owner: forwarding, internal. Thread: any; pure. For files that are compiled for processors
// which the rest of the program must not ask for: they get plain arrays, so that they call nothing
// from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "forwarding/ahead_lanes.h"

namespace covey::forwarding::lanes {

inline constexpr std::size_t kMostFrames = 64;
inline constexpr std::size_t kMostStep = 8;          // as many are read at once
inline constexpr std::size_t kShortestSegment = 54;  // Ethernet, IPv4 and TCP without options
inline constexpr std::size_t kShortestIpv6 = 74;     // likewise

/// Frames that are read. Their number is rounded up to a multiple of kMostStep; at each position
/// there are kShortestSegment bytes to be read, be it other ones.
struct Frames {
  alignas(64) const std::uint8_t* at[kMostFrames];
  alignas(64) std::uint64_t sizes[kMostFrames];  // bytes
};

/// Addresses as packet::mac_word() has them.
struct Macs {
  std::uint64_t cluster = 0;
  std::uint64_t host = 0;
};

/// By position, as little-endian words.
struct Segments {
  alignas(64) std::uint64_t sources[kMostFrames];       // IPv4: address, then ports
  alignas(64) std::uint64_t destinations[kMostFrames];  // address, of IPv6 its first half
  // IPv6:
  alignas(64) std::uint64_t lower_sources[kMostFrames];
  alignas(64) std::uint64_t lower_destinations[kMostFrames];
  alignas(64) std::uint64_t ports[kMostFrames];  // source, destination
};

/// Bit i: frame i is a segment, whole, without options, extension headers, fragments or tags, from
/// some other machine to the cluster MAC, and `segments` has what was read of it.
struct Found {
  std::uint64_t ipv4 = 0;
  std::uint64_t ipv6 = 0;
};
/// Frames to be read, at most kMostFrames.
struct Arrivals {
  const Bytes* frames = nullptr;
  std::size_t count = 0;
};
[[nodiscard]] Found read_segments_avx2(const Arrivals& arrivals, const Ahead& ahead,
                                       const Macs& macs, Segments& segments) noexcept;
[[nodiscard]] Found read_segments_avx512(const Arrivals& arrivals, const Ahead& ahead,
                                         const Macs& macs, Segments& segments) noexcept;

}  // namespace covey::forwarding::lanes
