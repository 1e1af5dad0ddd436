// SPDX-License-Identifier: BSD-3-Clause
// Bitmap: one bit per bucket of a class, as hosts claim and exchange them.
//
// Owner: bucket. Thread: any; plain values. Bit b lives in word b/64 at position b%64; unused high bits of the last
// word are always zero, so that comparison and digests are exact.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace covey::bucket {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::uint32_t bits) : bits_(bits), words_((bits + 63U) / 64U, 0) {}

  [[nodiscard]] std::uint32_t size() const { return bits_; }
  [[nodiscard]] bool test(base::BucketIndex b) const {
    return b.value < bits_ && ((words_[b.value / 64] >> (b.value % 64)) & 1U) != 0;
  }
  void set(base::BucketIndex b) { words_[b.value / 64] |= std::uint64_t{1} << (b.value % 64); }
  void reset(base::BucketIndex b) { words_[b.value / 64] &= ~(std::uint64_t{1} << (b.value % 64)); }
  [[nodiscard]] std::uint32_t count() const {
    std::uint32_t total = 0;
    for (const std::uint64_t word : words_) total += static_cast<std::uint32_t>(std::popcount(word));
    return total;
  }
  [[nodiscard]] bool none() const {
    for (const std::uint64_t word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }
  [[nodiscard]] std::vector<std::uint64_t>& words() { return words_; }
  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  std::uint32_t bits_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace covey::bucket
