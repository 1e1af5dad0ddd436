// SPDX-License-Identifier: BSD-3-Clause
// The state that `initial_state: persisted` goes on with after a restart: one word in one file of
// state_dir.
//
// Owner: control. Thread: the control thread; the file is some bytes and is replaced whole, so that
// a crash of the daemon leaves the old or the new word, never half of one.
#pragma once

#include <string>

#include "base/result.h"
#include "control/settings.h"

namespace covey::control {

/// started, stopped or suspended; started where nothing has been kept yet. ErrorCode::corrupt for
/// other contents.
[[nodiscard]] base::Result<InitialState> load_state(const std::string& state_dir);
/// Makes state_dir if it is missing (not its parents).
[[nodiscard]] base::Result<void> save_state(const std::string& state_dir, InitialState state);

}  // namespace covey::control
