// SPDX-License-Identifier: BSD-3-Clause
#include <immintrin.h>

#include "forwarding/segment_lanes.h"

namespace covey::forwarding::lanes {
namespace {

// One number of each of four frames.
using Word [[gnu::vector_size(32)]] = std::uint64_t;
using Mask [[gnu::vector_size(32)]] = std::int64_t;
using Half [[gnu::vector_size(16)]] = std::uint64_t;
using LooseWord [[gnu::vector_size(32), gnu::aligned(1), gnu::may_alias]] = std::uint64_t;
using LooseHalf [[gnu::vector_size(16), gnu::aligned(1), gnu::may_alias]] = std::uint64_t;

/// Bytes of four frames as little-endian words: column k holds bytes 8k to 8k + 7.
struct Columns {
  Word at[6];
};
struct Pair {
  Word even;
  Word odd;
};

/// The 16 bytes at `offset`.
Pair load_pair(const std::uint8_t* const* frames, std::size_t offset) {
  Half half[4];
  for (unsigned i = 0; i < 4; ++i)
    half[i] = *reinterpret_cast<const LooseHalf*>(frames[i] + offset);
  const Word of02 = __builtin_shufflevector(half[0], half[2], 0, 1, 2, 3);
  const Word of13 = __builtin_shufflevector(half[1], half[3], 0, 1, 2, 3);
  return {__builtin_shufflevector(of02, of13, 0, 4, 2, 6),
          __builtin_shufflevector(of02, of13, 1, 5, 3, 7)};
}

Columns load(const std::uint8_t* const* frames) {
  Word row[4];
  for (unsigned i = 0; i < 4; ++i)
    row[i] = *reinterpret_cast<const LooseWord*>(frames[i]);
  const Word even01 = __builtin_shufflevector(row[0], row[1], 0, 4, 2, 6);
  const Word odd01 = __builtin_shufflevector(row[0], row[1], 1, 5, 3, 7);
  const Word even23 = __builtin_shufflevector(row[2], row[3], 0, 4, 2, 6);
  const Word odd23 = __builtin_shufflevector(row[2], row[3], 1, 5, 3, 7);
  const Pair rest = load_pair(frames, sizeof(Word));
  return {{__builtin_shufflevector(even01, even23, 0, 1, 4, 5),
           __builtin_shufflevector(odd01, odd23, 0, 1, 4, 5),
           __builtin_shufflevector(even01, even23, 2, 3, 6, 7),
           __builtin_shufflevector(odd01, odd23, 2, 3, 6, 7), rest.even, rest.odd}};
}

Word swapped16(Word word) {
  return (word << 8 & 0xff00) | (word >> 8 & 0xff);
}

void store(Word word, std::uint64_t* at) {
  *reinterpret_cast<Word*>(at) = word;
}

std::uint64_t bits_of(Mask mask) {
  return static_cast<unsigned>(_mm256_movemask_pd(reinterpret_cast<__m256d>(mask)));
}

// In words so shifted, a MAC address has the upper six bytes.
Mask is_from_outside_to(const Columns& bytes, const Macs& macs) {
  const Word destination = bytes.at[0] << 16;
  const Word source = (bytes.at[0] >> 48 << 16) | bytes.at[1] << 32;
  return (destination == macs.cluster << 16) & (source != macs.cluster << 16) &
         (source != macs.host << 16);
}

// Type, version and header length at 12; more fragments, offset and protocol at 20. Numbers are
// small: compared as signed ones, for which there is an instruction.
Mask is_ipv4_segment(const Columns& bytes, Word sizes) {
  constexpr std::uint64_t kTypeBits = 0x00ff'ffff'0000'0000;
  constexpr std::uint64_t kType = 0x0045'0008'0000'0000;
  constexpr std::uint64_t kFragmentBits = 0xff00'ff3f'0000'0000;
  constexpr std::uint64_t kWholeTcp = 0x0600'0000'0000'0000;
  constexpr std::int64_t kHeader = 20;  // of IPv4, and the least of TCP
  const Mask packet = Mask(swapped16(bytes.at[2]));
  const Mask header = Mask(bytes.at[5] >> 50 & 0x3c);  // upper half of byte 46, times four
  return ((bytes.at[1] & kTypeBits) == kType) & ((bytes.at[2] & kFragmentBits) == kWholeTcp) &
         (header >= kHeader) & (packet >= header + kHeader) & (Mask(sizes) >= packet + 14);
}

void store_ipv4(const Columns& bytes, Segments& segments, std::size_t i) {
  store((bytes.at[3] >> 16 & 0xffff'ffff) | (bytes.at[4] >> 16 << 32), segments.sources + i);
  store(bytes.at[3] >> 48 | (bytes.at[4] & 0xffff) << 16, segments.destinations + i);
}

// Type and version at 12.
Mask has_ipv6(const Columns& bytes) {
  constexpr std::uint64_t kTypeBits = 0x00f0'ffff'0000'0000;
  constexpr std::uint64_t kType = 0x0060'dd86'0000'0000;
  return (bytes.at[1] & kTypeBits) == kType;
}

// Next header at 20.
Mask is_ipv6_segment(const Columns& bytes, Word sizes) {
  constexpr std::uint64_t kNextBits = 0x0000'00ff'0000'0000;
  constexpr std::uint64_t kTcp = 0x0000'0006'0000'0000;
  const Mask payload = Mask(swapped16(bytes.at[2] >> 16));
  return ((bytes.at[2] & kNextBits) == kTcp) & (payload >= 20) & (Mask(sizes) >= payload + 54);
}

// What lies in column and next, from six bytes on.
Word straddling(Word column, Word next) {
  return column >> 48 | next << 16;
}

/// Of those in `mask`.
void store_ipv6(Mask mask, const Columns& bytes, const Frames& frames, Segments& segments,
                std::size_t i) {
  static constexpr std::uint8_t kNothing[kShortestIpv6] = {};
  const std::uint8_t* at[kStep];
  for (std::size_t k = 0; k < kStep; ++k)
    at[k] = frames.sizes[i + k] >= kShortestIpv6 ? frames.at[i + k] : kNothing;
  const Pair last = load_pair(at, 48);
  for (const std::uint8_t* frame : at)
    _mm_prefetch(frame + kIpv6DataOffset, _MM_HINT_T0);
  const auto store_some = [mask, i](Word word, std::uint64_t* all) {
    store(mask ? word : *reinterpret_cast<const Word*>(all + i), all + i);
  };
  store_some(straddling(bytes.at[2], bytes.at[3]), segments.sources);
  store(straddling(bytes.at[3], bytes.at[4]), segments.lower_sources + i);
  store_some(straddling(bytes.at[4], bytes.at[5]), segments.destinations);
  store(straddling(bytes.at[5], last.even), segments.lower_destinations + i);
  store(straddling(last.even, last.odd) & 0xffff'ffff, segments.ports + i);
}

}  // namespace

Found read_segments_avx2(const Frames& frames, const Macs& macs, Segments& segments) noexcept {
  Found found;
  for (std::size_t i = 0; i < frames.count; i += kStep) {
    const Columns bytes = load(frames.at + i);
    const Word sizes = *reinterpret_cast<const Word*>(frames.sizes + i);
    const Mask is_for_us = is_from_outside_to(bytes, macs);
    found.ipv4 |= bits_of(is_for_us & is_ipv4_segment(bytes, sizes)) << i;
    store_ipv4(bytes, segments, i);
    const Mask is_ipv6 = is_for_us & has_ipv6(bytes);
    if (bits_of(is_ipv6) == 0) continue;
    found.ipv6 |= bits_of(is_ipv6 & is_ipv6_segment(bytes, sizes)) << i;
    store_ipv6(is_ipv6, bytes, frames, segments, i);
  }
  return found;
}

}  // namespace covey::forwarding::lanes
