// SPDX-License-Identifier: BSD-3-Clause
// The table of commands: one row and one function per command. Parsing, help, suggestions,
// completion and manual follow.
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
#include <vector>

#include "base/result.h"
#include "cli/client.h"
#include "cli/offline.h"

namespace covey::cli {

/// Exit statuses, the same as the daemon's.
enum class Exit : int {
  ok = 0,
  failed = 1,
  usage = 2,
  invalid_configuration = 3,  // of a file: coveyd, covey reload, covey explain -f
  unreachable = 4,
  refused = 5,
  timed_out = 6,
};
struct ExitStatus {
  Exit status;
  std::string_view meaning;
};
/// Those of `covey`, by number.
[[nodiscard]] std::span<const ExitStatus> exit_statuses();
[[nodiscard]] Exit exit_of(base::ErrorCode code);

struct Context {
  const Client& client;
  const Offline& offline;
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

/// What may stand for a parameter beside its words; all but the first two are completed by a shell.
enum class Values : unsigned char {
  free,        // any text: the command judges it
  only_words,  // nothing: the list of words is closed, and the parser refuses anything else
  file,
  host,
  rule,
  virtual_ip,
  service,  // ADDRESS:PORT that a rule covers
  verdict,
};

struct Parameter {
  enum class Kind : unsigned char { required, optional, option, flag };
  Kind kind = Kind::required;
  std::string_view name;  // "PORT", "--timeout"; empty: no more parameters
  std::string_view help;
  Values values = Values::free;
  std::string_view words = {};  // with blanks between them: "tcp udp"
};
inline constexpr std::size_t kMaxParameters = 9;
[[nodiscard]] std::vector<std::string_view> words_of(const Parameter& parameter);

/// An option that every command takes.
struct CommonOption {
  std::string_view letter;  // "-s"; may be empty
  std::string_view value;   // what its value is called; empty for a flag
  Parameter parameter;
};
inline constexpr std::string_view kDefaultSocket = "/run/covey/coveyd.sock";
[[nodiscard]] std::span<const CommonOption> common_options();

struct Command {
  std::string_view name;
  std::string_view help;
  base::Result<Exit> (*run)(const Context& context);
  std::array<Parameter, kMaxParameters> parameters{};

  /// For scripts of ours: in no help, completion or manual.
  [[nodiscard]] bool is_hidden() const { return name.starts_with("__"); }
  /// Without the empty ones at the end of the array.
  [[nodiscard]] std::span<const Parameter> given() const;
};

[[nodiscard]] std::span<const Command> commands();
/// "trace [N] [--timeout VALUE]", without the program's name and the common options.
[[nodiscard]] std::string usage_of(const Command& command);
inline constexpr std::string_view kUsage = "covey [-s SOCKET] [--json] [--no-color] COMMAND";

}  // namespace covey::cli
