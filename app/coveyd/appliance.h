// SPDX-License-Identifier: BSD-3-Clause
// run_appliance(): builds every part from the configuration, connects them, runs until the host has
// left.
//
// Owner: app/coveyd. Thread: the main thread, which becomes the control thread.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "options.h"
#include "parent.h"

namespace covey::app {

/// Returns when the host has left the cluster after a signal; an error means it could not start or
/// go on.
[[nodiscard]] base::Result<void> run_appliance(const config::Config& config,
                                               const DaemonOptions& options, const Legacy& legacy);

}  // namespace covey::app
