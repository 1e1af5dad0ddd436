// SPDX-License-Identifier: BSD-3-Clause
// `covey completion SHELL`: a script that completes command lines, made from the table of commands.
//
// Owner: cli. Thread: any; pure functions. What the table says (commands, options, closed words) is
// written into the script; what only the daemon knows, the script asks `covey __complete` for at
// the moment of the key press. The scripts need no other package, such as bash-completion.
#pragma once

#include <string>
#include <string_view>

#include "cli/commands.h"

namespace covey::cli {

/// `shell`: a word of the row's SHELL.
[[nodiscard]] std::string completion_script(std::string_view shell);
[[nodiscard]] base::Result<Exit> completion(const Context& context);

}  // namespace covey::cli
