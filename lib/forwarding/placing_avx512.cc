// SPDX-License-Identifier: BSD-3-Clause
#include <immintrin.h>

#include <array>
#include <bit>

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
/// numbers[index], where `mask` says so; numbers[0] elsewhere. Read one by one: the instruction
/// that gathers takes longer, on AMD's processors several times as long.
template <typename Number>
Word gather(Mask mask, Word index, const Number* numbers) {
  alignas(64) std::array<std::uint64_t, kWidth> at;
  _mm512_store_si512(at.data(), _mm512_maskz_mov_epi64(mask, index));
  const auto number = [&](std::size_t i) { return static_cast<long long>(numbers[at[i]]); };
  return _mm512_set_epi64(number(7), number(6), number(5), number(4), number(3), number(2),
                          number(1), number(0));
}
Word load(const std::uint32_t* at) {
  return _mm512_cvtepu32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(at)));
}
Mask part_of(std::uint64_t bits, std::size_t i) {
  return static_cast<Mask>(bits >> i);
}
bool covers(Mask most, Mask some) {
  return (some & ~most) == 0;
}
/// The number in the first lane of `mask`.
std::uint64_t first_of(Word word, Mask mask) {
  const Word moved = _mm512_maskz_compress_epi64(mask, word);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(moved)));
}

/// A number that neighbouring frames have in common, as they mostly do.
class Common {
 public:
  /// Whether it is that of all of `some`.
  bool is_in_all(Mask some, Word numbers) {
    if (covers(_mm512_cmpeq_epi64_mask(numbers, all(number_)), some)) return true;
    number_ = first_of(numbers, some);
    return covers(_mm512_cmpeq_epi64_mask(numbers, all(number_)), some);
  }
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  std::uint64_t number_ = 0;
};

/// Looks up virtual IPs. Mostly all frames of a burst are for the same, which is remembered.
template <std::uint64_t family>
class VirtualIps {
 public:
  explicit VirtualIps(const Rules& rules) : rules_(rules) {}

  /// Those of `some` that are one; `tables` has the tables of their ports.
  Mask find(Mask some, Word high, Word low, Word& tables) {
    Mask same = _mm512_mask_cmpeq_epi64_mask(is_known_, high, high_);
    if (family == kIpv6) same = _mm512_mask_cmpeq_epi64_mask(same, low, low_);
    tables = table_;
    return covers(same, some) ? some : search(some, high, low, tables);
  }

 private:
  /// As Policy::find(): in each lane until the address or an empty slot is there.
  Mask search(Mask some, Word high, Word low, Word& tables) {
    Word sum = _mm512_mullo_epi64(high, all(kMixHigh));
    if (family == kIpv6) sum = _mm512_add_epi64(sum, _mm512_mullo_epi64(low, all(kMixLow)));
    Word slot = _mm512_srli_epi64(sum, rules_.mix_shift);
    Mask found = 0;
    for (Mask left = some; left != 0; slot = _mm512_add_epi64(slot, all(1))) {
      slot = _mm512_and_si512(slot, all(rules_.slot_mask));
      const Mask hit = family == kIpv4 ? look_brief(left, slot, high, tables)
                                       : look(left, slot, high, low, tables);
      found |= hit;
      left = _kandn_mask8(hit, left);
    }
    tables = _mm512_and_si512(tables, all(0xffff));
    remember(found, high, low, tables);
    return found;
  }

