// SPDX-License-Identifier: BSD-3-Clause
#include "control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace covey::control {

namespace {

constexpr std::array<std::pair<InitialState, std::string_view>, 3> kWords = {{
    {InitialState::started, "started\n"},
    {InitialState::stopped, "stopped\n"},
    {InitialState::suspended, "suspended\n"},
}};

constexpr std::array kRuleStates = {RuleState::draining, RuleState::disabled};
constexpr std::size_t kMostBytes = 256U * 1024;  // 1024 rules with names of 64 characters, and more

std::string host_file(const std::string& state_dir) {
  return state_dir + "/host-state";
}
std::string rules_file(const std::string& state_dir) {
  return state_dir + "/rule-states";
}

/// Closes the descriptor in any case. Not synced: a slow disk must never hold up heartbeats, and
/// the rename keeps old or new contents through a crash of the daemon.
bool write_all(int descriptor, std::string_view text) {
  const bool written = ::write(descriptor, text.data(), text.size()) == std::ssize(text);
  return ::close(descriptor) == 0 && written;
}

/// Nothing if there is no such file.
base::Result<std::optional<std::string>> read_whole(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return std::nullopt;
  if (descriptor < 0) return base::fail_errno("open " + path, errno);
  std::string text(kMostBytes, '\0');
  const ssize_t length = ::read(descriptor, text.data(), text.size());
  const int error = errno;
  ::close(descriptor);
  if (length < 0) return base::fail_errno("read " + path, error);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

base::Result<void> replace(const std::string& state_dir, const std::string& path,
                           std::string_view text) {
  if (::mkdir(state_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::fail_errno("make directory " + state_dir, errno);
  }
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return base::fail_errno("open " + fresh, errno);
  if (!write_all(descriptor, text)) return base::fail_errno("write " + fresh, errno);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return base::fail_errno("rename " + fresh, errno);
  }
  return {};
}

/// "draining web"; false if it is no such line.
bool take_line(std::string_view line, RuleStates::Kept& states) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || blank + 1 == line.size()) return false;
  const auto* const state = std::ranges::find(kRuleStates, line.substr(0, blank), name);
  if (state == kRuleStates.end()) return false;
  return states.emplace(line.substr(blank + 1), *state).second;
}

}  // namespace

base::Result<InitialState> load_state(const std::string& state_dir) {
  const std::string path = host_file(state_dir);
  const auto text = read_whole(path);
  if (!text) return std::unexpected(text.error());
  if (!*text) return InitialState::started;
  for (const auto& [state, known] : kWords) {
    if (**text == known) return state;
  }
  return base::fail(base::ErrorCode::corrupt, path + ": not one of started, stopped, suspended");
}

base::Result<void> save_state(const std::string& state_dir, InitialState state) {
  std::string_view word;
  for (const auto& [known, text] : kWords) {
    if (known == state) word = text;
  }
  if (word.empty()) return base::fail(base::ErrorCode::invalid_argument, "no state to keep");
  return replace(state_dir, host_file(state_dir), word);
}

base::Result<RuleStates::Kept> load_rule_states(const std::string& state_dir) {
  const std::string path = rules_file(state_dir);
  const auto text = read_whole(path);
  if (!text) return std::unexpected(text.error());
  RuleStates::Kept states;
  for (std::string_view rest = *text ? std::string_view(**text) : ""; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !take_line(rest.substr(0, end), states)) {
      return base::fail(base::ErrorCode::corrupt,
                        path + ": not lines of draining or disabled and a rule");
    }
    rest.remove_prefix(end + 1);
  }
  return states;
}

base::Result<void> save_rule_states(const std::string& state_dir, const RuleStates::Kept& states) {
  std::string text;
  for (const auto& [rule, state] : states)
    text += std::string(name(state)) + ' ' + rule + '\n';
  return replace(state_dir, rules_file(state_dir), text);
}

}  // namespace covey::control
