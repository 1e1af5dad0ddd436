// SPDX-License-Identifier: BSD-3-Clause
// LocalStack: the way to and from this machine's own network stack; one interface, several
// backends.
//
// Owner: localstack. Threads: created and destroyed by the control thread; deliver() and collect()
// of one queue only from that queue's worker. Never blocks: what the stack cannot take now is
// refused and counted by the caller. Bursts are of mbufs so that no frame is copied more often than
// the backend must.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "localstack/settings.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::localstack {

/// How the kernel end is to be set up; undone when the LocalStack is destroyed.
struct Interface {
  base::MacAddress mac;
  std::uint16_t mtu = 1500;
  std::vector<base::IpPrefix>
      addresses;  // virtual IPs and the dedicated address; no duplicate detection
};

class LocalStack {
 public:
  virtual ~LocalStack() = default;

  /// Gives frames to the stack. Returns how many were taken, from the front; those are freed or
  /// owned by the backend, the rest stay the caller's.
  virtual std::uint16_t deliver(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept = 0;
  /// Frames the stack wants to send; they are the caller's.
  virtual std::uint16_t collect(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept = 0;
  /// A file descriptor that becomes readable when collect() would return frames; -1: poll.
  [[nodiscard]] virtual int readable_fd(std::uint16_t queue) const noexcept = 0;
};

/// `pool` gives the mbufs of collect(). Errors name the system call and the interface.
[[nodiscard]] base::Result<std::unique_ptr<LocalStack>> open(const Settings& settings,
                                                             const Interface& interface,
                                                             std::uint16_t queues,
                                                             rte_mempool* pool);

}  // namespace covey::localstack
