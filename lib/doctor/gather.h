// SPDX-License-Identifier: BSD-3-Clause
// look_at(): reads what judge() wants to know of this machine, in the network namespace of the
// caller.
//
// Owner: doctor. Thread: the caller's; it reads /proc, /sys, two devices and netlink, changes
// nothing and waits for nobody. What cannot be read is left out.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace covey::doctor {

/// `key_file`: of the configuration; empty: none is known.
[[nodiscard]] Machine look_at_machine(const std::string& key_file);

}  // namespace covey::doctor
