// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash.h"

#include <array>
#include <catch2/catch.hpp>
#include <numeric>

#include "bucket/sip_words.h"

using namespace covey::bucket;

namespace {

constexpr SipKey kPaperKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::array<std::uint8_t, 64> counting_bytes() {
  std::array<std::uint8_t, 64> bytes{};
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

}  // namespace

TEST_CASE("the core with 2 and 4 rounds gives the published SipHash-2-4 results") {
  const auto bytes = counting_bytes();
  CHECK(detail::siphash<2, 4>(kPaperKey, bytes.data(), 0) == 0x726fdb47dd0e0e31U);
  CHECK(detail::siphash<2, 4>(kPaperKey, bytes.data(), 1) == 0x74f839c593dc67fdU);
  CHECK(detail::siphash<2, 4>(kPaperKey, bytes.data(), 15) == 0xa129ca6149be45e5U);
}

TEST_CASE("fewer than eight bytes hash equally as bytes and as a number") {
  const auto bytes = counting_bytes();
  std::uint64_t number = 0;
  for (std::size_t length = 0; length < 8; ++length) {
    CHECK(siphash13_short(kPaperKey, number, length) ==
          siphash13(kPaperKey, std::span(bytes).first(length)));
    number |= std::uint64_t{bytes[length]} << (8U * length);
  }
}

TEST_CASE("words that come one after the other hash as their bytes do") {
  const auto bytes = counting_bytes();
  SipWords words(kPaperKey);
  for (std::size_t length = 0; length < bytes.size(); length += 8) {
    CHECK(words.finish() == siphash13(kPaperKey, std::span(bytes).first(length)));
    words.add(covey::base::load_le64(bytes.data() + length));
  }
}

TEST_CASE("each bit of the input and of the key changes the hash") {
  auto bytes = counting_bytes();
  const std::uint64_t before = siphash13(kPaperKey, bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    CHECK(siphash13(kPaperKey, bytes) != before);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t flip = std::uint64_t{1} << bit;
    CHECK(siphash13({kPaperKey.k0 ^ flip, kPaperKey.k1}, bytes) != before);
    CHECK(siphash13({kPaperKey.k0, kPaperKey.k1 ^ flip}, bytes) != before);
  }
}

TEST_CASE("a trailing zero byte is not the same as none") {
  const std::array<std::uint8_t, 9> zeros{};
  CHECK(siphash13(kPaperKey, std::span(zeros).first(8)) != siphash13(kPaperKey, zeros));
  CHECK(siphash13(kPaperKey, std::span(zeros).first(0)) !=
        siphash13(kPaperKey, std::span(zeros).first(1)));
}
