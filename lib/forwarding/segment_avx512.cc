// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/segment_reader.h"

namespace covey::forwarding::lanes {
namespace {

struct EightLanes {
  static constexpr std::size_t kWidth = 8;
  using Word [[gnu::vector_size(64)]] = std::uint64_t;
  using Mask = __mmask8;

  static Word every_other_half(const std::uint8_t* const* frames, std::size_t offset) {
    const auto half = [&](std::size_t i) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(frames[i] + offset));
    };
    __m512i halves = _mm512_castsi128_si512(half(0));
    halves = _mm512_inserti64x2(halves, half(2), 1);
    halves = _mm512_inserti64x2(halves, half(4), 2);
    return Word(_mm512_inserti64x2(halves, half(6), 3));
  }
  static Word lower_words(Word one, Word other) {
    return Word(_mm512_unpacklo_epi64(__m512i(one), __m512i(other)));
  }
  static Word upper_words(Word one, Word other) {
    return Word(_mm512_unpackhi_epi64(__m512i(one), __m512i(other)));
  }
  static Mask are_equal(Word one, Word other) {
    return _mm512_cmpeq_epi64_mask(__m512i(one), __m512i(other));
  }
  static Mask differ(Word one, Word other) {
    return _mm512_cmpneq_epi64_mask(__m512i(one), __m512i(other));
  }
  static Mask are_at_least(Word one, Word other) {
    return _mm512_cmpge_epi64_mask(__m512i(one), __m512i(other));
  }
  static std::uint64_t bits_of(Mask mask) { return mask; }
  static void store_some(Mask mask, Word word, std::uint64_t* at) {
    _mm512_mask_store_epi64(at, mask, __m512i(word));
  }
};

}  // namespace

Found read_segments_avx512(const Arrivals& arrivals, const Ahead& ahead, const Macs& macs,
                           Segments& segments) noexcept {
  return SegmentReader<EightLanes>::read(arrivals, ahead, macs, segments);
}

}  // namespace covey::forwarding::lanes
