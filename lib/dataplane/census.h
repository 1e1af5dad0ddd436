// SPDX-License-Identifier: BSD-3-Clause
// Census of flows. In which buckets that are not ours do we still serve some? The answer travels in
// heartbeats. And how many in each map class, for people?
//
// Owner: dataplane. Thread: the control thread, about ten times a second; reads only counters that
// workers keep. In heartbeats all classes are joined in one bitmap of the spread class's size:
// bucket b is set when bucket b of any class is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "flow/flow_cache.h"

namespace covey::dataplane {

[[nodiscard]] bucket::Bitmap residual_buckets(const bucket::BucketTable& table,
                                              std::span<const flow::FlowCache* const> caches);

/// Live flows of each map class; a moment's value. `class_sizes` are those the cache was made for.
[[nodiscard]] std::vector<std::uint64_t> flows_by_class(const flow::FlowCache& cache,
                                                        std::span<const std::uint32_t> class_sizes);

}  // namespace covey::dataplane
