// SPDX-License-Identifier: BSD-3-Clause
// What `initial_state: persisted` goes on with after a restart, in two files of state_dir: the
// state of the host, one word, and the rules that the operator does not have enabled, a line each.
//
// Owner: control. Thread: the control thread; a file is some bytes and is replaced whole, so that a
// crash of the daemon leaves what was or what is, never half of it.
#pragma once

#include <string>

#include "base/result.h"
#include "control/rule_states.h"
#include "control/settings.h"

namespace covey::control {

/// started, stopped or suspended; started where nothing has been kept yet. ErrorCode::corrupt for
/// other contents.
[[nodiscard]] base::Result<InitialState> load_state(const std::string& state_dir);
/// Makes state_dir if it is missing (not its parents).
[[nodiscard]] base::Result<void> save_state(const std::string& state_dir, InitialState state);

/// None where nothing has been kept yet. ErrorCode::corrupt as above.
[[nodiscard]] base::Result<RuleStates::Kept> load_rule_states(const std::string& state_dir);
/// As save_state().
[[nodiscard]] base::Result<void> save_rule_states(const std::string& state_dir,
                                                  const RuleStates::Kept& states);

}  // namespace covey::control
