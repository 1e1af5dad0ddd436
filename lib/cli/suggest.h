// SPDX-License-Identifier: BSD-3-Clause
// "did you mean": the nearest word of the tables, or of what the daemon knows, to a misspelt one.
//
// Owner: cli. Thread: one. Only words are made here; whether something is wrong, the parser or the
// daemon has decided before.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/commands.h"

namespace covey::cli {

/// ", did you mean 'query'?", or empty if nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> words);

[[nodiscard]] std::string about_unknown_command(std::string_view word);
/// `command` is null if none was given before or after the option.
[[nodiscard]] std::string about_unknown_option(std::string_view option, const Command* command);
/// The same for a host, rule or verdict that the error names because the daemon does not know it.
/// Asks the daemon which there are, as shortly as a key press does.
[[nodiscard]] std::string about_unknown_name(const Command& command, const Context& context,
                                             const base::Error& error);

}  // namespace covey::cli
