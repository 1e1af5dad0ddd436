// SPDX-License-Identifier: BSD-3-Clause
// list_connections(): which TCP connections this machine's stack holds.
//
// Owner: localstack. Thread: the control thread, at start only; blocks for the kernel's answer,
// about a microsecond per socket of the network namespace.
#pragma once

#include <span>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "packet/flow_key.h"

namespace covey::localstack {

/// Those whose own end has one of these addresses, as seen from the other end: established or being
/// closed, neither half open nor in TIME-WAIT. In the network namespace of the calling thread.
[[nodiscard]] base::Result<std::vector<packet::FlowKey>> list_connections(
    std::span<const base::IpAddress> own);

}  // namespace covey::localstack
