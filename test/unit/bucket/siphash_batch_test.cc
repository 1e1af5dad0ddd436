// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash_batch.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>

using namespace covey;
using bucket::HashInputs;

namespace {

using Random = std::mt19937_64;

bucket::HashWords random_words(Random& random, std::uint32_t count) {
  return {random(), random(), random(), count};
}

std::uint64_t one_by_one(const bucket::SipKey& key, const bucket::HashWords& words) {
  bucket::detail::SipState<1, 3> state(key);
  state.absorb(words.first);
  if (words.count > 1) state.absorb(words.second);
  if (words.count > 2) state.absorb(words.third);
  return state.finish();
}

/// Messages of `least` to `most` words, in batches of every size, by every variant.
void check_all(std::uint32_t least, std::uint32_t most) {
  Random random(least * 10 + most);
  const auto inputs = std::make_unique<HashInputs>();
  const auto outputs = std::make_unique<bucket::HashOutputs>();
  for (std::size_t size = 0; size <= HashInputs::kCapacity; ++size) {
    const bucket::SipKey key{random(), random()};
    std::vector<std::uint64_t> expected;
    HashInputs::Lengths lengths = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const auto count = static_cast<std::uint32_t>(least + random() % (most - least + 1));
      const bucket::HashWords words = random_words(random, count);
      inputs->put(i, words, lengths);
      expected.push_back(one_by_one(key, words));
    }
    inputs->close(size, lengths);
    for (const bucket::HashVariant& variant : bucket::hash_variants()) {
      INFO(variant.name << ", " << size << " messages");
      outputs->hashes.fill(0);
      variant.hash(key, *inputs, *outputs);
      CHECK(std::vector(outputs->hashes.begin(), outputs->hashes.begin() + std::ptrdiff_t(size)) ==
            expected);
    }
  }
}

}  // namespace

TEST_CASE("hashes side by side are those one by one") {
  for (std::uint32_t words = 1; words <= 3; ++words)
    check_all(words, words);
}

TEST_CASE("hashes of messages of different lengths too") {
  check_all(1, 2);
  check_all(2, 3);
  for (unsigned round = 0; round < 10; ++round)
    check_all(1, 3);
}

TEST_CASE("the rival with the highest hash wins each message, by every variant") {
  Random random(7);
  const auto contest = std::make_unique<bucket::HashContest>();
  const auto winners = std::make_unique<bucket::HashWinners>();
  for (std::uint32_t size = 1; size <= bucket::HashContest::kCapacity; ++size) {
    const bucket::SipKey key{random(), random()};
    contest->size = size;
    contest->rival_count = static_cast<std::uint32_t>(1 + random() % contest->rivals.size());
    for (std::uint64_t& message : contest->messages)
      message = random() << 8U;
    for (std::uint64_t& rival : contest->rivals)
      rival = random() & 0x0f;  // some are equal: the first of them wins
    std::vector<std::uint64_t> expected;
    for (std::uint32_t i = 0; i < size; ++i) {
      std::vector<std::uint64_t> hashes;
      for (std::uint32_t rival = 0; rival < contest->rival_count; ++rival)
        hashes.push_back(one_by_one(key, {contest->messages[i] | contest->rivals[rival], 0, 0, 1}));
      const auto highest = std::max_element(hashes.begin(), hashes.end());
      expected.push_back(static_cast<std::uint64_t>(highest - hashes.begin()));
    }
    for (const bucket::HashVariant& variant : bucket::hash_variants()) {
      INFO(variant.name << ", " << size << " messages, " << contest->rival_count << " rivals");
      winners->rivals.fill(bucket::HashContest::kCapacity);
      variant.contest(key, *contest, *winners);
      CHECK(std::vector(winners->rivals.begin(), winners->rivals.begin() + std::ptrdiff_t(size)) ==
            expected);
    }
  }
}

TEST_CASE("there is a variant for every processor, and the one in use is among them") {
  REQUIRE(!bucket::hash_variants().empty());
  CHECK(std::string_view(bucket::hash_variants().back().name) == "scalar");
  HashInputs inputs;
  HashInputs::Lengths lengths = 0;
  inputs.put(0, {1, 2, 3, 3}, lengths);
  inputs.close(1, lengths);
  bucket::HashOutputs outputs{};
  bucket::siphash13_batch({4, 5}, inputs, outputs);
  CHECK(outputs.hashes[0] == one_by_one({4, 5}, {1, 2, 3, 3}));
}
