// SPDX-License-Identifier: BSD-3-Clause
#include "key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace covey::app {
namespace {

constexpr std::size_t kLongestKeyFile = 2 * heartbeat::kKeyBytes + 2;  // hex digits and a line end

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

base::Result<heartbeat::ClusterKey> read_key_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return base::fail_errno("key file " + path, errno);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return base::fail_errno("key file " + path, errno);
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return base::fail(
        base::ErrorCode::permission_denied,
        fmt::format("key file {} has mode {:04o}: others could read the key (required: 0600)", path,
                    facts.st_mode & 07777U));
  }
  std::array<char, kLongestKeyFile + 1> text{};
  const ssize_t length = read(file.get(), text.data(), text.size());
  if (length < 0) return base::fail_errno("key file " + path, errno);
  std::string_view digits(text.data(), static_cast<std::size_t>(length));
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r'))
    digits.remove_suffix(1);
  auto key = heartbeat::key_from_hex(digits);
  if (!key) return base::wrap("key file " + path, key.error());
  return key;
}

}  // namespace covey::app