  // That of the first lane, if it has one: it is at hand.
  void remember(Mask found, Word high, Word low, Word tables) {
    if ((found & 1U) == 0) return;
    is_known_ = 0xff;
    high_ = _mm512_broadcastq_epi64(_mm512_castsi512_si128(high));
    if (family == kIpv6) low_ = _mm512_broadcastq_epi64(_mm512_castsi512_si128(low));
    table_ = _mm512_broadcastq_epi64(_mm512_castsi512_si128(tables));
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

/// Where in Rules::ports the rule stands; `ports` as they lie in a packet, in the upper sixteen
/// bits of words.
Word places_of(Word tables, Word ports) {
  const Word swapped = _mm512_or_si512(_mm512_srli_epi64(ports, 56),
                                       _mm512_and_si512(_mm512_srli_epi64(ports, 40), all(0xff00)));
  return _mm512_or_si512(_mm512_slli_epi64(tables, kPortBits), swapped);
}

/// By position in a burst.
using Numbers = std::array<std::uint64_t, kMostFrames>;

/// What stands in Rules::ports for each segment, and the briefs of these rules. One by one: what is
/// read of one frame does not wait for that of another.
void look_up_rules(std::uint64_t segments, const Numbers& at, Ahead ahead, const Rules& rules,
                   const Places& places) {
  const std::uint16_t* const ports = rules.ports;
  const std::uint32_t* const briefs = rules.briefs;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    fetch<kWidth>(ahead, Pass::looking_up, i);
    const auto look_up = [&](std::size_t k) {
      const std::size_t position = ports[at[k]];
      places.rules[k] = position;
      places.briefs[k] = briefs[position & ~kLookCloser];
    };
    if (part_of(segments, i) == 0xff) [[likely]] {
#pragma GCC unroll 8
      for (std::size_t k = i; k < i + kWidth; ++k)
        look_up(k);
      continue;
    }
    for (unsigned left = part_of(segments, i); left != 0; left &= left - 1)
      look_up(i + static_cast<unsigned>(std::countr_zero(left)));
  }
}

/// Words of the kinds of rules.
class KindWords {
 public:
  explicit KindWords(const Rules& rules) : rules_(rules) { static_assert(kRuleWords == 8); }
  /// From now on those of `some`.
  void look_at(Mask some, Word briefs) {
    some_ = some;
    at_ = _mm512_slli_epi64(_mm512_srli_epi64(briefs, kBriefKind), 3);
    is_one_ = common_.is_in_all(some, at_);
  }
  [[nodiscard]] Word operator[](std::size_t word) const {
    return is_one_ ? all(rules_.kinds[common_.number() + word])
                   : gather(some_, at_, rules_.kinds + word);
  }

 private:
  const Rules& rules_;
  Common common_;
  Mask some_ = 0;
  Word at_ = _mm512_setzero_si512();
  bool is_one_ = false;
};

/// As the set of lengths that HashInputs::close() takes.
std::uint32_t lengths_of(Mask some, Word counts) {
  const Mask ones = _mm512_mask_cmpeq_epi64_mask(some, counts, all(1));
  return (ones != 0 ? 1U << 1U : 0U) | (ones != some ? 1U << 2U : 0U);
}

/// Of those the ones whose rule needs no closer look.
Mask placeable(Mask some, const std::uint64_t* rules) {
  return _mm512_mask_cmplt_epu64_mask(some, load(rules), all(kLookCloser));
}

std::size_t class_of(std::uint32_t brief) {
  return brief & 0xffff;
}
/// Whether the rules of all these frames are of classes that follow one another and share the row
/// of that one.
bool are_alike(std::size_t its_class, std::uint64_t which, const std::uint32_t* briefs,
               const std::uint32_t* runs) {
  constexpr std::size_t width = 16;
  const std::uint32_t first = runs[its_class] & 0xffffU;
  const std::uint32_t size = (runs[first] >> 16U) - first;
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < kMostFrames; i += width) {
    const Word classes =
        _mm512_and_si512(_mm512_loadu_si512(briefs + i), _mm512_set1_epi32(0xffff));
    const Word away = _mm512_sub_epi32(classes, _mm512_set1_epi32(static_cast<int>(first)));
    const Word most = _mm512_set1_epi32(static_cast<int>(size));
    found |= std::uint64_t{_mm512_cmplt_epu32_mask(away, most)} << i;
  }
  return (which & ~found) == 0;
}
/// The frames of a class with that row, which is that of all classes that are alike.
std::uint64_t with_row(std::uint64_t row, const Numbers& rows) {
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth)
    found |= std::uint64_t{_mm512_cmpeq_epi64_mask(load(rows.data() + i), all(row))} << i;
  return found;
}

/// Of a class, see Buckets.
struct ClassRow {
  explicit ClassRow(std::uint64_t word)
      : mask(static_cast<std::uint32_t>(word)), start(word >> 32U) {}
  std::uint32_t mask;
  std::size_t start;
};

/// A bit of each bucket of a class, in registers.
class BitTable {
 public:
  static constexpr std::uint32_t kBuckets = 4096;
  static constexpr std::size_t kFrames = 32;
  /// Of as many frames, a number each.
  using Buckets = __m512i;
  using Some = __mmask32;

  /// Which of those buckets have their bit.
  [[nodiscard]] Some test(Buckets buckets) const {
    const Word at = _mm512_srli_epi16(buckets, 4);
    const Some odd = _mm512_test_epi16_mask(buckets, _mm512_set1_epi16(1 << 10));
    const Some upper = _mm512_test_epi16_mask(buckets, _mm512_set1_epi16(1 << 11));
    const auto look = [&](std::size_t i) {
      return _mm512_permutex2var_epi16(words[i], at, words[i + 1]);
    };
    const Word lower_half = _mm512_mask_blend_epi16(odd, look(0), look(2));
    const Word upper_half = _mm512_mask_blend_epi16(odd, look(4), look(6));
    const Word bit =
        _mm512_sllv_epi16(_mm512_set1_epi16(1), _mm512_and_si512(buckets, _mm512_set1_epi16(15)));
    return _mm512_test_epi16_mask(_mm512_mask_blend_epi16(upper, lower_half, upper_half), bit);
  }

