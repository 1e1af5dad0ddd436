// SPDX-License-Identifier: BSD-3-Clause
// BucketTable: the immutable answer to "what may this host do with a bucket", as workers read it.
//
// Owner: bucket. Threads: built by the control thread, then read-only; published and reclaimed by
// the data plane. A *map class* is one set of buckets with one owner each. Class 0 has one bucket:
// the default host. Class 1 spreads what belongs to no rule but should be shared out evenly (echo
// requests, address resolution). Each rule of mode multiple or single has a class of its own, in
// rule order; a single-host rule's class has one bucket.
#pragma once

#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/ids.h"
#include "base/time.h"

namespace covey::bucket {

inline constexpr base::ClassIndex kDefaultHostClass{0};
inline constexpr base::ClassIndex kSpreadClass{1};
inline constexpr std::uint16_t kFirstRuleClass = 2;

enum class BucketState : std::uint8_t {
  foreign,     // another host takes new flows
  retained,    // likewise, and this host alone still serves old ones
  given_away,  // another host takes new flows, since a moment: it may yet have to hear that
  awaited,     // another host takes new flows, but soon this host will
  own,         // this host takes new flows, nobody else holds old ones
  own_dirty,   // this host takes new flows; another host still serves old ones
};

[[nodiscard]] constexpr bool takes_new_flows(BucketState state) {
  return state >= BucketState::own;
}

struct ClassTable {
  std::uint32_t mask = 0;            // bucket count - 1
  std::vector<BucketState> states;   // by bucket; what forwarding reads
  std::vector<base::HostId> owners;  // by bucket; kNobody while unowned; what people are shown
};

struct BucketTable {
  std::uint32_t generation = 0;
  base::HostSet members;           // of the generation
  bool serving = false;            // false: stopped, every frame for a virtual IP is dropped
  base::TimePoint hands_on_until;  // from then on what was given away is as foreign as the rest
  std::vector<ClassTable> classes;

  [[nodiscard]] BucketState state(base::ClassIndex c, base::BucketIndex b) const {
    COVEY_DEBUG_ASSERT(c.value < classes.size());
    return classes[c.value].states[b.value];
  }
  [[nodiscard]] base::HostId owner(base::ClassIndex c, base::BucketIndex b) const {
    COVEY_DEBUG_ASSERT(c.value < classes.size());
    return classes[c.value].owners[b.value];
  }
};

}  // namespace covey::bucket
