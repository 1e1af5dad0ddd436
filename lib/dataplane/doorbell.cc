// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace covey::dataplane {

base::Result<std::unique_ptr<Doorbell>> Doorbell::create() {
  const int event_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd < 0) return base::fail_errno("make an eventfd", errno);
  return std::make_unique<Doorbell>(event_fd);
}

Doorbell::~Doorbell() {
  ::close(event_fd_);
}

void Doorbell::ring() noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is at its limit, and then the descriptor is readable anyway.
  if (::write(event_fd_, &one, sizeof(one)) < 0) return;
}

void Doorbell::silence() noexcept {
  std::uint64_t count = 0;
  if (::read(event_fd_, &count, sizeof(count)) < 0) return;  // it had not rung
}

}  // namespace covey::dataplane