  static constexpr std::size_t kWords = kBuckets / 512;
  Word words[kWords];
};

struct BitTables {
  BitTable foreign;
  BitTable clean;  // foreign, and nothing is held there
};
BitTables tables_of(const ClassRow& row, const Buckets& buckets) {
  BitTables tables;
  const std::uint64_t words = (std::uint64_t{2} << (row.mask / 64)) - 1;  // which there are
  for (std::size_t i = 0; i < BitTable::kWords; ++i) {
    const Mask some = part_of(words, i * kWidth);
    const Word foreign = _mm512_maskz_loadu_epi64(some, buckets.foreign + row.start + i * kWidth);
    const Word occupied = _mm512_maskz_loadu_epi64(some, buckets.occupied + i * kWidth);
    tables.foreign.words[i] = foreign;
    tables.clean.words[i] = _mm512_andnot_si512(occupied, foreign);
  }
  return tables;
}

/// Of frames of one class that is small enough.
void look_up_in_registers(std::uint64_t which, std::uint64_t row_word, const std::uint64_t* hashes,
                          Ahead ahead, const Buckets& buckets, std::uint32_t* at, Parts& parts) {
  const ClassRow row(row_word);
  const BitTables tables = tables_of(row, buckets);
  for (std::size_t i = 0; i < kMostFrames; i += BitTable::kFrames) {
    __m128i numbers[BitTable::kFrames / kWidth];
    for (std::size_t k = 0; k < std::size(numbers); ++k) {
      const std::size_t from = i + k * kWidth;
      fetch<kWidth>(ahead, Pass::parting, from);
      const Word bucket = _mm512_and_si512(load(hashes + from), all(row.mask));
      numbers[k] = _mm512_cvtepi64_epi16(bucket);
      _mm256_mask_storeu_epi32(at + from, part_of(which, from), _mm512_cvtepi64_epi32(bucket));
    }
    Word bucket = _mm512_castsi128_si512(numbers[0]);
    bucket = _mm512_inserti32x4(bucket, numbers[1], 1);
    bucket = _mm512_inserti32x4(bucket, numbers[2], 2);
    bucket = _mm512_inserti32x4(bucket, numbers[3], 3);
    const auto some = static_cast<BitTable::Some>(which >> i);
    const BitTable::Some none = tables.clean.test(bucket) & some;
    parts.none |= std::uint64_t{none} << i;
    if (none != some) parts.some |= std::uint64_t{some & ~tables.foreign.test(bucket)} << i;
  }
}

void look_up_in_memory(std::uint64_t which, const Numbers& rows, const std::uint64_t* hashes,
                       const Buckets& buckets, std::uint32_t* at, Parts& parts) {
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    const Mask some = part_of(which, i);
    if (some == 0) continue;
    const Word row = load(rows.data() + i);
    const Word bucket = _mm512_and_si512(_mm512_and_si512(load(hashes + i), row), all(0xffff'ffff));
    const Word word = _mm512_srli_epi64(bucket, 6);
    const Word start = _mm512_srli_epi64(row, 32);
    const Word foreign = gather(some, _mm512_add_epi64(start, word), buckets.foreign);
    const Word occupied = gather(some, word, buckets.occupied);
    const Word bit = _mm512_sllv_epi64(all(1), _mm512_and_si512(bucket, all(63)));
    const Mask none =
        _mm512_mask_test_epi64_mask(some, _mm512_andnot_si512(occupied, foreign), bit);
    parts.none |= std::uint64_t{none} << i;
    parts.some |= std::uint64_t{_mm512_mask_testn_epi64_mask(some, foreign, bit)} << i;
    _mm256_mask_storeu_epi32(at + i, some, _mm512_cvtepi64_epi32(bucket));
  }
}

}  // namespace

