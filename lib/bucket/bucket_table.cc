// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/bucket_table.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "base/endian.h"

namespace covey::bucket {
namespace {

constexpr std::size_t kWordBits = 64;
// Looking further back would cost more than it saves: classes alike mostly follow one another.
constexpr std::size_t kMostCompared = 8;

/// Of eight states, the first one lowest, a bit each.
std::uint64_t foreign_of_eight(const std::uint8_t* states) {
  static_assert(BucketState::foreign == BucketState{0} && BucketState::own_dirty < BucketState{8});
  constexpr std::uint64_t kLowBits = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kGather = 0x0102'0408'1020'4080;  // bit 8k to bit 56 + k
  const std::uint64_t bytes = base::load_le64(states);
  const std::uint64_t others = (bytes | bytes >> 1U | bytes >> 2U) & kLowBits;
  return (others ^ kLowBits) * kGather >> 56U;
}

// Bits behind the last bucket are zero.
std::uint64_t foreign_word(std::span<const BucketState> states) {
  std::uint64_t word = 0;
  if (states.size() == kWordBits) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(states.data());
    for (std::size_t b = 0; b < kWordBits; b += 8)
      word |= foreign_of_eight(bytes + b) << b;
    return word;
  }
  for (std::size_t b = 0; b < states.size(); ++b)
    word |= std::uint64_t{states[b] == BucketState::foreign} << b;
  return word;
}

std::size_t words_of(std::uint32_t mask) {
  return mask / kWordBits + 1;
}

}  // namespace

void ClassTables::add(std::vector<BucketState> states, std::vector<base::HostId> owners) {
  COVEY_ASSERT(std::has_single_bit(states.size()));
  const Row row{static_cast<std::uint32_t>(states.size()) - 1,
                static_cast<std::uint32_t>(words_.size())};
  for (std::size_t b = 0; b < states.size(); b += kWordBits) {
    const std::span rest = std::span(states).subspan(b);
    words_.push_back(foreign_word(rest.first(std::min(kWordBits, rest.size()))));
  }
  const auto words = std::span(words_).subspan(row.start);
  const auto alike = std::ranges::find_if(latest_, [&](const Row& known) {
    return known.mask == row.mask &&
           std::ranges::equal(std::span(words_).subspan(known.start, words.size()), words);
  });
  if (alike != latest_.end()) {
    words_.resize(row.start);
    rows_.push_back(*alike);
  } else {
    if (latest_.size() == kMostCompared) latest_.erase(latest_.begin());
    latest_.push_back(row);
    rows_.push_back(row);
  }
  tables_.push_back({row.mask, std::move(states), std::move(owners)});
  find_run_of(rows_.size() - 1);
}

/// When that of the class before is known.
void ClassTables::find_run_of(std::size_t map_class) {
  runs_.resize(rows_.size());
  const bool goes_on = map_class > 0 && rows_[map_class] == rows_[map_class - 1];
  const auto first = static_cast<std::uint16_t>(map_class);
  runs_[map_class] = {goes_on ? runs_[map_class - 1].first : first, 0};
  runs_[runs_[map_class].first].end = static_cast<std::uint16_t>(map_class + 1);
}

void ClassTables::set_state(base::ClassIndex map_class, base::BucketIndex bucket,
                            BucketState state) {
  latest_.clear();  // rows that may change are not to be shared
  Row& row = rows_[map_class.value];
  if (std::ranges::count(rows_, row) > 1) {
    const auto start = static_cast<std::uint32_t>(words_.size());
    words_.resize(start + words_of(row.mask));
    std::copy_n(words_.begin() + row.start, words_of(row.mask), words_.begin() + start);
    row.start = start;
    for (std::size_t c = 0; c < rows_.size(); ++c)
      find_run_of(c);
  }
  tables_[map_class.value].states[bucket.value] = state;
  const std::uint64_t bit = std::uint64_t{1} << bucket.value % kWordBits;
  std::uint64_t& word = words_[row.start + bucket.value / kWordBits];
  word = state == BucketState::foreign ? word | bit : word & ~bit;
}

void ClassTables::set_owner(base::ClassIndex map_class, base::BucketIndex bucket,
                            base::HostId owner) {
  tables_[map_class.value].owners[bucket.value] = owner;
}

void ClassTables::check_invariants() const {
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    const std::vector<BucketState>& states = tables_[c].states;
    COVEY_ASSERT(rows_[c].mask == states.size() - 1 && tables_[c].owners.size() == states.size());
    const std::size_t first = runs_[c].first;
    const std::size_t end = runs_[first].end;
    COVEY_ASSERT(first <= c && c < end && rows_[first] == rows_[c]);
    COVEY_ASSERT(c + 1 == end || rows_[c + 1] == rows_[c]);
    COVEY_ASSERT(end == rows_.size() || rows_[end] != rows_[c]);
    for (std::size_t b = 0; b < states.size(); ++b) {
      const bool bit = (words_[rows_[c].start + b / kWordBits] >> b % kWordBits & 1U) != 0;
      COVEY_ASSERT(bit == (states[b] == BucketState::foreign));
    }
  }
}

}  // namespace covey::bucket
