// SPDX-License-Identifier: BSD-3-Clause
#include "flow/bucket_counts.h"

namespace covey::flow {

BucketCounts::BucketCounts(const std::vector<std::uint32_t>& class_sizes, bool complete)
    : complete_(complete) {
  class_starts_.reserve(class_sizes.size() + 1);
  std::size_t total = 0;
  for (const std::uint32_t size : class_sizes) {
    class_starts_.push_back(total);
    total += size;
  }
  class_starts_.push_back(total);
  counts_ = std::make_unique<Count[]>(total);
}

std::uint64_t BucketCounts::live_in_class(base::ClassIndex map_class) const noexcept {
  if (map_class.value + std::size_t{1} >= class_starts_.size()) return 0;
  std::uint64_t total = 0;
  for (std::size_t at = class_starts_[map_class.value]; at < class_starts_[map_class.value + 1];
       ++at)
    total += counts_[at].live.read();
  return total;
}

std::size_t BucketCounts::memory_bytes() const noexcept {
  return class_starts_.capacity() * sizeof(class_starts_.front()) +
         class_starts_.back() * sizeof(Count);
}

}  // namespace covey::flow
