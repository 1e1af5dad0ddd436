// SPDX-License-Identifier: BSD-3-Clause
// `covey key`: who holds which cluster key, and the steps of a rotation on one host.
//
// Owner: cli. Thread: one. A row of the table in commands.cc. The file with a new key is read here,
// with the rights of whoever runs the command, and handed to the daemon over its socket: the daemon
// opens no file that somebody else names.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> key(const Context& context);

}  // namespace covey::cli
