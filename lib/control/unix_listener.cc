// SPDX-License-Identifier: BSD-3-Clause
#include "control/unix_listener.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace covey::control {

namespace {

// Who waits there holds no descriptor of ours; who finds it full cannot even be told why.
constexpr int kBacklog = 1024;
constexpr mode_t kSocketMode = 0660;
constexpr const char* kGroup = "covey";

/// A descriptor that closes itself unless it is released.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

int stream_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// sockaddr_un seen as the kernel wants it.
const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Clears the way for bind(): removes a socket that nobody listens on any more.
base::Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return base::fail_errno("look at " + path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return base::fail(base::ErrorCode::refused, path + " exists and is not a socket");
  }
  const Descriptor probe(stream_socket());
  if (probe.get() < 0) return base::fail_errno("socket", errno);
  if (::connect(probe.get(), generic(address), sizeof(address)) == 0 || errno == EAGAIN) {
    return base::fail(base::ErrorCode::refused, "another daemon listens on " + path);
  }
  if (errno != ECONNREFUSED) return base::fail_errno("connect to " + path, errno);
  if (::unlink(path.c_str()) != 0) return base::fail_errno("remove " + path, errno);
  return {};
}

base::Result<void> make_parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (parent.empty() || ::mkdir(parent.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return base::fail_errno("make directory " + parent, errno);
}

base::Result<void> set_owner_and_mode(const std::string& path) {
  // Without the group, or without the right to give files to it, the socket is root's alone.
  if (const group* covey = ::getgrnam(kGroup); covey != nullptr) {
    if (::chown(path.c_str(), static_cast<uid_t>(-1), covey->gr_gid) != 0 && errno != EPERM) {
      return base::fail_errno("give " + path + " to group covey", errno);
    }
  }
  if (::chmod(path.c_str(), kSocketMode) != 0) return base::fail_errno("chmod " + path, errno);
  return {};
}

}  // namespace

base::Result<UnixListener> UnixListener::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "socket path \"" + path + "\" is empty or longer than 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  auto cleared = make_parent(path);
  if (cleared) cleared = remove_stale(path, address);
  if (!cleared) return std::unexpected(cleared.error());

  Descriptor descriptor(stream_socket());
  if (descriptor.get() < 0) return base::fail_errno("socket", errno);
  if (::bind(descriptor.get(), generic(address), sizeof(address)) != 0) {
    return base::fail_errno("bind " + path, errno);
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return base::fail_errno("look at " + path, errno);
  UnixListener listener(path, descriptor.release(), status.st_dev, status.st_ino);
  const auto prepared = set_owner_and_mode(path);
  if (!prepared) return std::unexpected(prepared.error());
  if (::listen(listener.descriptor_, kBacklog) != 0) return base::fail_errno("listen", errno);
  return listener;
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_) {}

UnixListener::~UnixListener() {
  if (descriptor_ >= 0) ::close(descriptor_);
  struct stat status {};
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

int UnixListener::release() {
  return std::exchange(descriptor_, -1);
}

}  // namespace covey::control