LookedUp look_up_ipv4_avx512(const Unplaced& segments, const Ahead& ahead, const Rules& rules,
                             const Places& places) noexcept {
  const Segments& read = segments.read;
  alignas(64) Numbers at;
  VirtualIps<kIpv4> virtual_ips(rules);
  std::uint64_t known = 0;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    Mask some = part_of(segments.which, i);
    if (some == 0) continue;
    Word tables;
    some = virtual_ips.find(some, load(read.destinations + i), _mm512_setzero_si512(), tables);
    _mm512_store_si512(at.data() + i, places_of(tables, load(read.sources + i)));
    known |= std::uint64_t{some} << i;
  }
  look_up_rules(known, at, ahead, rules, places);

  LookedUp found;
  KindWords words(rules);
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    fetch<kWidth>(ahead, Pass::hashing, i);
    const Mask some = placeable(part_of(known, i), places.rules + i);
    if (some == 0) continue;
    found.placeable |= std::uint64_t{some} << i;
    words.look_at(some, load(places.briefs + i));
    const Word first = _mm512_or_si512(_mm512_and_si512(load(read.sources + i), words[kRuleIpv4]),
                                       words[kRuleIpv4 + 1]);
    const Word counts = words[kRuleIpv4 + 3];
    _mm512_mask_store_epi64(places.first + i, some, first);
    _mm512_mask_store_epi64(places.second + i, some, words[kRuleIpv4 + 2]);
    _mm512_mask_store_epi64(places.counts + i, some, counts);
    found.lengths |= lengths_of(some, counts);
  }
  return found;
}

LookedUp look_up_ipv6_avx512(const Unplaced& segments, const Ahead& ahead, const Rules& rules,
                             const Places& places) noexcept {
  const Segments& read = segments.read;
  alignas(64) Numbers at;
  VirtualIps<kIpv6> virtual_ips(rules);
  std::uint64_t known = 0;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    Mask some = part_of(segments.which, i);
    if (some == 0) continue;
    Word tables;
    some = virtual_ips.find(some, load(read.destinations + i), load(read.lower_destinations + i),
                            tables);
    const Word ports = _mm512_slli_epi64(load(read.ports + i), 32);
    _mm512_store_si512(at.data() + i, places_of(tables, ports));
    known |= std::uint64_t{some} << i;
  }
  look_up_rules(known, at, ahead, rules, places);

  LookedUp found;
  KindWords words(rules);
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    fetch<kWidth>(ahead, Pass::hashing, i);
    const Mask some = placeable(part_of(known, i), places.rules + i);
    if (some == 0) continue;
    found.placeable |= std::uint64_t{some} << i;
    words.look_at(some, load(places.briefs + i));
    const Mask with_ports =
        _mm512_test_epi64_mask(words[kRuleWithPorts], all(std::uint64_t{1} << kRuleWithPortsBit));
    const Word third = _mm512_mask_or_epi64(all(kIpv6Ending), with_ports, load(read.ports + i),
                                            all(kIpv6PortsEnding));
    _mm512_mask_store_epi64(places.first + i, some,
                            _mm512_and_si512(load(read.sources + i), words[kRuleIpv6High]));
    _mm512_mask_store_epi64(places.second + i, some,
                            _mm512_and_si512(load(read.lower_sources + i), words[kRuleIpv6Low]));
    _mm512_mask_store_epi64(places.third + i, some, third);
    _mm512_mask_store_epi64(places.counts + i, some, all(kIpv6Words));
    found.lengths = 1U << kIpv6Words;
  }
  return found;
}

Parts parts_avx512(const Candidates& candidates, const Ahead& ahead, const Buckets& buckets,
                   std::uint32_t* at) noexcept {
  const std::uint32_t* const briefs = candidates.briefs;
  Parts parts;
  std::uint64_t left = candidates.which;
  if (left == 0) return parts;
  const std::size_t first_class = class_of(briefs[std::countr_zero(left)]);
  const std::uint64_t first_row = buckets.rows[first_class];
  const bool is_small = static_cast<std::uint32_t>(first_row) < BitTable::kBuckets;
  if (is_small && are_alike(first_class, left, briefs, buckets.runs)) [[likely]] {
    look_up_in_registers(left, first_row, candidates.hashes, ahead, buckets, at, parts);
    return parts;
  }
  alignas(64) Numbers rows;
  for (std::size_t i = 0; i < kMostFrames; i += kWidth) {
    const Word classes = _mm512_and_si512(load(briefs + i), all(0xffff));
    _mm512_store_si512(rows.data() + i, gather(part_of(left, i), classes, buckets.rows));
  }
  // Most classes are alike, or there are few kinds.
  constexpr unsigned most_tables = 2;
  for (unsigned turn = 0; turn < most_tables && left != 0; ++turn) {
    const std::uint64_t row = rows[static_cast<unsigned>(std::countr_zero(left))];
    if (static_cast<std::uint32_t>(row) >= BitTable::kBuckets) break;
    const std::uint64_t alike = with_row(row, rows) & left;
    look_up_in_registers(alike, row, candidates.hashes, ahead, buckets, at, parts);
    left ^= alike;
  }
  if (left != 0) look_up_in_memory(left, rows, candidates.hashes, buckets, at, parts);
  return parts;
}

}  // namespace covey::forwarding::lanes
