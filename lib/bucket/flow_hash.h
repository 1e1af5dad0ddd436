// SPDX-License-Identifier: BSD-3-Clause
// Which fields of a flow are hashed, by affinity, and the bucket they give.
//
// Owner: bucket. Thread: any; pure.
// The input is, in network byte order:
//   none     source address (4 or 16 bytes), source port (2), destination port (2)
//   single   source address
//   network  source address with all but the first prefix4/prefix6 bits cleared
// The bucket is the hash modulo the bucket count (a power of two). The destination address and the protocol are
// left out on purpose: one client then lands on one host across virtual IPs and rules of equal weights.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "bucket/siphash.h"
#include "packet/flow_key.h"

namespace covey::bucket {

enum class Affinity : std::uint8_t { none, single, network };

struct HashRule {
  Affinity affinity = Affinity::none;
  std::uint8_t prefix4 = 24;  // bits of an IPv4 source that count under Affinity::network
  std::uint8_t prefix6 = 64;  // likewise IPv6
  friend constexpr bool operator==(const HashRule&, const HashRule&) = default;
};

[[nodiscard]] std::uint64_t flow_hash(const SipKey& key, const HashRule& rule,
                                      const packet::FlowKey& flow) noexcept;

/// `mask` is the bucket count minus one; a class with one bucket has mask 0.
[[nodiscard]] inline base::BucketIndex bucket_of(std::uint64_t hash, std::uint32_t mask) {
  return base::BucketIndex{static_cast<std::uint32_t>(hash) & mask};
}

}  // namespace covey::bucket
