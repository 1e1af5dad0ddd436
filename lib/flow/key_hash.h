// SPDX-License-Identifier: BSD-3-Clause
// KeyHash: where a flow lies in the table, by a hash that clients cannot play against.
//
// Owner: flow. Thread: any; a plain value. Two steps. NH (Black, Halevi, Krawczyk, Krovetz and
// Rogaway, "UMAC") sums products of the words of the key, each first added to a secret number: two
// keys chosen without knowing the numbers give equal sums with a chance of at most 2^-64. A folded
// multiplication then breaks up what structure remains; without it sequential ports would fill the
// table in arithmetic progressions, which a table that probes onwards suffers from. The result
// never leaves the host, so this is enough, at a third of the price of SipHash. The numbers come
// from a secret seed. It is not the bucket hash, which all hosts share and clients can watch.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/split_mix.h"
#include "packet/flow_key.h"

namespace covey::flow {

class KeyHash {
 public:
  explicit KeyHash(std::uint64_t seed) {
    for (std::uint64_t& number : numbers_)
      number = base::split_mix(seed);
  }

  [[nodiscard]] std::uint32_t operator()(const packet::FlowKey& key) const noexcept {
    const auto w = std::bit_cast<std::array<std::uint64_t, 5>>(key);
    const auto& a = numbers_;
    const Wide sum = Wide{w[0] + a[0]} * (w[1] + a[1]) + Wide{w[2] + a[2]} * (w[3] + a[3]) +
                     Wide{w[4] + a[4]} * a[5];
    const auto low = static_cast<std::uint64_t>(sum);
    const auto high = static_cast<std::uint64_t>(sum >> 64U);
    const Wide folded = Wide{low ^ a[6]} * (high ^ a[7]);
    return static_cast<std::uint32_t>(folded >> 64U) ^ static_cast<std::uint32_t>(folded);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static_assert(sizeof(packet::FlowKey) == 5 * sizeof(std::uint64_t));

  std::array<std::uint64_t, 8> numbers_{};
};

}  // namespace covey::flow
