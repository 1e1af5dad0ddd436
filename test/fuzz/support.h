// SPDX-License-Identifier: BSD-3-Clause
// What fuzz targets share: the way to break off, and the key of the cluster they speak for.
//
// Owner: test/fuzz. Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace covey::fuzz {

/// Stops where a promise is broken: the fuzzer keeps the input.
inline void require(bool promise) {
  if (!promise) std::abort();
}

/// The bytes 0, 1, 2 ... in an array.
template <typename Key>
[[nodiscard]] Key counting_key() {
  Key key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(i);
  return key;
}

}  // namespace covey::fuzz
