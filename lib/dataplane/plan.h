// SPDX-License-Identifier: BSD-3-Clause
// Plan: what workers keep for as long as one configuration is followed; and Guide, what they
// follow.
//
// Owner: dataplane. Threads: built by the control thread, then read-only, except for the counts,
// which workers write, each its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/rule_rows.h"
#include "flow/bucket_counts.h"
#include "forwarding/policy.h"

namespace covey::dataplane {

struct Plan {
  std::uint64_t number = 1;
  std::shared_ptr<const forwarding::Policy> policy;
  RuleRows rows;
  std::vector<std::shared_ptr<flow::BucketCounts>> counts;  // by worker
};

/// For each worker; `complete` as in BucketCounts.
[[nodiscard]] inline std::vector<std::shared_ptr<flow::BucketCounts>> make_counts(
    const forwarding::Policy& policy, unsigned workers, bool complete) {
  std::vector<std::shared_ptr<flow::BucketCounts>> counts;
  for (unsigned i = 0; i < workers; ++i)
    counts.push_back(std::make_shared<flow::BucketCounts>(policy.classes().class_sizes, complete));
  return counts;
}

/// Replaced as a whole with each table; many share one plan.
struct Guide {
  forwarding::Snapshot snapshot;
  std::shared_ptr<const Plan> plan;
};

}  // namespace covey::dataplane
