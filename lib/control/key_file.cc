// SPDX-License-Identifier: BSD-3-Clause
#include "control/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace covey::control {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool close_now() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

/// The file behind symbolic links.
base::Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) return base::fail_errno("key file " + path, errno);
  return std::string(real.get());
}

/// Everything about the new file but its name.
base::Result<void> fill(Descriptor& file, const struct stat& old, std::string_view text) {
  if (file.get() < 0) return base::fail_errno("create", errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return base::fail_errno("stat", errno);
  const bool same_owner = facts.st_uid == old.st_uid && facts.st_gid == old.st_gid;
  if (!same_owner && ::fchown(file.get(), old.st_uid, old.st_gid) != 0)
    return base::fail_errno("give it to the owner of the old one", errno);
  if (::write(file.get(), text.data(), text.size()) != std::ssize(text))
    return base::fail_errno("write", errno);
  if (!file.close_now()) return base::fail_errno("close", errno);
  return {};
}

}  // namespace

base::Result<heartbeat::KeyRing> read_key_file(const std::string& path) {
  const std::string name = "key file " + path;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return base::fail_errno(name, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return base::fail_errno(name, errno);
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return base::fail(base::ErrorCode::permission_denied,
                      name + " has mode " + octal(facts.st_mode) +
                          ": others could read the key (required: 0600)");
  }
  std::array<char, heartbeat::kMaxKeyFile + 1> text{};
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  const int error = errno;
  if (length < 0) return base::fail_errno(name, error);
  auto ring = heartbeat::ring_from_text({text.data(), static_cast<std::size_t>(length)});
  ::explicit_bzero(text.data(), text.size());
  if (!ring) return base::wrap(name, ring.error());
  return ring;
}

base::Result<void> write_key_file(const std::string& path, const heartbeat::KeyRing& ring) {
  const auto place = real_path(path);
  if (!place) return std::unexpected(place.error());
  struct stat old {};
  if (::stat(place->c_str(), &old) != 0) return base::fail_errno("key file " + path, errno);
  const std::string fresh = *place + ".new";
  ::unlink(fresh.c_str());  // what a crash may have left
  Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly));
  std::string text = heartbeat::ring_to_text(ring);
  auto done = fill(file, old, text);
  ::explicit_bzero(text.data(), text.size());
  if (done && std::rename(fresh.c_str(), place->c_str()) != 0)
    done = base::fail_errno("rename", errno);
  if (done) return {};
  ::unlink(fresh.c_str());
  return base::wrap("new key file " + fresh, done.error());
}

}  // namespace covey::control
