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
//
// The words are paired so that of an IPv4 key one product is always the same: it is not computed.
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
    of_ipv4_ = Wide{numbers_[2]} * numbers_[3];
  }

  [[nodiscard]] std::uint32_t operator()(const packet::FlowKey& key) const noexcept {
    return (*this)(std::bit_cast<packet::KeyWords>(key));
  }
  [[nodiscard]] std::uint32_t operator()(const packet::KeyWords& key) const noexcept {
    const auto& a = numbers_;
    const Wide halves = Wide{key.source_rest + a[2]} * (key.destination_rest + a[3]);
    return finish(key.source, key.destination, key.ports, halves);
  }
  [[nodiscard]] std::uint32_t operator()(const packet::Ipv4KeyWords& key) const noexcept {
    return finish(key.source, key.destination, key.ports, of_ipv4_);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  /// `halves`: the product of the second halves.
  [[nodiscard]] std::uint32_t finish(std::uint64_t source, std::uint64_t destination,
                                     std::uint64_t ports, Wide halves) const noexcept {
    const auto& a = numbers_;
    const Wide sum =
        Wide{source + a[0]} * (destination + a[1]) + halves + Wide{ports + a[4]} * a[5];
    const auto low = static_cast<std::uint64_t>(sum);
    const auto high = static_cast<std::uint64_t>(sum >> 64U);
    const Wide folded = Wide{low ^ a[6]} * (high ^ a[7]);
    return static_cast<std::uint32_t>(folded >> 64U) ^ static_cast<std::uint32_t>(folded);
  }

  std::array<std::uint64_t, 8> numbers_{};
  Wide of_ipv4_ = 0;  // product of the second halves, which are zero
};

}  // namespace covey::flow
