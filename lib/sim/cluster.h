// SPDX-License-Identifier: BSD-3-Clause
// Cluster: what the hosts of a simulated cluster are configured with.
//
// Owner: sim. Thread: any; pure. Class 0 elects the default host (by id), class 1 spreads buckets
// by weight, the last class is a single-host rule whose best host is the one with the highest id,
// so that the two elections differ. There are other configurations to change over to: with one more
// rule, which takes flows from the default host; with a changed single-host rule; with twice the
// buckets. Identities of classes are small numbers here, those of the first configuration are the
// indices of its classes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "convergence/node.h"
#include "convergence/settings.h"

namespace covey::sim {

inline constexpr base::ClassIndex kDefaultHost{0};
inline constexpr base::ClassIndex kSpread{1};
inline constexpr base::ClassIndex kSingleHost{2};
inline constexpr std::uint16_t kFullWeight = 100;
inline constexpr base::HostSet kEverybody{~std::uint64_t{0}};

struct Cluster {
  unsigned hosts = 3;
  std::uint32_t buckets = 64;
  convergence::Timing timing{};
  convergence::PartitionPolicy partition = convergence::PartitionPolicy::serve;
  bool listed = false;  // majority is counted of all hosts; else of those of the last view
};

enum class Variant : std::uint8_t { first, rule_added, rule_changed, buckets_doubled };
inline constexpr unsigned kVariants = 4;

inline constexpr std::uint16_t kIdentities = 7;
/// Besides those of the first configuration.
inline constexpr base::ClassIndex kChangedSingleHost{3};
inline constexpr base::ClassIndex kAddedRule{4};
inline constexpr base::ClassIndex kDoubledSpread{5};
inline constexpr base::ClassIndex kDefaultWithoutAdded{6};

/// Whether a flow may belong to the one class in one configuration and to the other in another.
[[nodiscard]] bool share_flows(std::size_t identity, std::size_t other);
[[nodiscard]] std::string_view name(Variant variant);

[[nodiscard]] convergence::Configuration configuration(const Cluster& cluster, base::HostId host,
                                                       Variant variant);
/// Configuration of one start of a host.
[[nodiscard]] convergence::NodeConfig node_config(const Cluster& cluster, base::HostId host,
                                                  std::uint64_t nonce,
                                                  Variant variant = Variant::first);
[[nodiscard]] convergence::OperatorCommand command(convergence::Verb verb);
[[nodiscard]] convergence::OperatorCommand weight_command(std::uint16_t weight);
[[nodiscard]] convergence::OperatorCommand hold_command(base::ClassIndex map_class,
                                                        std::uint8_t percent, bool closed = false,
                                                        bool last_resort = false);
/// How long after the last fault a cluster is given until everything must be as it should be: two
/// leases in a row may have to pass (a host sleeps, and its successor fails), and all timers be
/// doubted.
[[nodiscard]] base::Duration calm_span(const convergence::Timing& timing);

}  // namespace covey::sim
