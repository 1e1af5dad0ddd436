// SPDX-License-Identifier: BSD-3-Clause
// `covey doctor`: asks the daemon all it can say, and has what it says and what this machine shows
// judged.
//
// Owner: cli. Thread: one; it takes the time that the counters are watched. A row of the table of
// commands; see commands.h.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> doctor(const Context& context);

}  // namespace covey::cli
