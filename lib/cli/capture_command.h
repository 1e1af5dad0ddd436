// SPDX-License-Identifier: BSD-3-Clause
// `covey capture`: packets into a file that Wireshark reads, each with its verdict.
//
// Owner: cli. Thread: one. A row of the table of commands; see commands.h.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> capture(const Context& context);

}  // namespace covey::cli
