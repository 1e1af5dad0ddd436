// SPDX-License-Identifier: BSD-3-Clause
// How a command ends: its answer in words or as JSON, and the exit status that goes with it.
//
// Owner: cli. Thread: one. For the functions of the table of commands; errors are printed by run().
#pragma once

#include <string_view>

#include "api/messages.h"
#include "cli/commands.h"

namespace covey::cli {

/// With one newline at the end.
void print_line(const Context& context, std::string_view text);
/// The daemon's answer to an order: printed if it obeyed, if it is of several hosts (a line each)
/// or with --json; else an error.
[[nodiscard]] base::Result<Exit> finish_order(
    const Context& context, const base::Result<Client::Answer<api::CommandReply>>& answer);

}  // namespace covey::cli
