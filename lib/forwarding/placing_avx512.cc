// SPDX-License-Identifier: BSD-3-Clause
#include <immintrin.h>

#include "forwarding/placing_lanes.h"

namespace covey::forwarding::lanes {
namespace {

constexpr std::size_t kWidth = 8;
constexpr std::uint64_t kIpv4 = 4;  // base::Family
constexpr std::uint64_t kIpv6 = 6;

// The last of the words that are hashed, see bucket::words_of(), without its ports.
constexpr std::uint64_t kIpv6Ending = std::uint64_t{16} << 56U;
constexpr std::uint64_t kIpv6PortsEnding = std::uint64_t{20} << 56U;
constexpr std::uint64_t kIpv6Words = 3;

using Word = __m512i;
using Mask = __mmask8;

Word all(std::uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}
Word load(const std::uint64_t* at) {
  return _mm512_load_si512(at);
}
/// words[index], where `mask` says so.
Word gather(Mask mask, Word index, const std::uint64_t* words) {
  return _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), mask, index, words, 8);
}
bool covers(Mask most, Mask some) {
  return (some & ~most) == 0;
}
/// The number in the first lane of `mask`.
std::uint64_t first_of(Word word, Mask mask) {
  const Word moved = _mm512_maskz_compress_epi64(mask, word);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(moved)));
}

/// Looks up virtual IPs. Mostly all frames of a burst are for the same, which is remembered.
template <std::uint64_t family>
class VirtualIps {
 public:
  explicit VirtualIps(const Rules& rules) : rules_(rules) {}

  /// Those of `some` that are one; `tables` has the tables of their ports.
  Mask find(Mask some, Word high, Word low, Word& tables) {
    const Mask same = _mm512_mask_cmpeq_epi64_mask(
        _mm512_mask_cmpeq_epi64_mask(is_known_, high, high_), low, low_);
    tables = table_;
    return covers(same, some) ? some : search(some, high, low, tables);
  }

 private:
  /// As Policy::find(): in each lane until the address or an empty slot is there.
  Mask search(Mask some, Word high, Word low, Word& tables) {
    Word sum = _mm512_mullo_epi64(high, all(kMixHigh));
    if (family == kIpv6) sum = _mm512_add_epi64(sum, _mm512_mullo_epi64(low, all(kMixLow)));
    Word slot = _mm512_srli_epi64(sum, kMixShift);
    Mask found = 0;
    for (Mask left = some; left != 0; slot = _mm512_add_epi64(slot, all(1))) {
      slot = _mm512_and_si512(slot, all(rules_.slot_mask));
      const Mask hit = family == kIpv4 ? look_brief(left, slot, high, tables)
                                       : look(left, slot, high, low, tables);
      found |= hit;
      left = _kandn_mask8(hit, left);
    }
    tables = _mm512_and_si512(tables, all(0xffff));
    if (found != 0) {
      is_known_ = 0xff;
      high_ = all(first_of(high, found));
      low_ = all(first_of(low, found));
      table_ = all(first_of(tables, found));
    }
    return found;
  }

  // Those of `left` whose address is in their slot, with its table; `left` loses those whose slot
  // is empty.
  Mask look_brief(Mask& left, Word slot, Word address, Word& tables) const {
    static_assert(kBriefSlotTable == kSlotTable);
    const Word brief = gather(left, slot, rules_.brief_slots);
    left = _mm512_mask_test_epi64_mask(left, brief, brief);
    const Mask hit = _mm512_mask_cmpeq_epi64_mask(
        left, _mm512_and_si512(brief, all(kBriefSlotAddress | kBriefSlotIpv4)),
        _mm512_or_si512(address, all(kBriefSlotIpv4)));
    tables = _mm512_mask_srli_epi64(tables, hit, brief, kBriefSlotTable);
    return hit;
  }
  Mask look(Mask& left, Word slot, Word high, Word low, Word& tables) const {
    static_assert(kSlotWords == 4);
    const Word at = _mm512_slli_epi64(slot, 2);
    const Word rest = gather(left, at, rules_.slots + kSlotRest);
    const Word its_family = _mm512_and_si512(rest, all(kSlotFamily));
    left = _mm512_mask_test_epi64_mask(left, its_family, its_family);
    Mask hit = _mm512_mask_cmpeq_epi64_mask(left, its_family, all(family));
    hit = _mm512_mask_cmpeq_epi64_mask(hit, high, gather(left, at, rules_.slots + kSlotHigh));
    hit = _mm512_mask_cmpeq_epi64_mask(hit, low, gather(left, at, rules_.slots + kSlotLow));
    tables = _mm512_mask_srli_epi64(tables, hit, rest, kSlotTable);
    return hit;
  }

