// SPDX-License-Identifier: BSD-3-Clause
// SipWords: SipHash-1-3 of whole words that come one after the other.
//
// Owner: bucket. Thread: any; a plain value. The same number as siphash13() gives for the bytes of
// the words, little-endian, without a place where they lie together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bucket/siphash.h"

namespace covey::bucket {

class SipWords {
 public:
  constexpr explicit SipWords(const SipKey& key) : state_(key) {}
  constexpr void add(std::uint64_t word) {
    state_.absorb(word);
    ++count_;
  }
  /// Of the words so far.
  [[nodiscard]] constexpr std::uint64_t finish() const {
    detail::SipState<1, 3> last = state_;
    last.absorb(detail::last_word(0, count_ * 8));
    return last.finish();
  }

 private:
  detail::SipState<1, 3> state_;
  std::size_t count_ = 0;
};

}  // namespace covey::bucket
