// SPDX-License-Identifier: BSD-3-Clause
// Cluster: what the hosts of a simulated cluster are configured with.
//
// Owner: sim. Thread: any; pure. Class 0 elects the default host (by id), class 1 spreads buckets
// by weight, class 2 is a single-host rule whose best host is the one with the highest id, so that
// the two elections differ.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "convergence/node.h"
#include "convergence/settings.h"

namespace covey::sim {

inline constexpr base::ClassIndex kDefaultHost{0};
inline constexpr base::ClassIndex kSpread{1};
inline constexpr base::ClassIndex kSingleHost{2};
inline constexpr std::uint16_t kClasses = 3;
inline constexpr std::uint16_t kFullWeight = 100;

struct Cluster {
  unsigned hosts = 3;
  std::uint32_t buckets = 64;
  convergence::Timing timing{};
  convergence::PartitionPolicy partition = convergence::PartitionPolicy::serve;
  bool listed = false;  // majority is counted of all hosts; else of those of the last view
};

/// Configuration of one start of a host.
[[nodiscard]] convergence::NodeConfig node_config(const Cluster& cluster, base::HostId host,
                                                  std::uint64_t nonce);
[[nodiscard]] convergence::OperatorCommand command(convergence::Verb verb);
[[nodiscard]] convergence::OperatorCommand weight_command(std::uint16_t weight);
/// How long after the last fault a cluster is given until everything must be as it should be: two
/// leases in a row may have to pass (a host sleeps, and its successor fails), and all timers be
/// doubted.
[[nodiscard]] base::Duration calm_span(const convergence::Timing& timing);

}  // namespace covey::sim
