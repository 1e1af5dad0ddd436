// SPDX-License-Identifier: BSD-3-Clause
#include "process/messenger.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace covey::process {

namespace {

// Bytes: one long text or some short ones, so that a parent which is slow to pass them on has
// little left to do when the child has ended.
constexpr int kQueue = 4 * static_cast<int>(kLongestText);

}  // namespace

base::Result<std::unique_ptr<Messenger>> Messenger::make() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return base::fail_errno("a socket between parent and daemon", errno);
  ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kQueue, sizeof(kQueue));
  return std::make_unique<Messenger>(ends[0], ends[1]);
}

Messenger::~Messenger() {
  if (child_ >= 0) ::close(child_);
  ::close(parent_);
}

bool Messenger::send(std::string_view text) const {
  const std::size_t length = std::min(text.size(), kLongestText);
  return ::send(child_, text.data(), length, MSG_DONTWAIT | MSG_NOSIGNAL) == std::ssize(text);
}

void Messenger::pass_on(const std::function<void(const std::string&)>& take) {
  // Then the child's is the only one, and its end is the end of what can be read.
  ::close(std::exchange(child_, -1));
  std::array<char, kLongestText> text;
  while (true) {
    const ssize_t length = ::recv(parent_, text.data(), text.size(), 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return;
    take(std::string(text.data(), static_cast<std::size_t>(length)));
  }
}

}  // namespace covey::process
