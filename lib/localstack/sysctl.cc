// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace covey::localstack {

namespace {

std::string path_of(const std::string& name) {
  return "/proc/sys/net/" + name;
}

base::Result<std::string> read_sysctl(const std::string& name) {
  const int file = ::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return base::fail_errno("open " + path_of(name), errno);
  std::array<char, 64> text{};
  const ssize_t length = ::read(file, text.data(), text.size());
  const int error = errno;
  ::close(file);
  if (length < 0) return base::fail_errno("read " + path_of(name), error);
  std::string value(text.data(), static_cast<std::size_t>(length));
  while (!value.empty() && value.back() == '\n')
    value.pop_back();
  return value;
}

base::Result<void> write_sysctl(const std::string& name, const std::string& value) {
  const int file = ::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return base::fail_errno("open " + path_of(name), errno);
  const ssize_t written = ::write(file, value.data(), value.size());
  const int error = errno;
  ::close(file);
  if (written < 0) return base::fail_errno("write " + value + " to " + path_of(name), error);
  return {};
}

}  // namespace

base::Result<void> set_sysctl(const std::string& name, const std::string& value) {
  const base::Result<std::string> present = read_sysctl(name);
  if (!present) return std::unexpected(present.error());
  if (*present == value) return {};
  return write_sysctl(name, value);
}

SysctlChanges::~SysctlChanges() {
  while (!before_.empty()) {
    // The interface may be gone by now; then there is nothing to put back.
    static_cast<void>(write_sysctl(before_.back().name, before_.back().value));
    before_.pop_back();
  }
}

base::Result<void> SysctlChanges::set(const std::string& name, const std::string& value) {
  base::Result<std::string> present = read_sysctl(name);
  if (!present) return std::unexpected(present.error());
  if (*present == value) return {};
  const base::Result<void> done = write_sysctl(name, value);
  if (done) before_.push_back({name, std::move(*present)});
  return done;
}

}  // namespace covey::localstack
