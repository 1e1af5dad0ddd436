// SPDX-License-Identifier: BSD-3-Clause
// BucketCounts: how many flows of a cache fell into each bucket, by the classes of one
// configuration.
//
// Owner: flow. Threads: written by the owner of the FlowCache that counts in it; live() and
// are_complete() may be called by any thread, a moment's value.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace covey::flow {

/// Written by the owner alone, so that plain loads and stores suffice; read by any thread.
template <typename Integer>
class Counter {
 public:
  void add(Integer amount) noexcept { value_.store(read() + amount, std::memory_order_relaxed); }
  void subtract_one() noexcept { value_.store(read() - 1, std::memory_order_relaxed); }
  [[nodiscard]] Integer read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Integer> value_{0};
};

/// Where a flow falls, so that residual buckets can be told.
struct Placement {
  base::ClassIndex map_class;
  base::BucketIndex bucket;
  friend bool operator==(const Placement&, const Placement&) = default;
};

class BucketCounts {
 public:
  struct Count {
    Counter<std::uint32_t> live, lingering;
  };

  /// `class_sizes[i]` is the bucket count of map class i. Not `complete`: the cache holds flows
  /// that are still to be counted here.
  BucketCounts(const std::vector<std::uint32_t>& class_sizes, bool complete);

  /// Null for a placement outside the class sizes.
  [[nodiscard]] Count* at(Placement placement) noexcept {
    return const_cast<Count*>(std::as_const(*this).at(placement));
  }
  [[nodiscard]] const Count* at(Placement placement) const noexcept {
    const std::size_t map_class = placement.map_class.value;
    if (map_class + 1 >= class_starts_.size()) return nullptr;
    const std::size_t at = class_starts_[map_class] + placement.bucket.value;
    return at < class_starts_[map_class + 1] ? &counts_[at] : nullptr;
  }
  /// Zero for a placement outside the class sizes.
  [[nodiscard]] std::uint32_t live(Placement placement) const noexcept {
    const Count* count = at(placement);
    return count != nullptr ? count->live.read() : 0;
  }
  /// Live flows of a class.
  [[nodiscard]] std::uint64_t live_in_class(base::ClassIndex map_class) const noexcept;
  [[nodiscard]] bool are_complete() const noexcept {
    return complete_.load(std::memory_order_acquire);
  }
  void complete() noexcept { complete_.store(true, std::memory_order_release); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  std::vector<std::size_t> class_starts_;  // where each class begins in counts_, and the end
  std::unique_ptr<Count[]> counts_;
  std::atomic<bool> complete_;
};

}  // namespace covey::flow
