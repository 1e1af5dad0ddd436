// SPDX-License-Identifier: BSD-3-Clause
#include "flow/bucket_counts.h"

#include <algorithm>

namespace covey::flow {

BucketCounts::BucketCounts(const std::vector<std::uint32_t>& class_sizes, bool complete)
    : complete_(complete) {
  classes_.reserve(class_sizes.size());
  for (const std::uint32_t size : class_sizes) {
    classes_.push_back({size_, size});
    size_ += (size + 63U) / 64U * 64U;
  }
  counts_ = std::make_unique<Count[]>(size_);
  occupied_.resize(size_ / 64);
  if (!class_sizes.empty()) classes_in_.resize(*std::ranges::max_element(class_sizes));
}

void BucketCounts::add(Placement placement, bool is_live) noexcept {
  const std::size_t at = index(placement);
  if (at == kOutside) return;
  Count& count = counts_[at];
  (is_live ? count.live : count.lingering).add(1);
  std::uint64_t& word = occupied_[at / 64];
  const std::uint64_t bit = std::uint64_t{1} << at % 64;
  if ((word & bit) != 0) return;
  word |= bit;
  const std::uint32_t bucket = placement.bucket.value;
  ++classes_in_[bucket];
  occupied_in_any_[bucket / 64] |= std::uint64_t{1} << bucket % 64;
}

void BucketCounts::subtract_one(Placement placement, bool is_live) noexcept {
  const std::size_t at = index(placement);
  if (at == kOutside) return;
  Count& count = counts_[at];
  (is_live ? count.live : count.lingering).subtract_one();
  const bool is_empty = (count.live.read() | count.lingering.read()) == 0;
  if (!is_empty) return;
  occupied_[at / 64] &= ~(std::uint64_t{1} << at % 64);
  const std::uint32_t bucket = placement.bucket.value;
  if (--classes_in_[bucket] == 0)
    occupied_in_any_[bucket / 64] &= ~(std::uint64_t{1} << bucket % 64);
}

std::uint64_t BucketCounts::live_in_class(base::ClassIndex map_class) const noexcept {
  if (map_class.value >= classes_.size()) return 0;
  const Class& found = classes_[map_class.value];
  std::uint64_t total = 0;
  for (std::size_t at = found.start; at < found.start + found.size; ++at)
    total += counts_[at].live.read();
  return total;
}

std::size_t BucketCounts::memory_bytes() const noexcept {
  return sizeof(*this) + classes_.capacity() * sizeof(Class) + size_ * sizeof(Count) + size_ / 8 +
         classes_in_.capacity() * sizeof(std::uint16_t);
}

}  // namespace covey::flow
