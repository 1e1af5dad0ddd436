// SPDX-License-Identifier: BSD-3-Clause
// KeyHash: where a flow lies in the table, by a hash family that clients cannot play against.
//
// Owner: flow. Thread: any; a plain value. Multilinear hashing: the upper half of
// (a0 + a1*w1 + ... + a10*w10) modulo 2^64 over the ten 32-bit words of the key is strongly
// universal (Carter and Wegman; Lemire and Kaser, "Strongly universal string hashing is fast"): for
// any two keys chosen without knowing the numbers a, all pairs of results are equally likely. The
// result never leaves the host, so that is all we need, at half the price of SipHash. The numbers
// are drawn from a secret seed. This is not the bucket hash, which all hosts share and clients see.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "packet/flow_key.h"

namespace covey::flow {

class KeyHash {
 public:
  explicit KeyHash(std::uint64_t seed) {
    for (std::uint64_t& number : numbers_) number = next_random(seed);
  }

  [[nodiscard]] std::uint32_t operator()(const packet::FlowKey& key) const noexcept {
    const auto words = std::bit_cast<std::array<std::uint32_t, kWords>>(key);
    std::uint64_t sum = numbers_[kWords];
    for (std::size_t i = 0; i < kWords; ++i) sum += numbers_[i] * words[i];
    return static_cast<std::uint32_t>(sum >> 32U);
  }

 private:
  static constexpr std::size_t kWords = sizeof(packet::FlowKey) / sizeof(std::uint32_t);

  /// SplitMix64 (Steele, Lea, Flood): spreads one seed over many numbers.
  static std::uint64_t next_random(std::uint64_t& state) {
    state += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::array<std::uint64_t, kWords + 1> numbers_{};
};

}  // namespace covey::flow
