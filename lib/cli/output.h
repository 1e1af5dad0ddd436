// SPDX-License-Identifier: BSD-3-Clause
// How a command begins and ends: numbers it was given, its answer in words or as JSON, and the exit
// status that goes with it.
//
// Owner: cli. Thread: one. For the functions of the table of commands; errors are printed by run().
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/messages.h"
#include "cli/commands.h"

namespace covey::cli {

/// With one newline at the end.
void print_line(const Context& context, std::string_view text);
/// GET and print: as it came with --json, else as `shown` makes it.
template <typename T, typename Show>
base::Result<Exit> ask_and_show(const Context& context, const std::string& target, Show&& shown) {
  const auto answer = context.client.ask<T>(target);
  if (!answer) return std::unexpected(answer.error());
  print_line(context, context.json ? answer->json : shown(answer->value));
  return Exit::ok;
}

/// What the daemon did not find was named on the command line: a mistake there.
template <typename T>
[[nodiscard]] base::Result<T> named_by_user(base::Result<T> answer) {
  if (!answer && answer.error().code == base::ErrorCode::not_found)
    answer.error().code = base::ErrorCode::invalid_argument;
  return answer;
}

/// A whole number without sign; `what` names it in the error.
[[nodiscard]] base::Result<std::uint64_t> parse_number(std::string_view text, std::string_view what,
                                                       std::uint64_t max);

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
