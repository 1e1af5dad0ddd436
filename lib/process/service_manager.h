// SPDX-License-Identifier: BSD-3-Clause
// The service manager (systemd, or who speaks its protocol): whether there is one, how long it
// waits for signs of life, and how to tell it news, which are lines NAME=value as in sd_notify(3).
//
// Owner: process. Thread: any, one at a time. Nothing is kept: the manager is who the environment
// names ($NOTIFY_SOCKET, $WATCHDOG_USEC), and nobody if it names nobody.
#pragma once

#include <string>

#include "base/time.h"

namespace covey::process {

[[nodiscard]] bool has_service_manager();
/// Zero: it does not wait for signs of life, or not for those of this process.
[[nodiscard]] base::Duration service_manager_patience();
/// Waits for a tenth of a second at most. Nothing happens if there is none, or if it does not
/// listen: it is not worth ending for.
void tell_service_manager(const std::string& news);

}  // namespace covey::process
