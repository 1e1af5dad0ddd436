// SPDX-License-Identifier: BSD-3-Clause
// The part of the loader that is about health checks.
//
// Owner: config. Thread: one. It comes after the port rules, which checks name.
#pragma once

#include "config/config.h"
#include "config/section.h"

namespace covey::config {

inline constexpr std::size_t kMaxHealthChecks = 64;  // each may keep a connection or a program

void load_health(const Section& root, Config& config);

}  // namespace covey::config
