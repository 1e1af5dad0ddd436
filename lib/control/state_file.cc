// SPDX-License-Identifier: BSD-3-Clause
#include "control/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

namespace covey::control {

namespace {

constexpr std::array<std::pair<InitialState, std::string_view>, 3> kWords = {{
    {InitialState::started, "started\n"},
    {InitialState::stopped, "stopped\n"},
    {InitialState::suspended, "suspended\n"},
}};

std::string file_in(const std::string& state_dir) {
  return state_dir + "/host-state";
}

/// Closes the descriptor in any case. Not synced: a slow disk must never hold up heartbeats, and
/// the rename keeps old or new contents through a crash of the daemon.
bool write_all(int descriptor, std::string_view word) {
  const bool written = ::write(descriptor, word.data(), word.size()) == std::ssize(word);
  return ::close(descriptor) == 0 && written;
}

}  // namespace

base::Result<InitialState> load_state(const std::string& state_dir) {
  const std::string path = file_in(state_dir);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return InitialState::started;
  if (descriptor < 0) return base::fail_errno("open " + path, errno);
  std::array<char, 32> bytes{};
  const ssize_t length = ::read(descriptor, bytes.data(), bytes.size());
  const int error = errno;
  ::close(descriptor);
  if (length < 0) return base::fail_errno("read " + path, error);
  const std::string_view word(bytes.data(), static_cast<std::size_t>(length));
  for (const auto& [state, known] : kWords) {
    if (word == known) return state;
  }
  return base::fail(base::ErrorCode::corrupt, path + ": not one of started, stopped, suspended");
}

base::Result<void> save_state(const std::string& state_dir, InitialState state) {
  std::string_view word;
  for (const auto& [known, text] : kWords) {
    if (known == state) word = text;
  }
  if (word.empty()) return base::fail(base::ErrorCode::invalid_argument, "no state to keep");
  if (::mkdir(state_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::fail_errno("make directory " + state_dir, errno);
  }
  const std::string path = file_in(state_dir);
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return base::fail_errno("open " + fresh, errno);
  if (!write_all(descriptor, word)) return base::fail_errno("write " + fresh, errno);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return base::fail_errno("rename " + fresh, errno);
  }
  return {};
}

}  // namespace covey::control
