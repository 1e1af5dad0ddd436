// SPDX-License-Identifier: BSD-3-Clause
// Commands that work without a daemon (ip2mac asks one only if no address is given).
//
// Owner: cli. Thread: one. Rows of the table in commands.cc.
#pragma once

#include "cli/commands.h"

namespace covey::cli {

[[nodiscard]] base::Result<Exit> ip2mac(const Context& context);
/// 32 bytes of the kernel's random numbers, as 64 hexadecimal digits. Never overwrites a file.
[[nodiscard]] base::Result<Exit> keygen(const Context& context);
[[nodiscard]] base::Result<Exit> version(const Context& context);

}  // namespace covey::cli
