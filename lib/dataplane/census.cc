// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/census.h"

namespace covey::dataplane {

namespace {

bool has_flows(const flow::FlowCache& cache, flow::Placement where) {
  return cache.bucket_flows(where) != 0;
}

}  // namespace

bucket::Bitmap residual_buckets(const bucket::BucketTable& table,
                                std::span<const flow::FlowCache* const> caches) {
  const auto& spread = table.classes[bucket::kSpreadClass.value];
  bucket::Bitmap residual(static_cast<std::uint32_t>(spread.states.size()));
  for (std::uint16_t c = 0; c < table.classes.size(); ++c) {
    const std::vector<bucket::BucketState>& states = table.classes[c].states;
    for (std::uint32_t b = 0; b < states.size() && b < residual.size(); ++b) {
      if (bucket::takes_new_flows(states[b])) continue;
      const flow::Placement where{base::ClassIndex{c}, base::BucketIndex{b}};
      // Caches agree but for news under way; a flow that any of them holds is a flow.
      for (const flow::FlowCache* cache : caches) {
        if (!has_flows(*cache, where)) continue;
        residual.set(where.bucket);
        break;
      }
    }
  }
  return residual;
}

std::vector<std::uint64_t> flows_by_class(const flow::FlowCache& cache,
                                          std::span<const std::uint32_t> class_sizes) {
  std::vector<std::uint64_t> totals(class_sizes.size());
  for (std::uint16_t c = 0; c < totals.size(); ++c) {
    for (std::uint32_t b = 0; b < class_sizes[c]; ++b)
      totals[c] += cache.bucket_flows({base::ClassIndex{c}, base::BucketIndex{b}});
  }
  return totals;
}

}  // namespace covey::dataplane
