// SPDX-License-Identifier: BSD-3-Clause
// BucketCounts: how many flows of a cache fell into each bucket, by the classes of one
// configuration.
//
// Owner: flow. Threads: written by the owner of the FlowCache that counts in it; live() and
// are_complete() may be called by any thread, a moment's value.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  /// `class_sizes[i]` is the bucket count of map class i. Not `complete`: the cache holds flows
  /// that are still to be counted here.
  BucketCounts(const std::vector<std::uint32_t>& class_sizes, bool complete);

  /// One flow more or less. A placement outside the class sizes is counted nowhere.
  void add(Placement placement, bool is_live) noexcept;
  void subtract_one(Placement placement, bool is_live) noexcept;

  /// Of the owner: whether any flow is counted there, also outside the class sizes, where nobody
  /// knows.
  [[nodiscard]] bool is_occupied(Placement placement) const noexcept {
    const std::size_t at = index(placement);
    return at == kOutside || (occupied_[at / 64] >> at % 64 & 1U) != 0;
  }
  /// Likewise, whether any flow is counted in the bucket of that number of any class: bit b % 64 of
  /// word b / 64, of kMaxBuckets. Most frames need to know no more, and all classes have it in one
  /// place, so that it stays in the nearest cache.
  [[nodiscard]] const std::uint64_t* occupied_in_any() const noexcept {
    return occupied_in_any_.data();
  }
  [[nodiscard]] std::size_t class_count() const noexcept { return classes_.size(); }
  /// Zero for a placement outside the class sizes.
  [[nodiscard]] std::uint32_t live(Placement placement) const noexcept {
    const std::size_t at = index(placement);
    return at != kOutside ? counts_[at].live.read() : 0;
  }
  /// Live flows of a class.
  [[nodiscard]] std::uint64_t live_in_class(base::ClassIndex map_class) const noexcept;
  [[nodiscard]] bool are_complete() const noexcept {
    return complete_.load(std::memory_order_acquire);
  }
  void complete() noexcept { complete_.store(true, std::memory_order_release); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Count {
    Counter<std::uint32_t> live, lingering;
  };
  /// Where a class lies in counts_; it begins with a word of occupied_.
  struct Class {
    std::size_t start = 0;
    std::uint32_t size = 0;
  };
  static constexpr std::size_t kOutside = ~std::size_t{0};

  [[nodiscard]] std::size_t index(Placement placement) const noexcept {
    if (placement.map_class.value >= classes_.size()) return kOutside;
    const Class& found = classes_[placement.map_class.value];
    return placement.bucket.value < found.size ? found.start + placement.bucket.value : kOutside;
  }

  std::vector<Class> classes_;
  std::size_t size_ = 0;  // of counts_
  std::unique_ptr<Count[]> counts_;
  std::vector<std::uint64_t> occupied_;
  std::vector<std::uint16_t> classes_in_;  // by bucket: those occupied there
  std::array<std::uint64_t, base::kMaxBuckets / 64> occupied_in_any_{};
  std::atomic<bool> complete_;
};

}  // namespace covey::flow
