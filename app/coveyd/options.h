// SPDX-License-Identifier: BSD-3-Clause
// The command line of coveyd.
//
// Owner: app/coveyd. Thread: the main thread, at start.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace covey::app {

struct DaemonOptions {
  std::string file = "/etc/covey/coveyd.yaml";
  bool check_only = false;
  bool test_memory = false;
  bool alone = false;                     // no parent process
  std::optional<std::string> socket;      // overrides api.socket
  std::optional<std::string> log_format;  // overrides log.format
  bool verbose = false;
  std::vector<std::string> eal_arguments;  // what follows `--`
};

/// The options, or the exit status of a program that is done (help, version, usage error already
/// printed).
[[nodiscard]] std::variant<DaemonOptions, int> parse_command_line(int argc, char** argv);

}  // namespace covey::app
