// SPDX-License-Identifier: BSD-3-Clause
// COVEY_ASSERT: a broken promise of our own code stops the program, in every build.
//
// Owner: base. Thread: any.
// For our mistakes only. Data from outside (packets, files, peers, operators) is never asserted
// upon. The per-packet path uses COVEY_DEBUG_ASSERT, which costs nothing in release builds.
#pragma once

namespace covey::base {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace covey::base

#define COVEY_ASSERT(expression) \
  (static_cast<bool>(expression) \
       ? static_cast<void>(0)    \
       : ::covey::base::assertion_failed(#expression, __FILE__, __LINE__))

#ifdef NDEBUG
#define COVEY_DEBUG_ASSERT(expression) static_cast<void>(0)
#else
#define COVEY_DEBUG_ASSERT(expression) COVEY_ASSERT(expression)
#endif
