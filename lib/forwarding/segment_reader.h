// SPDX-License-Identifier: BSD-3-Clause
// The body of segment_avx2.cc and segment_avx512.cc, which differ in the width of the registers.
//
// Owner: forwarding, internal. Thread: any; pure. As siphash_lanes.h: everything here has internal
// linkage and calls nothing from elsewhere.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "forwarding/segment_lanes.h"

namespace covey::forwarding::lanes {
namespace {

using LooseHalf [[gnu::vector_size(16), gnu::aligned(1), gnu::may_alias]] = std::uint64_t;

/// `Lanes` has kWidth, the types Word (a number of each of as many frames) and Mask (which of
/// them), and what is not said alike for both widths.
template <typename Lanes>
class SegmentReader {
 public:
  static Found read(const Arrivals& arrivals, Ahead ahead, Macs macs, Segments& segments) noexcept {
    Frames frames;
    line_up(arrivals, frames);
    Found found;
    for (std::size_t i = 0; i < arrivals.count; i += kWidth) {
      fetch<kWidth>(ahead, Pass::reading, i);
      const Columns bytes = load(frames.at + i);
      const Word sizes = *reinterpret_cast<const Word*>(frames.sizes + i);
      const Mask is_from_outside = are_from_outside(bytes, macs);
      const Word elsewhere = (bytes.at[0] ^ all(macs.cluster)) << 16;  // 0: to the cluster MAC
      const Mask is_ipv4 = both(is_from_outside, are_ipv4_segments(elsewhere, bytes, sizes));
      found.ipv4 |= Lanes::bits_of(is_ipv4) << i;
      store_ipv4(bytes, segments, i);
      const Mask is_ipv6 = both(is_from_outside, have_ipv6(elsewhere, bytes));
      if (Lanes::bits_of(is_ipv6) == 0) continue;
      const Further further = load_further(frames, i);
      const Mask is_segment = both(is_ipv6, are_ipv6_segments(bytes, further, sizes));
      found.ipv6 |= Lanes::bits_of(is_segment) << i;
      store_ipv6(is_ipv6, bytes, further, segments, i);
    }
    return found;
  }

 private:
  using Word = typename Lanes::Word;
  using Mask = typename Lanes::Mask;
  static constexpr std::size_t kWidth = Lanes::kWidth;

  /// Bytes of frames as little-endian words: column k holds bytes 8k to 8k + 7.
  struct Columns {
    Word at[6];
  };
  struct Pair {
    Word even;
    Word odd;
  };
  /// Of a segment of IPv6.
  struct Further {
    Pair at48;
    Word at66;
  };

  /// Frames that are too short become others, up to a whole step.
  static void line_up(const Arrivals& arrivals, Frames& frames) {
    static constexpr std::uint8_t kNothing[kShortestSegment] = {};
    static_assert(kMostStep % kWidth == 0);
    for (std::size_t i = 0; i < arrivals.count; ++i) {
      const Bytes& frame = arrivals.frames[i];
      frames.at[i] = frame.size >= kShortestSegment ? frame.at : kNothing;
      frames.sizes[i] = frame.size;
    }
    for (std::size_t i = arrivals.count; i % kWidth != 0; ++i) {
      frames.at[i] = kNothing;
      frames.sizes[i] = 0;
    }
  }

  static Word all(std::uint64_t value) { return Word{} + value; }
  static Mask both(Mask one, Mask other) { return static_cast<Mask>(one & other); }
  template <typename... Masks>
  static Mask both(Mask one, Mask other, Masks... more) {
    return both(both(one, other), more...);
  }

  /// The 16 bytes at `offset`.
  static Pair load_pair(const std::uint8_t* const* frames, std::size_t offset) {
    const Word of_even_frames = Lanes::every_other_half(frames, offset);
    const Word of_odd_frames = Lanes::every_other_half(frames + 1, offset);
    return {Lanes::lower_words(of_even_frames, of_odd_frames),
            Lanes::upper_words(of_even_frames, of_odd_frames)};
  }

  static Columns load(const std::uint8_t* const* frames) {
    const Pair first = load_pair(frames, 0);
    const Pair second = load_pair(frames, 16);
    const Pair third = load_pair(frames, 32);
    return {{first.even, first.odd, second.even, second.odd, third.even, third.odd}};
  }

  static Further load_further(const Frames& frames, std::size_t i) {
    static constexpr std::uint8_t kNothing[kShortestIpv6] = {};
    const std::uint8_t* at[kWidth];
    for (std::size_t k = 0; k < kWidth; ++k)
      at[k] = frames.sizes[i + k] >= kShortestIpv6 ? frames.at[i + k] : kNothing;
    return {load_pair(at, 48), load_pair(at, 58).odd};
  }

