// SPDX-License-Identifier: BSD-3-Clause
// assign(): which member owns which bucket, from weights and what each member holds already.
//
// Owner: bucket. Thread: any; pure integers, the same result on every host and architecture.
// Keep-what-you-have with largest-remainder quotas: every member ends within one bucket of its
// ideal share, and no more buckets move than the new quotas force. History is an input (the
// claims), never a hidden state, so hosts with different pasts agree. `elect()` is the one-bucket
// case: lowest priority number wins. It does not know views, epochs or who is alive.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "bucket/bitmap.h"
#include "bucket/siphash.h"

namespace covey::bucket {

struct MemberClaim {
  base::HostId host;
  std::uint32_t weight = 0;        // 0: takes no buckets (draining)
  const Bitmap* claims = nullptr;  // buckets it accepts new flows for now; null: none
};

/// Owner of each bucket 0..buckets-1. `members` may come in any order (sorted inside); ids are
/// valid and unique. Claims beyond `buckets` are ignored. If all weights are zero, buckets stay
/// with their claimants (contested ones go by score) and unclaimed ones belong to kNobody.
///
/// The rules, exact enough for a second implementation (test/support/bucket_oracle.py is one):
///   score    score(b, h) = SipHash-1-3(key, five bytes: b as 32-bit big-endian, then h). Where two
///            scores are equal the lower host id (or, between buckets, the lower index) counts as
///            the higher one.
///   quotas   floor(buckets * weight / total) each; the buckets left over go one each to the
///   members
///            with the largest remainder. Among equal remainders: who holds more beyond its floor
///            (claims - floor), then the lower id.
///   base     A bucket claimed by one member is its. Then, in index order, a bucket claimed by
///            several goes to the claimants that hold less than their quota, if there are such,
///            and among those to the highest score.
///   release  A member above its quota gives up its lowest-scored buckets.
///   place    Free buckets, in index order, each go to the highest score among the members that
///            hold less than their quota.
[[nodiscard]] std::vector<base::HostId> assign(const SipKey& key, std::uint32_t buckets,
                                               const std::vector<MemberClaim>& members);

/// The integer quotas assign() gives out, in the order of the sorted members; they sum to `buckets`
/// (or to zero if all weights are zero).
[[nodiscard]] std::vector<std::uint32_t> quotas(std::uint32_t buckets,
                                                const std::vector<MemberClaim>& members);

/// The keyed preference of a bucket for a host, as defined above.
[[nodiscard]] std::uint64_t score(const SipKey& key, base::BucketIndex bucket,
                                  base::HostId host) noexcept;

struct MemberPriority {
  base::HostId host;
  std::uint32_t priority = 0;  // lower wins; ties go to the lower host id
  bool eligible = true;        // false: draining
};

/// Owner of a one-bucket class: the eligible member with the lowest priority, kNobody if there is
/// none.
[[nodiscard]] base::HostId elect(const std::vector<MemberPriority>& members);

/// Digest of a map (order of buckets matters), for comparing what hosts computed: SipHash-1-3 under
/// a key of zeros over one byte per bucket, the owner's id.
[[nodiscard]] std::uint64_t digest(const std::vector<base::HostId>& owners);

}  // namespace covey::bucket
