// SPDX-License-Identifier: BSD-3-Clause
// run_watched(): the appliance in a child process; the parent says farewell for it should it die.
//
// Owner: app/coveyd. Thread: the main thread, before there is any other.
// Peers then take over at once instead of waiting for silence and the end of a lease: once the
// child has ended, nothing of it answers any more. The parent holds no key: the frame was sealed by
// the child while it lived. It does not start the child again, that is the service manager's
// business.
#pragma once

#include <functional>

#include "config/config.h"
#include "process/last_words.h"

namespace covey::app {

/// The exit status of the program. `appliance` runs in the child and keeps the last words up to
/// date.
[[nodiscard]] int run_watched(const config::Config& config,
                              const std::function<int(process::LastWords*)>& appliance);

}  // namespace covey::app
