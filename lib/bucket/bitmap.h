// SPDX-License-Identifier: BSD-3-Clause
// Bitmap: one bit per bucket of a class, as hosts claim and exchange them.
//
// Owner: bucket. Thread: any; plain values. Bit b lives in word b/64 at position b%64; unused high
// bits of the last word are always zero, so that comparison and digests are exact. Who writes words
// that came from outside through words() calls clear_unused() afterwards.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/ids.h"

namespace covey::bucket {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::uint32_t bits) : bits_(bits), words_((bits + 63U) / 64U, 0) {}

  [[nodiscard]] std::uint32_t size() const { return bits_; }
  /// False for a bucket beyond the end.
  [[nodiscard]] bool test(base::BucketIndex b) const {
    return b.value < bits_ && ((words_[b.value / 64] >> (b.value % 64)) & 1U) != 0;
  }
  void set(base::BucketIndex b) {
    COVEY_ASSERT(b.value < bits_);
    words_[b.value / 64] |= std::uint64_t{1} << (b.value % 64);
  }
  void reset(base::BucketIndex b) {
    COVEY_ASSERT(b.value < bits_);
    words_[b.value / 64] &= ~(std::uint64_t{1} << (b.value % 64));
  }
  [[nodiscard]] std::uint32_t count() const {
    std::uint32_t total = 0;
    for (const std::uint64_t word : words_) {
      total += static_cast<std::uint32_t>(std::popcount(word));
    }
    return total;
  }
  [[nodiscard]] bool none() const {
    for (const std::uint64_t word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  /// Calls visit(BucketIndex) for each set bit in ascending order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t at = 0; at < words_.size(); ++at) {
      for (std::uint64_t rest = words_[at]; rest != 0; rest &= rest - 1) {
        visit(base::BucketIndex{at * 64U + static_cast<std::uint32_t>(std::countr_zero(rest))});
      }
    }
  }
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }
  [[nodiscard]] std::vector<std::uint64_t>& words() { return words_; }
  /// Restores the invariant after words() was filled from outside.
  void clear_unused() {
    if (bits_ % 64 != 0) words_.back() &= ~(~std::uint64_t{0} << (bits_ % 64));
  }
  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  std::uint32_t bits_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace covey::bucket
