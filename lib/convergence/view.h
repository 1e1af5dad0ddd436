// SPDX-License-Identifier: BSD-3-Clause
// Which hosts should form the view, as a pure function of what all of them publish.
//
// Owner: convergence. Thread: any; pure.
// The view must be a clique of good edges. Incumbents come first: the senior committed view is cut
// down to a clique (members silent to everybody at once, other broken edges after a debounce), and
// only then are joiners let in, each with good edges to all. All hosts compute it from the same
// rows, so that they end with the same set; until they do, nobody can commit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "convergence/edges.h"

namespace covey::convergence {

struct CommittedView {
  base::HostSet members;
  std::uint32_t generation = 0;
  friend bool operator==(const CommittedView&, const CommittedView&) = default;
};

/// The one that stays when several are met: of overlapping views the newer generation, of disjoint
/// ones the larger, then the one with the lowest id. Empty views count for nothing.
[[nodiscard]] CommittedView senior_view(const std::vector<CommittedView>& views);

struct HostFacts {
  bool voice = false;       // heard now, so its row and what it hears count; self always
  bool member = true;       // false: says itself, or its new incarnation shows, that it is outside
  bool admissible = false;  // a joiner that may be let in
  base::HostSet hears;      // hosts that are not silent to it
};

struct ViewQuestion {
  base::HostId self;
  base::TimePoint now;
  base::Duration debounce;
  CommittedView base;
  std::array<HostFacts, base::kMaxHosts + 1> facts{};
};

/// More than half of `voters`, or half of them with the lowest id: two disjoint views never both
/// have that. Always true without voters.
[[nodiscard]] bool has_majority(base::HostSet view, base::HostSet voters);

/// The view as this host sees it; without `self` if it has no place in it.
[[nodiscard]] base::HostSet choose_view(const ViewQuestion& question, const EdgeMatrix& edges);

}  // namespace covey::convergence
