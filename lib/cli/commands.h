// SPDX-License-Identifier: BSD-3-Clause
// The table of commands: one row and one function per command. Parsing, help and suggestions
// follow.
//
// Owner: cli. Thread: one. A command asks the daemon at most a few times, prints its answer (as the
// daemon wrote it with --json) and returns an exit status. Errors are returned, and printed once,
// by run().
#pragma once

#include <array>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/client.h"

namespace covey::cli {

/// Exit statuses, the same as the daemon's.
enum class Exit : int {
  ok = 0,
  failed = 1,
  usage = 2,
  invalid_configuration = 3,  // of the daemon only
  unreachable = 4,
  refused = 5,
  timed_out = 6,
};
[[nodiscard]] Exit exit_of(base::ErrorCode code);

struct Context {
  const Client& client;
  std::ostream& out;
  std::ostream& err;  // notes beside the answer; errors are returned
  bool json = false;
  bool colours = false;
  std::string_view version;
  /// What was given, by the parameter's name in the table; flags have an empty value.
  std::map<std::string, std::string, std::less<>> arguments;

  [[nodiscard]] bool has(std::string_view name) const { return arguments.contains(name); }
  /// Empty if it was not given.
  [[nodiscard]] std::string argument(std::string_view name) const {
    const auto found = arguments.find(name);
    return found == arguments.end() ? "" : found->second;
  }
};

struct Parameter {
  enum class Kind : unsigned char { required, optional, option, flag };
  Kind kind = Kind::required;
  std::string_view name;  // "PORT", "--timeout"; empty: no more parameters
  std::string_view help;
};
inline constexpr std::size_t kMaxParameters = 4;

struct Command {
  std::string_view name;
  std::string_view help;
  base::Result<Exit> (*run)(const Context& context);
  std::array<Parameter, kMaxParameters> parameters{};
};

[[nodiscard]] std::span<const Command> commands();

}  // namespace covey::cli
