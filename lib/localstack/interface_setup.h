// SPDX-License-Identifier: BSD-3-Clause
// The kernel end of a local stack: an interface that a backend has made, and what the kernel is
// told about it.
//
// Owner: localstack. Thread: the control thread, at start. Nothing is to be undone: the interface
// goes with its backend. Errors name the interface.
#pragma once

#include <string>

#include "base/result.h"
#include "localstack/local_stack.h"

namespace covey::localstack {

/// Whether the kernel takes such a name, and buffers of `pool` can hold a frame of that MTU.
[[nodiscard]] base::Result<void> check_interface(const std::string& name,
                                                 const Interface& interface, rte_mempool* pool);

/// Switches, MAC, MTU, addresses; then up.
[[nodiscard]] base::Result<void> set_up_interface(const std::string& name,
                                                  const Interface& interface);

}  // namespace covey::localstack
