// SPDX-License-Identifier: BSD-3-Clause
// The command line of coveyd: its options and its exit statuses.
//
// Owner: app/coveyd. Thread: the main thread, at start. A library of its own, so that the manual is
// made from the options themselves without the data plane behind them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace covey::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitBadConfiguration = 3;
inline constexpr int kExitSignal = 128;  // and the number of the signal, as shells have it

struct DaemonStatus {
  std::string_view status;
  std::string_view meaning;
};
inline constexpr auto kDaemonStatuses = std::to_array<DaemonStatus>({
    {"0", "it ended as it was told to; with --check: the configuration is good"},
    {"1", "failed; the reason is the last line of the log"},
    {"2", "the command line is wrong"},
    {"3", "the configuration has mistakes, each of them printed with its place"},
    {"128+N", "signal N ended the daemon"},
});

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

/// One option as the parser knows it.
struct OptionText {
  std::string names;  // "-f, --file"
  bool has_value = false;
  std::string fallback;  // what it is if it is not given; may be empty
  std::string help;
};
[[nodiscard]] std::vector<OptionText> option_texts();

}  // namespace covey::app
