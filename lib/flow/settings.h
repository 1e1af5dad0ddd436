// SPDX-License-Identifier: BSD-3-Clause
// Settings of the flow cache, as the operator gives them (`flows:` in the configuration).
//
// Owner: flow. Thread: any; plain values. Validated by config; the cache asserts what it relies on.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace covey::flow {

struct Settings {
  std::uint32_t capacity = 1048576;  // established flows per worker
  base::Duration tcp_idle = std::chrono::hours(1);
  base::Duration udp_idle = std::chrono::seconds(30);
  base::Duration ipsec_idle = std::chrono::hours(24);
  base::Duration gre_idle = std::chrono::minutes(10);
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace covey::flow
