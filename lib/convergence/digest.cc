// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/digest.h"

#include "base/assert.h"

namespace covey::convergence {

namespace {

void add_bitmap(Digester& digester, const bucket::Bitmap& bitmap) {
  digester.add(bitmap.size());
  for (const std::uint64_t word : bitmap.words())
    digester.add(word);
}

template <typename Combine>
bucket::Bitmap combined(const bucket::Bitmap& a, const bucket::Bitmap& b, Combine&& combine) {
  COVEY_ASSERT(a.size() == b.size());
  bucket::Bitmap result = a;
  for (std::size_t at = 0; at < result.words().size(); ++at) {
    result.words()[at] = combine(a.words()[at], b.words()[at]);
  }
  return result;
}

}  // namespace

std::uint64_t digest_of(const bucket::Bitmap& bitmap) {
  Digester digester;
  add_bitmap(digester, bitmap);
  return digester.finish();
}

std::uint64_t digest_of(const std::vector<bucket::Bitmap>& bitmaps) {
  Digester digester;
  for (const bucket::Bitmap& bitmap : bitmaps)
    add_bitmap(digester, bitmap);
  return digester.finish();
}

bucket::Bitmap all_buckets(std::uint32_t buckets) {
  bucket::Bitmap all(buckets);
  for (std::uint64_t& word : all.words())
    word = ~std::uint64_t{0};
  all.clear_unused();
  return all;
}

bucket::Bitmap united(const bucket::Bitmap& a, const bucket::Bitmap& b) {
  return combined(a, b, [](std::uint64_t x, std::uint64_t y) { return x | y; });
}

bucket::Bitmap without(const bucket::Bitmap& a, const bucket::Bitmap& b) {
  return combined(a, b, [](std::uint64_t x, std::uint64_t y) { return x & ~y; });
}

bucket::Bitmap intersection(const bucket::Bitmap& a, const bucket::Bitmap& b) {
  return combined(a, b, [](std::uint64_t x, std::uint64_t y) { return x & y; });
}

bool all_none(const std::vector<bucket::Bitmap>& bitmaps) {
  for (const bucket::Bitmap& bitmap : bitmaps) {
    if (!bitmap.none()) return false;
  }
  return true;
}

std::uint32_t total_count(const std::vector<bucket::Bitmap>& bitmaps) {
  std::uint32_t total = 0;
  for (const bucket::Bitmap& bitmap : bitmaps)
    total += bitmap.count();
  return total;
}

}  // namespace covey::convergence