  const Rules& rules_;
  Mask is_known_ = 0;
  Word high_ = _mm512_setzero_si512();
  Word low_ = _mm512_setzero_si512();
  Word table_ = _mm512_setzero_si512();
};

/// Positions of rules by ports as they lie in a packet, in the upper sixteen bits of words.
Mask positions_of(Mask some, Word tables, Word ports, const Rules& rules, Word& positions) {
  const Word swapped = _mm512_or_si512(_mm512_srli_epi64(ports, 56),
                                       _mm512_and_si512(_mm512_srli_epi64(ports, 40), all(0xff00)));
  const Word at = _mm512_or_si512(_mm512_slli_epi64(tables, kPortBits), swapped);
  const __m256i found =
      _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), some, at, rules.ports, 2);
  positions = _mm512_and_si512(_mm512_cvtepu32_epi64(found), all(0xffff));
  return _mm512_mask_cmplt_epu64_mask(some, positions, all(kLookCloser));
}

/// See Rules.
Word briefs_of(Mask some, Word positions, const Rules& rules) {
  return _mm512_cvtepu32_epi64(
      _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), some, positions, rules.briefs, 4));
}

/// Whether all numbers of `some` are the same.
bool is_one(Word word, Mask some) {
  return covers(_mm512_cmpeq_epi64_mask(word, all(first_of(word, some))), some);
}

/// Words of the kinds of rules. Mostly those of neighbouring frames are the same.
class KindWords {
 public:
  KindWords(Mask some, Word positions, const Rules& rules)
      : rules_(rules),
        some_(some),
        at_(_mm512_slli_epi64(_mm512_srli_epi64(briefs_of(some, positions, rules), kBriefKind), 3)),
        first_(rules.kinds + first_of(at_, some)),
        is_one_(is_one(at_, some)) {
    static_assert(kRuleWords == 8);
  }
  [[nodiscard]] Word operator[](std::size_t word) const {
    return is_one_ ? all(first_[word]) : gather(some_, at_, rules_.kinds + word);
  }

 private:
  const Rules& rules_;
  Mask some_;
  Word at_;
  const std::uint64_t* first_;
  bool is_one_;
};

/// Of IPv6: those whose header of TCP is whole.
Mask has_whole_header(Mask some, const std::uint64_t* frames) {
  const auto bytes_at = [&](std::size_t offset) {
    const Word at = _mm512_add_epi64(load(frames), all(offset));
    return _mm512_cvtepu32_epi64(
        _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), some, at, nullptr, 1));
  };
  constexpr std::size_t kLength = 18;  // of the payload, big-endian
  const Word length = bytes_at(kLength - 2);
  const Word payload = _mm512_or_si512(_mm512_srli_epi64(length, 24),
                                       _mm512_and_si512(_mm512_srli_epi64(length, 8), all(0xff00)));
  // Upper half of the third byte, times four.
  const Word header =
      _mm512_and_si512(_mm512_srli_epi64(bytes_at(kIpv6DataOffset - 2), 18), all(0x3c));
  return _mm512_mask_cmple_epu64_mask(_mm512_mask_cmpge_epu64_mask(some, header, all(20)), header,
                                      payload);
}

/// As the set of lengths that HashInputs::close() takes.
std::uint32_t lengths_of(Mask some, Word counts) {
  const Mask ones = _mm512_mask_cmpeq_epi64_mask(some, counts, all(1));
  return (ones != 0 ? 1U << 1U : 0U) | (ones != some ? 1U << 2U : 0U);
}

Mask part_of(std::uint64_t bits, std::size_t i) {
  return static_cast<Mask>(bits >> i);
}

}  // namespace

