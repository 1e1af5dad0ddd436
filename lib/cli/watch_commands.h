// SPDX-License-Identifier: BSD-3-Clause
// Commands that can go on watching until somebody has seen enough.
//
// Owner: cli. Thread: one. For the table of commands.
#pragma once

#include "base/result.h"
#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> events(const Context& context);
[[nodiscard]] base::Result<Exit> stats(const Context& context);
[[nodiscard]] base::Result<Exit> top(const Context& context);

}  // namespace covey::cli
