// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash_lanes.h"

namespace covey::bucket::lanes {

void hash_avx512(std::uint64_t k0, std::uint64_t k1, const Columns& columns) noexcept {
  Lanes<8, 4>::hash(k0, k1, columns);
}

void contest_avx512(std::uint64_t k0, std::uint64_t k1, const Contest& contest) noexcept {
  Lanes<8, 4>::contest(k0, k1, contest);
}

}  // namespace covey::bucket::lanes
