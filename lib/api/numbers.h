// SPDX-License-Identifier: BSD-3-Clause
// Numbers in the parameters of a request.
//
// Owner: api. Thread: any; pure functions. Errors are invalid_argument and name the
// parameter and what is allowed.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "base/result.h"

namespace covey::api {

template <typename Integer>
bool is_number(std::string_view text, Integer& value, int base = 10) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc() && stop == end;
}

template <typename Integer>
struct Range {
  Integer least;
  Integer most;
};

template <typename Integer>
base::Result<Integer> number_in(Range<Integer> range, const std::string& name,
                                std::string_view text) {
  Integer value = 0;
  if (is_number(text, value) && value >= range.least && value <= range.most) return value;
  return base::fail(base::ErrorCode::invalid_argument, name + ": not a number of " +
                                                           std::to_string(range.least) + ".." +
                                                           std::to_string(range.most));
}

}  // namespace covey::api
