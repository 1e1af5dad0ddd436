// SPDX-License-Identifier: BSD-3-Clause
// SipHash with 1 compression and 3 finalisation rounds: the keyed function behind buckets and scores.
//
// Owner: bucket. Thread: any; pure. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
// Keyed so that a client cannot choose its bucket; not a linear hash such as Toeplitz or CRC, where one collision
// gives all others. Results are the same on every architecture (words are read little-endian).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.h"

namespace covey::bucket {

struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
  friend constexpr bool operator==(const SipKey&, const SipKey&) = default;
};

/// 64-bit SipHash-1-3 of `bytes` under `key`.
[[nodiscard]] std::uint64_t siphash13(const SipKey& key, std::span<const std::uint8_t> bytes) noexcept;

}  // namespace covey::bucket
