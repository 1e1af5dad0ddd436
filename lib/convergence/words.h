// SPDX-License-Identifier: BSD-3-Clause
// Hosts in words, as events, reasons and the history name them.
//
// Owner: convergence, inner header. Thread: any; pure.
#pragma once

#include <string>

#include "base/ids.h"

namespace covey::convergence {

[[nodiscard]] inline std::string host_text(base::HostId host) {
  return "host " + std::to_string(host.value);
}

/// "host 3", "hosts 1, 2".
[[nodiscard]] inline std::string hosts_text(base::HostSet hosts) {
  std::string text;
  hosts.for_each(
      [&](base::HostId host) { text += (text.empty() ? "" : ", ") + std::to_string(host.value); });
  return (hosts.size() == 1 ? "host " : "hosts ") + text;
}

}  // namespace covey::convergence
