// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mailbox.h"

#include <cstring>
#include <utility>

namespace covey::dataplane {

bool Payload::assign(std::span<const std::uint8_t> source) {
  if (source.size() > bytes.size()) return false;
  length = static_cast<std::uint16_t>(source.size());
  std::memcpy(bytes.data(), source.data(), source.size());
  return true;
}

base::Result<std::unique_ptr<Mailboxes>> Mailboxes::create(unsigned workers) {
  base::Result<std::unique_ptr<Doorbell>> of_control = Doorbell::create();
  if (!of_control) return std::unexpected(of_control.error());
  std::vector<std::unique_ptr<Doorbell>> of_workers;
  for (unsigned i = 0; i < workers; ++i) {
    base::Result<std::unique_ptr<Doorbell>> made = Doorbell::create();
    if (!made) return std::unexpected(made.error());
    of_workers.push_back(std::move(*made));
  }
  return std::make_unique<Mailboxes>(std::move(*of_control), std::move(of_workers));
}

Mailboxes::Mailboxes(std::unique_ptr<Doorbell> of_control,
                     std::vector<std::unique_ptr<Doorbell>> of_workers)
    : of_control_(std::move(of_control)), of_workers_(std::move(of_workers)) {
  for (std::size_t i = 0; i < of_workers_.size(); ++i)
    to_control_.push_back(std::make_unique<FromWorker>());
}

bool Mailboxes::post_heartbeat(std::span<const std::uint8_t> payload) {
  Payload slot;
  if (slot.assign(payload) && to_segment_.try_push(std::move(slot))) {
    doorbell(0).ring();
    return true;
  }
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

std::uint64_t Mailboxes::heartbeats_lost() const {
  std::uint64_t lost = lost_to_segment_.load(std::memory_order_relaxed);
  for (const std::unique_ptr<FromWorker>& from : to_control_) {
    lost += from->lost.load(std::memory_order_relaxed);
  }
  return lost;
}

}  // namespace covey::dataplane
