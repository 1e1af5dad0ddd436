// SPDX-License-Identifier: BSD-3-Clause
// differences(): what a changed configuration file means to a daemon that runs, in words.
//
// Owner: config. Thread: any; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace covey::config {

struct Difference {
  std::string path;    // "cluster.buckets"; rules by name: "port_rules[web].affinity"
  std::string before;  // empty: it is not there
  std::string after;   // likewise
  bool needs_restart = false;

  /// "port_rules[web].affinity: none -> single", "port_rules[ssh]: added (vip all, ...)".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Difference&, const Difference&) = default;
};

/// In the order of the reference. A rule that only one of them has is one difference.
[[nodiscard]] std::vector<Difference> differences(const Config& running, const Config& wanted);

/// What can change while the daemon runs: these keys and all below them.
[[nodiscard]] std::span<const std::string_view> reloadable_keys();

}  // namespace covey::config
