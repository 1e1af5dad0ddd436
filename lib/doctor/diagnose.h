// SPDX-License-Identifier: BSD-3-Clause
// diagnose(): what a daemon says and what this machine shows -> what is wrong. `covey doctor`.
//
// Owner: doctor. Thread: the caller's; see gather.h for what is read, judge.h for what is judged.
#pragma once

#include "api/diagnosis.h"

namespace covey::doctor {

[[nodiscard]] api::Diagnosis diagnose(const api::Doctoring& about);

}  // namespace covey::doctor
