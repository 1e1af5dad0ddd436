// SPDX-License-Identifier: BSD-3-Clause
// SipHash with 1 compression and 3 finalisation rounds: the keyed function of buckets and scores.
//
// Owner: bucket. Thread: any; pure. Source: Aumasson and Bernstein, "SipHash: a fast short-input
// PRF". Keyed so that a client cannot choose its bucket; not a linear hash such as Toeplitz or CRC,
// where one collision gives all others. Results are the same on every architecture (words are read
// little-endian). The core is inline so that inputs of constant length cost no loop and no call; it
// is a template over the rounds so that tests can hold it against the published 2-4 vectors.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/endian.h"

namespace covey::bucket {

struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
  [[nodiscard]] static SipKey from(std::span<const std::uint8_t, 16> bytes) {
    return {base::load_le64(bytes.data()), base::load_le64(bytes.data() + 8)};
  }
  friend constexpr bool operator==(const SipKey&, const SipKey&) = default;
};

namespace detail {

template <unsigned compression_rounds, unsigned finalisation_rounds>
class SipState {
 public:
  constexpr explicit SipState(const SipKey& key)
      : v0_(key.k0 ^ 0x736f6d6570736575U),
        v1_(key.k1 ^ 0x646f72616e646f6dU),
        v2_(key.k0 ^ 0x6c7967656e657261U),
        v3_(key.k1 ^ 0x7465646279746573U) {}

  constexpr void absorb(std::uint64_t word) {
    v3_ ^= word;
    for (unsigned i = 0; i < compression_rounds; ++i)
      round();
    v0_ ^= word;
  }
  [[nodiscard]] constexpr std::uint64_t finish() {
    v2_ ^= 0xff;
    for (unsigned i = 0; i < finalisation_rounds; ++i)
      round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  constexpr void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

/// The last word: what is left of the input (fewer than eight bytes) below the length modulo 256.
[[nodiscard]] constexpr std::uint64_t last_word(std::uint64_t rest, std::size_t length) {
  return rest | (static_cast<std::uint64_t>(length & 0xff) << 56U);
}

template <unsigned compression_rounds, unsigned finalisation_rounds>
[[nodiscard]] inline std::uint64_t siphash(const SipKey& key, const std::uint8_t* bytes,
                                           std::size_t length) noexcept {
  SipState<compression_rounds, finalisation_rounds> state(key);
  const std::size_t whole = length & ~std::size_t{7};
  for (std::size_t at = 0; at < whole; at += 8)
    state.absorb(base::load_le64(bytes + at));
  std::uint64_t rest = 0;
  for (std::size_t at = whole; at < length; ++at) {
    rest |= static_cast<std::uint64_t>(bytes[at]) << (8U * (at - whole));
  }
  state.absorb(last_word(rest, length));
  return state.finish();
}

}  // namespace detail

/// 64-bit SipHash-1-3 of `bytes` under `key`.
[[nodiscard]] std::uint64_t siphash13(const SipKey& key,
                                      std::span<const std::uint8_t> bytes) noexcept;
[[nodiscard]] std::uint64_t siphash13(const SipKey& key, std::string_view text) noexcept;

/// The same for fewer than eight bytes given as a number: byte i of the input is bits 8i..8i+7 of
/// `little_endian`, and bits beyond `length` bytes are zero. One absorbed word, nothing else.
[[nodiscard]] constexpr std::uint64_t siphash13_short(const SipKey& key,
                                                      std::uint64_t little_endian,
                                                      std::size_t length) noexcept {
  detail::SipState<1, 3> state(key);
  state.absorb(detail::last_word(little_endian, length));
  return state.finish();
}

/// The words to absorb of a short message, the last one as detail::last_word() has it: one to
/// three.
struct HashWords {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  std::uint32_t count = 0;
};

/// The same of a message that is there in words.
[[nodiscard]] constexpr std::uint64_t siphash13_words(const SipKey& key,
                                                      const HashWords& words) noexcept {
  detail::SipState<1, 3> state(key);
  state.absorb(words.first);
  if (words.count > 1) state.absorb(words.second);
  if (words.count > 2) state.absorb(words.third);
  return state.finish();
}

}  // namespace covey::bucket
