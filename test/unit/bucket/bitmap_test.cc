// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/bitmap.h"

#include <catch2/catch.hpp>

#include "bucket/bucket_table.h"

using namespace covey;
using bucket::Bitmap;

TEST_CASE("a bitmap holds the buckets that were set and not reset") {
  Bitmap map(100);
  CHECK(map.none());
  for (const std::uint32_t b : {0U, 63U, 64U, 99U})
    map.set({b});
  map.reset({63});
  std::vector<std::uint32_t> seen;
  map.for_each([&](base::BucketIndex b) { seen.push_back(b.value); });
  CHECK(seen == std::vector<std::uint32_t>{0, 64, 99});
  CHECK(map.count() == 3);
  CHECK(map.test({64}));
  CHECK_FALSE(map.test({63}));
}

TEST_CASE("a bucket beyond the end of a bitmap is not set") {
  Bitmap map(64);
  for (std::uint32_t b = 0; b < 64; ++b)
    map.set({b});
  CHECK_FALSE(map.test({64}));
  CHECK_FALSE(map.test({0xffffffff}));
  CHECK_FALSE(Bitmap().test({0}));
}

TEST_CASE("words from outside lose the bits beyond the end") {
  Bitmap map(70);
  for (std::uint64_t& word : map.words())
    word = ~std::uint64_t{0};
  map.clear_unused();
  CHECK(map.count() == 70);
  Bitmap whole(64);
  whole.words()[0] = ~std::uint64_t{0};
  whole.clear_unused();
  CHECK(whole.count() == 64);
  Bitmap empty;
  empty.clear_unused();
  CHECK(empty == Bitmap(0));
}

TEST_CASE("a bucket takes new flows while it is our own") {
  using bucket::BucketState;
  CHECK_FALSE(bucket::takes_new_flows(BucketState::foreign));
  CHECK_FALSE(bucket::takes_new_flows(BucketState::given_away));
  CHECK_FALSE(bucket::takes_new_flows(BucketState::awaited));
  CHECK(bucket::takes_new_flows(BucketState::own));
  CHECK(bucket::takes_new_flows(BucketState::own_dirty));
}
