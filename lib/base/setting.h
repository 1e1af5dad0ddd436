// SPDX-License-Identifier: BSD-3-Clause
// Setting: a configured value under a name people know, as hosts compare and print them.
//
// Owner: base. Thread: any; plain values. The name says where to look ("rule web: affinity"), the
// value is one line of text. Both are printable and neither contains what joins them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace covey::base {

struct Setting {
  std::string name;
  std::string value;
  friend bool operator==(const Setting&, const Setting&) = default;
};
using Settings = std::vector<Setting>;

/// Longest name, and longest value; longer values are cut and end with a digest of the whole.
inline constexpr std::size_t kMaxSettingText = 512;

}  // namespace covey::base
