// SPDX-License-Identifier: BSD-3-Clause
// run_watched(): the appliance in a child process; the parent says farewell for it should it die.
//
// Owner: app/coveyd. Thread: the main thread, before there is any other.
// Peers then take over at once instead of waiting for silence and the end of a lease: once the
// workers of the child are dead, nothing of it answers any more, however long the kernel needs to
// clear the process away. The parent holds no key: the frame was sealed by the child while it
// lived. It does not start the child again, that is the service manager's business, to whom it
// passes on what the child has to say.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"
#include "config/config.h"
#include "control/ports.h"
#include "process/last_words.h"
#include "process/messenger.h"
#include "process/pulse.h"

namespace covey::app {

/// What the child shares with the parent; nothing of it if there is no parent.
struct Legacy {
  std::unique_ptr<process::LastWords> last_words;  // kept up to date by the control thread
  std::unique_ptr<process::Pulse> pulse;           // held by each worker
  std::unique_ptr<process::Messenger> messenger;   // null without a service manager
  base::Duration patience{};                       // of the service manager; zero: any
};

/// What the appliance has to tell whom: the service manager, by the messenger if there is one.
[[nodiscard]] control::Supervisor supervisor(const Legacy& legacy);

/// The exit status of the program. `appliance` runs in the child.
[[nodiscard]] int run_watched(const config::Config& config,
                              const std::function<int(const Legacy&)>& appliance);
/// The same without a parent.
[[nodiscard]] int run_alone(const std::function<int(const Legacy&)>& appliance);

}  // namespace covey::app
