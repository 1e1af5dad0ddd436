// SPDX-License-Identifier: BSD-3-Clause
// How long random tests run, and from which seed: numbers in the environment.
//
// Owner: test/support. Thread: any.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace covey::test {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace covey::test
