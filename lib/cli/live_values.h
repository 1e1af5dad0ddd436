// SPDX-License-Identifier: BSD-3-Clause
// `covey __complete KIND`: names that the daemon knows, a line each, for the tab key.
//
// Owner: cli. Thread: one. A row of the table in commands.cc. Somebody waits at a prompt: a daemon
// that is slow or not there gives no names and no error. Names come from other hosts, too, and go
// onto a command line: one that a shell could take for anything but a word is left out.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> complete(const Context& context);

}  // namespace covey::cli
