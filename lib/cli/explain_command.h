// SPDX-License-Identifier: BSD-3-Clause
// `covey explain`: asks the daemon, or without one a configuration file.
//
// Owner: cli. Thread: one. A row of the table of commands; see commands.h.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> explain(const Context& context);

}  // namespace covey::cli
