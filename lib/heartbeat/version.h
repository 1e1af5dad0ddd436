// SPDX-License-Identifier: BSD-3-Clause
// What this build of coveyd says beyond what every version of the protocol can read.
//
// Owner: heartbeat. Thread: any; constants. They have a file of their own so that a program can be
// linked with those of another minor version: test/lab/native/next_version.cc, with which tests
// upgrade a cluster that runs.
#pragma once

#include <cstdint>
#include <span>

namespace covey::heartbeat {

inline constexpr std::uint8_t kMajorVersion = 1;  // another one is refused
extern const std::uint8_t kMinorVersion;          // any is read: newer ones only add sections

/// Whole sections of a message behind all that this source knows: none, but in a program of a later
/// minor version.
extern const std::span<const std::uint8_t> kLaterSections;

}  // namespace covey::heartbeat
