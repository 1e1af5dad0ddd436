// SPDX-License-Identifier: BSD-3-Clause
// ClusterMap: who owns each bucket of each class, computed from what the members stated and froze.
//
// Owner: convergence. Thread: any; pure. The only inputs are statements that all members have
// received under one generation, so all of them compute the same map. A host that drains, or has
// withdrawn from the class, is never given a bucket: if there is nobody else, the bucket is owned
// by nobody. One that offers itself as the last resort is given buckets only if nobody else takes
// any.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "bucket/bitmap.h"
#include "bucket/siphash.h"
#include "heartbeat/message.h"

namespace covey::convergence {

using Bitmaps = std::vector<bucket::Bitmap>;  // by map class

/// One member's part in a generation, in the classes of that generation; constant from its proposal
/// on.
struct Statement {
  std::vector<heartbeat::ClassStatement> classes;
  bool draining = false;
  Bitmaps claims;  // frozen
  /// By class: it may accept flows of the class although it claims none, as it comes from another
  /// configuration, in which they belong to other classes. Empty: none.
  std::vector<bool> unaccounted;

  [[nodiscard]] bool takes_none_of(std::size_t map_class) const {
    return draining || classes[map_class].is_withdrawn();
  }
};

struct MemberStatement {
  base::HostId host;
  const Statement* statement = nullptr;
};

struct ClusterMap {
  std::vector<std::vector<base::HostId>> owners;  // by class, by bucket
  std::uint64_t digest = 0;
};

[[nodiscard]] ClusterMap compute_map(const bucket::SipKey& key,
                                     const std::vector<std::uint32_t>& class_buckets,
                                     const std::vector<MemberStatement>& members);

/// The map that the members but `gone` would agree on if it fell away now: each of the others would
/// claim what `map` gives to it.
[[nodiscard]] ClusterMap map_without(base::HostId gone, const bucket::SipKey& key,
                                     const ClusterMap& map,
                                     const std::vector<MemberStatement>& members);

/// Buckets whose owner differs, all classes.
[[nodiscard]] std::uint32_t moved_buckets(const ClusterMap& before, const ClusterMap& after);

/// The buckets of a class that `host` owns.
[[nodiscard]] bucket::Bitmap owned_by(const ClusterMap& map, std::size_t map_class,
                                      base::HostId host);

}  // namespace covey::convergence