LookedUp look_up_ipv4_avx512(std::uint64_t segments, const Rules& rules, const Segments& read,
                             const Places& places) noexcept {
  LookedUp all_of_them;
  VirtualIps<kIpv4> virtual_ips(rules);
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    Mask some = part_of(segments, i);
    if (some == 0) continue;
    const Word source = load(read.sources + i);
    Word tables;
    some = virtual_ips.find(some, load(read.destinations + i), _mm512_setzero_si512(), tables);
    Word positions;
    some = positions_of(some, tables, source, rules, positions);
    if (some == 0) continue;
    const KindWords words(some, positions, rules);
    const Word first =
        _mm512_or_si512(_mm512_and_si512(source, words[kRuleIpv4]), words[kRuleIpv4 + 1]);
    const Word counts = words[kRuleIpv4 + 3];
    _mm512_mask_store_epi64(places.rules + i, some, positions);
    _mm512_mask_store_epi64(places.first + i, some, first);
    _mm512_mask_store_epi64(places.second + i, some, words[kRuleIpv4 + 2]);
    _mm512_mask_store_epi64(places.counts + i, some, counts);
    all_of_them.placeable |= std::uint64_t{some} << i;
    all_of_them.lengths |= lengths_of(some, counts);
  }
  return all_of_them;
}

LookedUp look_up_ipv6_avx512(std::uint64_t segments, const Rules& rules, const Frames& frames,
                             const Segments& read, const Places& places) noexcept {
  LookedUp all_of_them;
  VirtualIps<kIpv6> virtual_ips(rules);
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    Mask some = part_of(segments, i);
    if (some == 0) continue;
    const Word ports = load(read.ports + i);
    Word tables;
    some = virtual_ips.find(some, load(read.destinations + i), load(read.lower_destinations + i),
                            tables);
    Word positions;
    some = positions_of(some, tables, _mm512_slli_epi64(ports, 32), rules, positions);
    some = has_whole_header(some, reinterpret_cast<const std::uint64_t*>(frames.at + i));
    if (some == 0) continue;
    const KindWords words(some, positions, rules);
    const Mask with_ports =
        _mm512_test_epi64_mask(words[kRuleWithPorts], all(std::uint64_t{1} << kRuleWithPortsBit));
    const Word third =
        _mm512_mask_or_epi64(all(kIpv6Ending), with_ports, ports, all(kIpv6PortsEnding));
    _mm512_mask_store_epi64(places.rules + i, some, positions);
    _mm512_mask_store_epi64(places.first + i, some,
                            _mm512_and_si512(load(read.sources + i), words[kRuleIpv6High]));
    _mm512_mask_store_epi64(places.second + i, some,
                            _mm512_and_si512(load(read.lower_sources + i), words[kRuleIpv6Low]));
    _mm512_mask_store_epi64(places.third + i, some, third);
    _mm512_mask_store_epi64(places.counts + i, some, all(kIpv6Words));
    all_of_them.placeable |= std::uint64_t{some} << i;
    all_of_them.lengths = 1U << kIpv6Words;
  }
  return all_of_them;
}

std::uint64_t clean_avx512(std::uint64_t candidates, const Rules& rules,
                           const std::uint64_t* positions, const std::uint64_t* hashes,
                           const Buckets& buckets) noexcept {
  std::uint64_t clean = 0;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    const Mask some = part_of(candidates, i);
    if (some == 0) continue;
    const Word classes = _mm512_and_si512(briefs_of(some, load(positions + i), rules), all(0xffff));
    const Word rows = is_one(classes, some) ? all(buckets.rows[first_of(classes, some)])
                                            : gather(some, classes, buckets.rows);
    const Word bucket =
        _mm512_and_si512(_mm512_and_si512(load(hashes + i), rows), all(0xffff'ffff));
    const Word word = _mm512_srli_epi64(bucket, 6);
    const Word start = _mm512_srli_epi64(rows, 32);
    const Word foreign = gather(some, _mm512_add_epi64(start, word), buckets.foreign);
    const Word occupied = gather(some, word, buckets.occupied);
    const Word bit = _mm512_sllv_epi64(all(1), _mm512_and_si512(bucket, all(63)));
    const Mask found =
        _mm512_mask_test_epi64_mask(some, _mm512_andnot_si512(occupied, foreign), bit);
    clean |= std::uint64_t{found} << i;
  }
  return clean;
}

}  // namespace covey::forwarding::lanes
