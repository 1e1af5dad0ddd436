// SPDX-License-Identifier: BSD-3-Clause
// How a command ends: its answer in words or as JSON, and the exit status that goes with it.
//
// Owner: cli. Thread: one. For the functions of the table of commands; errors are printed by run().
#pragma once

#include <algorithm>
#include <string_view>

#include "api/messages.h"
#include "cli/commands.h"

namespace covey::cli {

/// With one newline at the end.
void print_line(const Context& context, std::string_view text);
/// The exit status that the daemon asks for: of a CommandReply, a ReloadReply.
template <typename Reply>
[[nodiscard]] Exit status_of(const Reply& reply) {
  return static_cast<Exit>(reply.ok ? 0
                                    : std::clamp(reply.code, 1, static_cast<int>(Exit::timed_out)));
}
/// The daemon's answer to an order: printed if it obeyed, if it is of several hosts (a line each)
/// or with --json; else an error.
[[nodiscard]] base::Result<Exit> finish_order(
    const Context& context, const base::Result<Client::Answer<api::CommandReply>>& answer);

}  // namespace covey::cli
