// SPDX-License-Identifier: BSD-3-Clause
// The command line of covey-replay.
//
// Owner: app/covey-replay. Thread: the main thread, at start.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/ids.h"

namespace covey::app {

struct ReplayOptions {
  std::string capture;
  std::string config = "/etc/covey/coveyd.yaml";
  std::optional<base::HostId> own;     // else host.id of the configuration
  std::optional<base::HostSet> hosts;  // else cluster.hosts of it, else that host alone
  bool without_key = false;
  bool json = false;
};

/// The options, or the exit status of a program that is done (help, version, usage error already
/// printed).
[[nodiscard]] std::variant<ReplayOptions, int> parse_command_line(int argc, char** argv);

}  // namespace covey::app
