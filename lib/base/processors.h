// SPDX-License-Identifier: BSD-3-Clause
// Where threads of this process may run.
//
// Owner: base. Thread: any; both ask the kernel.
#pragma once

#include <vector>

namespace covey::base {

/// Where the calling thread, and who it starts, runs without being told.
[[nodiscard]] std::vector<unsigned> inherited_processors();

/// Where it can be put: also on those that the kernel keeps apart (isolcpus=), which nobody
/// inherits. The calling thread visits them for a moment.
[[nodiscard]] std::vector<unsigned> possible_processors();

}  // namespace covey::base
