// SPDX-License-Identifier: BSD-3-Clause
// Census of flows. In which buckets that are not ours do we still serve some? The answer travels in
// heartbeats.
//
// Owner: dataplane. Thread: the control thread, about ten times a second; reads only counters that
// workers keep. In heartbeats all classes are joined in one bitmap of the spread class's size:
// bucket b is set when bucket b of any class is.
#pragma once

#include <memory>
#include <span>

#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "flow/bucket_counts.h"

namespace covey::dataplane {

/// `counts` of each worker, by the classes of the table. While they are not complete any bucket may
/// be residual. Flows of a class that is closed here are served no more.
[[nodiscard]] bucket::Bitmap residual_buckets(
    const bucket::BucketTable& table, std::span<const std::shared_ptr<flow::BucketCounts>> counts);

/// Of one worker: those it still holds of classes that are closed here.
[[nodiscard]] std::uint64_t closed_flows(const bucket::BucketTable& table,
                                         const flow::BucketCounts& counts);

}  // namespace covey::dataplane
