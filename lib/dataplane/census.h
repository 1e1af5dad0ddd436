// SPDX-License-Identifier: BSD-3-Clause
// census(): in which buckets that are not ours do we still serve flows? The answer travels in
// heartbeats.
//
// Owner: dataplane. Thread: the control thread, about ten times a second; reads only counters that
// workers keep. All classes are joined in one bitmap of the spread class's size: bucket b is set
// when bucket b of any class is.
#pragma once

#include <span>

#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "flow/flow_cache.h"

namespace covey::dataplane {

[[nodiscard]] bucket::Bitmap residual_buckets(const bucket::BucketTable& table,
                                              std::span<const flow::FlowCache* const> caches);

}  // namespace covey::dataplane
