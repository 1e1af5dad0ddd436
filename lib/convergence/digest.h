// SPDX-License-Identifier: BSD-3-Clause
// Digests by which hosts compare what they know without sending it: bitmaps, sequences of words.
//
// Owner: convergence. Thread: any; pure. SipHash-1-3 under a key of zeros over little-endian words:
// the same on every architecture. Not a defence against forgery (heartbeats are sealed): only
// against hosts deciding from different inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "bucket/bitmap.h"
#include "bucket/sip_words.h"

namespace covey::convergence {

class Digester {
 public:
  void add(std::uint64_t word) { words_.add(word); }
  [[nodiscard]] std::uint64_t finish() const { return words_.finish(); }

 private:
  bucket::SipWords words_{bucket::SipKey{}};
};

[[nodiscard]] std::uint64_t digest_of(const bucket::Bitmap& bitmap);
[[nodiscard]] std::uint64_t digest_of(const std::vector<bucket::Bitmap>& bitmaps);

/// Word-wise helpers on bitmaps of equal size.
[[nodiscard]] bucket::Bitmap united(const bucket::Bitmap& a, const bucket::Bitmap& b);
[[nodiscard]] bucket::Bitmap without(const bucket::Bitmap& a, const bucket::Bitmap& b);
[[nodiscard]] bucket::Bitmap intersection(const bucket::Bitmap& a, const bucket::Bitmap& b);
[[nodiscard]] bucket::Bitmap all_buckets(std::uint32_t buckets);
[[nodiscard]] bool all_none(const std::vector<bucket::Bitmap>& bitmaps);
[[nodiscard]] std::uint32_t total_count(const std::vector<bucket::Bitmap>& bitmaps);

}  // namespace covey::convergence
