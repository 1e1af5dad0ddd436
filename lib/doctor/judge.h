// SPDX-License-Identifier: BSD-3-Clause
// judge(): facts -> what is wrong, why it matters, how to cure it.
//
// Owner: doctor. Thread: any; pure. One function per trap; the table of them is in judge.cc. A
// fault keeps Covey from doing what it was told to; a note is unusual, but may be meant. What
// follows from another finding is not a finding of its own.
#pragma once

#include "api/diagnosis.h"
#include "doctor/facts.h"

namespace covey::doctor {

[[nodiscard]] api::Diagnosis judge(const Facts& facts);

}  // namespace covey::doctor
