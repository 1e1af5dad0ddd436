// SPDX-License-Identifier: BSD-3-Clause
// run_watched(): the appliance in a child process; the parent says farewell for it should it die.
//
// Owner: app/coveyd. Thread: the main thread, before there is any other.
// Peers then take over at once instead of waiting for silence and the end of a lease: once the
// workers of the child are dead, nothing of it answers any more, however long the kernel needs to
// clear the process away. The parent holds no key: the frame was sealed by the child while it
// lived. It does not start the child again, that is the service manager's business.
#pragma once

#include <functional>
#include <memory>

#include "config/config.h"
#include "process/last_words.h"
#include "process/pulse.h"

namespace covey::app {

/// Memory that the child shares with the parent.
struct Legacy {
  std::unique_ptr<process::LastWords> last_words;  // kept up to date by the control thread
  std::unique_ptr<process::Pulse> pulse;           // held by each worker
};

/// The exit status of the program. `appliance` runs in the child.
[[nodiscard]] int run_watched(const config::Config& config,
                              const std::function<int(const Legacy&)>& appliance);

}  // namespace covey::app
