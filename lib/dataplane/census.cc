// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/census.h"

#include <algorithm>

namespace covey::dataplane {

namespace {

using Counts = std::span<const std::shared_ptr<flow::BucketCounts>>;

// Workers agree but for news under way; a flow that any of them holds is a flow.
bool have_flows(Counts counts, flow::Placement where) {
  return std::ranges::any_of(counts, [where](const auto& each) { return each->live(where) != 0; });
}

bool are_complete(Counts counts) {
  return std::ranges::all_of(counts, [](const auto& each) { return each->are_complete(); });
}

}  // namespace

bucket::Bitmap residual_buckets(const bucket::BucketTable& table, Counts counts) {
  const auto& spread = table.classes[bucket::kSpreadClass.value];
  bucket::Bitmap residual(static_cast<std::uint32_t>(spread.states.size()));
  const bool any = !are_complete(counts);
  for (std::uint16_t c = 0; c < table.classes.size(); ++c) {
    if (table.is_closed({c})) continue;
    const std::vector<bucket::BucketState>& states = table.classes[c].states;
    for (std::uint32_t b = 0; b < states.size() && b < residual.size(); ++b) {
      if (bucket::takes_new_flows(states[b])) continue;
      const flow::Placement where{base::ClassIndex{c}, base::BucketIndex{b}};
      if (any || have_flows(counts, where)) residual.set(where.bucket);
    }
  }
  return residual;
}

std::uint64_t closed_flows(const bucket::BucketTable& table, const flow::BucketCounts& counts) {
  std::uint64_t flows = 0;
  for (const base::ClassIndex map_class : table.closed)
    flows += counts.live_in_class(map_class);
  return flows;
}

}  // namespace covey::dataplane
