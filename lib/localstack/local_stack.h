// SPDX-License-Identifier: BSD-3-Clause
// LocalStack: the way to and from this machine's own network stack; one interface, several
// backends.
//
// Owner: localstack. Threads: created and destroyed by the control thread; deliver() and collect()
// of one queue only from that queue's worker. Never blocks: what the stack cannot take now is
// refused and counted by the caller. Bursts are of mbufs so that no frame is copied more often than
// the backend must. A frame that the stack sends may be long, and its checksum open: what is left
// to do is said beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "localstack/long_buffers.h"
#include "localstack/settings.h"
#include "packet/parse.h"
#include "packet/segment.h"

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

/// What frames may be when they are delivered, with what was left over of them still noted in the
/// mbuf, see left_over.h.
struct Accepted {
  bool open_checksums = false;
  bool long_segments = false;   // of TCP
  bool long_datagrams = false;  // of UDP: several of one sender, to be cut
};

class LocalStack {
 public:
  virtual ~LocalStack() = default;

  /// Gives frames to the stack, with what was read of each. Those that were taken are the
  /// backend's, and nullptr in `frames`; the rest stay the caller's. Headers may be changed.
  virtual void deliver(std::uint16_t queue, std::span<rte_mbuf*> frames,
                       std::span<const packet::FrameView* const> views) noexcept = 0;
  /// Frames the stack wants to send, and what it left over of each; they are the caller's. All are
  /// flat. At most kLongPerCollect have more bytes than a buffer of the pool, up to kLongestFrame;
  /// they come back before the next call.
  virtual std::uint16_t collect(std::uint16_t queue, std::span<rte_mbuf*> frames,
                                std::span<packet::LeftOver> left) noexcept = 0;
  /// For a worker that is about to sleep, because collect() found nothing: a file descriptor that
  /// becomes readable when it would return frames; -1: poll. It may be readable in vain.
  [[nodiscard]] virtual int readable_fd(std::uint16_t queue) noexcept = 0;
  [[nodiscard]] virtual Accepted accepts() const noexcept = 0;
};

/// `pool` gives the mbufs of collect(). Errors name the system call and the interface.
[[nodiscard]] base::Result<std::unique_ptr<LocalStack>> open(const Settings& settings,
                                                             const Interface& interface,
                                                             std::uint16_t queues,
                                                             rte_mempool* pool);

}  // namespace covey::localstack
