// SPDX-License-Identifier: BSD-3-Clause
// assign(): which member owns which bucket, from weights and what each member holds already.
//
// Owner: bucket. Thread: any; pure integers, the same result on every host and architecture.
// Keep-what-you-have with largest-remainder quotas: every member ends within one bucket of its ideal share, and no
// more buckets move than the new quotas force. History is an input (the claims), never a hidden state, so hosts
// with different pasts agree. `elect()` is the one-bucket case: lowest priority number wins.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "bucket/bitmap.h"
#include "bucket/siphash.h"

namespace covey::bucket {

struct MemberClaim {
  base::HostId host;
  std::uint32_t weight = 0;         // 0: takes no buckets (draining)
  const Bitmap* claims = nullptr;   // buckets it accepts new flows for now; null: none
};

/// Owner of each bucket 0..buckets-1. `members` may come in any order (sorted inside); ids are unique.
/// If all weights are zero, buckets stay with their claimants and unclaimed ones belong to kNobody.
[[nodiscard]] std::vector<base::HostId> assign(const SipKey& key, std::uint32_t buckets,
                                               const std::vector<MemberClaim>& members);

/// The integer quotas assign() gives out, in the order of the sorted members; they sum to `buckets`
/// (or to zero if all weights are zero).
[[nodiscard]] std::vector<std::uint32_t> quotas(std::uint32_t buckets,
                                                const std::vector<MemberClaim>& members);

struct MemberPriority {
  base::HostId host;
  std::uint32_t priority = 0;  // lower wins; ties go to the lower host id
  bool eligible = true;        // false: draining
};

/// Owner of a one-bucket class: the eligible member with the lowest priority, kNobody if there is none.
[[nodiscard]] base::HostId elect(const std::vector<MemberPriority>& members);

/// Digest of a map (order of buckets matters), for comparing what hosts computed.
[[nodiscard]] std::uint64_t digest(const std::vector<base::HostId>& owners);

}  // namespace covey::bucket
