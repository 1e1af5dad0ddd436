// SPDX-License-Identifier: BSD-3-Clause
// Identity of a map class: a digest of everything that decides which flows fall into which of its
// buckets, so that a class can be found again in another configuration.
//
// Owner: forwarding. Thread: any; pure. It covers how many buckets there are, what is hashed, and
// which ports of which virtual IPs belong to the class. It leaves out what differs by host (weight,
// priority), the name of the rule and its position. The default host's class is what no rule
// covers, so it changes with the ports of any rule. Which fragments can be told without their ports
// is left out too: no fragment but the first begins a flow.
#pragma once

#include <cstdint>
#include <vector>

#include "forwarding/policy.h"

namespace covey::forwarding {

/// By map class; all of them different.
[[nodiscard]] std::vector<std::uint64_t> class_identities(const Policy& policy);

}  // namespace covey::forwarding