  static Word swapped16(Word word) { return (word << 8 & 0xff00) | (word >> 8 & 0xff); }

  static void store(Word word, std::uint64_t* at) { *reinterpret_cast<Word*>(at) = word; }

  // In words so shifted, a MAC address has the upper six bytes.
  static Mask are_from_outside(const Columns& bytes, const Macs& macs) {
    const Word source = (bytes.at[0] >> 48 << 16) | bytes.at[1] << 32;
    return both(Lanes::differ(source, all(macs.cluster << 16)),
                Lanes::differ(source, all(macs.host << 16)));
  }

  /// Bits that are not as wanted.
  static Word wrong(Word word, std::uint64_t bits, std::uint64_t wanted) {
    return (word & all(bits)) ^ all(wanted);
  }

  // Type, version and header length at 12; more fragments, offset and protocol at 20. Numbers are
  // small: compared as signed ones, for which AVX2 has an instruction.
  static Mask are_ipv4_segments(Word elsewhere, const Columns& bytes, Word sizes) {
    constexpr std::uint64_t kTypeBits = 0x00ff'ffff'0000'0000;
    constexpr std::uint64_t kType = 0x0045'0008'0000'0000;
    constexpr std::uint64_t kFragmentBits = 0xff00'ff3f'0000'0000;
    constexpr std::uint64_t kWholeTcp = 0x0600'0000'0000'0000;
    constexpr std::uint64_t kHeader = 20;  // of IPv4, and the least of TCP
    const Word packet = swapped16(bytes.at[2]);
    const Word header = bytes.at[5] >> 50 & 0x3c;  // upper half of byte 46, times four
    const Word other = elsewhere | wrong(bytes.at[1], kTypeBits, kType) |
                       wrong(bytes.at[2], kFragmentBits, kWholeTcp);
    return both(Lanes::are_equal(other, Word{}), Lanes::are_at_least(header, all(kHeader)),
                Lanes::are_at_least(packet, header + kHeader),
                Lanes::are_at_least(sizes, packet + 14));
  }

  static void store_ipv4(const Columns& bytes, Segments& segments, std::size_t i) {
    store((bytes.at[3] >> 16 & 0xffff'ffff) | (bytes.at[4] >> 16 << 32), segments.sources + i);
    store(bytes.at[3] >> 48 | (bytes.at[4] & 0xffff) << 16, segments.destinations + i);
  }

  // Type and version at 12.
  static Mask have_ipv6(Word elsewhere, const Columns& bytes) {
    constexpr std::uint64_t kTypeBits = 0x00f0'ffff'0000'0000;
    constexpr std::uint64_t kType = 0x0060'dd86'0000'0000;
    return Lanes::are_equal(elsewhere | wrong(bytes.at[1], kTypeBits, kType), Word{});
  }

  // Next header at 20, length of the TCP header in the upper half of byte 66, times four.
  static Mask are_ipv6_segments(const Columns& bytes, const Further& further, Word sizes) {
    constexpr std::uint64_t kNextBits = 0x0000'00ff'0000'0000;
    constexpr std::uint64_t kTcp = 0x0000'0006'0000'0000;
    const Word payload = swapped16(bytes.at[2] >> 16);
    const Word header = further.at66 >> 2 & 0x3c;
    return both(Lanes::are_equal(bytes.at[2] & kNextBits, all(kTcp)),
                Lanes::are_at_least(header, all(20)), Lanes::are_at_least(payload, header),
                Lanes::are_at_least(sizes, payload + 54));
  }

  // What lies in column and next, from six bytes on.
  static Word straddling(Word column, Word next) { return column >> 48 | next << 16; }

  /// Of those in `mask`.
  static void store_ipv6(Mask mask, const Columns& bytes, const Further& further,
                         Segments& segments, std::size_t i) {
    const Pair& last = further.at48;
    Lanes::store_some(mask, straddling(bytes.at[2], bytes.at[3]), segments.sources + i);
    store(straddling(bytes.at[3], bytes.at[4]), segments.lower_sources + i);
    Lanes::store_some(mask, straddling(bytes.at[4], bytes.at[5]), segments.destinations + i);
    store(straddling(bytes.at[5], last.even), segments.lower_destinations + i);
    store(straddling(last.even, last.odd) & 0xffff'ffff, segments.ports + i);
  }
};

}  // namespace
}  // namespace covey::forwarding::lanes
