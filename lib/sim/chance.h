// SPDX-License-Identifier: BSD-3-Clause
// Chance: a small, fast, seeded source of chance, and mixing of numbers into a seed.
//
// Owner: sim. Thread: any, one at a time. The same seed gives the same numbers on every machine and
// with every compiler. Not for keys.
#pragma once

#include <cstdint>

#include "base/split_mix.h"

namespace covey::sim {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return base::split_mix(state_); }
  /// 0..limit-1; limit > 0.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  bool per_mille(unsigned probability) { return below(1000) < probability; }

 private:
  std::uint64_t state_;
};

/// A seed of its own for part `a`, `b` of a run; parts do not disturb one another.
[[nodiscard]] inline std::uint64_t mix(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0) {
  const std::uint64_t first = Chance(seed ^ (a * 0xd6e8feb86659fd93U)).next();
  return Chance(first ^ (b * 0xa0761d6478bd642fU)).next();
}

}  // namespace covey::sim
