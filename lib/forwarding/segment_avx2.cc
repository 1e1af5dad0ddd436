// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/segment_reader.h"

namespace covey::forwarding::lanes {
namespace {

struct FourLanes {
  static constexpr std::size_t kWidth = 4;
  using Word [[gnu::vector_size(32)]] = std::uint64_t;
  using Mask [[gnu::vector_size(32)]] = std::int64_t;

  static Word every_other_half(const std::uint8_t* const* frames, std::size_t offset) {
    const auto half = [&](std::size_t i) {
      return *reinterpret_cast<const LooseHalf*>(frames[i] + offset);
    };
    return __builtin_shufflevector(half(0), half(2), 0, 1, 2, 3);
  }
  static Word lower_words(Word one, Word other) {
    return __builtin_shufflevector(one, other, 0, 4, 2, 6);
  }
  static Word upper_words(Word one, Word other) {
    return __builtin_shufflevector(one, other, 1, 5, 3, 7);
  }
  static Mask are_equal(Word one, Word other) { return one == other; }
  static Mask differ(Word one, Word other) { return one != other; }
  static Mask are_at_least(Word one, Word other) { return Mask(one) >= Mask(other); }
  static std::uint64_t bits_of(Mask mask) {
    return static_cast<unsigned>(_mm256_movemask_pd(reinterpret_cast<__m256d>(mask)));
  }
  static void store_some(Mask mask, Word word, std::uint64_t* at) {
    Word& known = *reinterpret_cast<Word*>(at);
    known = mask ? word : known;
  }
};

}  // namespace

Found read_segments_avx2(const Arrivals& arrivals, const Ahead& ahead, const Macs& macs,
                         Segments& segments) noexcept {
  return SegmentReader<FourLanes>::read(arrivals, ahead, macs, segments);
}

}  // namespace covey::forwarding::lanes
