// SPDX-License-Identifier: BSD-3-Clause
// SplitMix64 (Steele, Lea, Flood): spreads one seed over many numbers.
//
// Owner: base. Thread: that of the owner of the state. The same seed gives the same numbers on
// every machine. Not for keys.
#pragma once

#include <cstdint>

namespace covey::base {

/// The next number; moves the state on.
constexpr std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

}  // namespace covey::base
