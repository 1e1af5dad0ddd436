// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace covey::dataplane {

bool Payload::assign(std::span<const std::uint8_t> source) {
  if (source.size() > bytes.size()) return false;
  length = static_cast<std::uint16_t>(source.size());
  std::memcpy(bytes.data(), source.data(), source.size());
  return true;
}

base::Result<std::unique_ptr<Mailboxes>> Mailboxes::create(unsigned workers) {
  const int event_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd < 0) return base::fail_errno("make an eventfd", errno);
  return std::make_unique<Mailboxes>(event_fd, workers);
}

Mailboxes::Mailboxes(int event_fd, unsigned workers) : event_fd_(event_fd) {
  for (unsigned i = 0; i < workers; ++i)
    to_control_.push_back(std::make_unique<FromWorker>());
}

Mailboxes::~Mailboxes() {
  ::close(event_fd_);
}

bool Mailboxes::post_heartbeat(std::span<const std::uint8_t> payload) {
  Payload slot;
  if (slot.assign(payload) && to_segment_.try_push(std::move(slot))) return true;
  lost_to_segment_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool Mailboxes::take_heartbeat(std::vector<std::uint8_t>& payload) {
  Payload slot;
  for (const std::unique_ptr<FromWorker>& from : to_control_) {
    if (!from->ring.try_pop(slot)) continue;
    payload.assign(slot.view().begin(), slot.view().end());
    return true;
  }
  return false;
}

bool Mailboxes::deliver_heartbeat(unsigned worker, std::span<const std::uint8_t> payload) noexcept {
  FromWorker& to = *to_control_[worker];
  Payload slot;
  if (slot.assign(payload) && to.ring.try_push(std::move(slot))) return true;
  to.lost.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void Mailboxes::wake() noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is at its limit, and then the descriptor is readable anyway.
  if (::write(event_fd_, &one, sizeof(one)) < 0) return;
}

void Mailboxes::clear_wake() noexcept {
  std::uint64_t count = 0;
  if (::read(event_fd_, &count, sizeof(count)) < 0) return;  // nothing was pending
}

std::uint64_t Mailboxes::heartbeats_lost() const {
  std::uint64_t lost = lost_to_segment_.load(std::memory_order_relaxed);
  for (const std::unique_ptr<FromWorker>& from : to_control_) {
    lost += from->lost.load(std::memory_order_relaxed);
  }
  return lost;
}

}  // namespace covey::dataplane
