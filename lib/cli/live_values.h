// SPDX-License-Identifier: BSD-3-Clause
// Names that the daemon knows: for suggestions, and for the tab key by `covey __complete KIND`.
//
// Owner: cli. Thread: one. A row of the table in commands.cc. Somebody waits at a prompt: a daemon
// that is slow or not there gives no names and no error. Names come from other hosts, too, and go
// onto a command line: one that a shell could take for anything but a word is left out.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace covey::cli {

/// All that the daemon knows of a kind, as it says them; empty if it does not answer soon.
[[nodiscard]] std::vector<std::string> live_names(Values values, const Client& client);
/// Those that are plain words, sorted, each once.
[[nodiscard]] base::Result<Exit> complete(const Context& context);

}  // namespace covey::cli
