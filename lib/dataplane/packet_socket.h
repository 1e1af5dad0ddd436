// SPDX-License-Identifier: BSD-3-Clause
// PacketSocket: any interface of the kernel as uplink, by a packet socket for each queue.
//
// Owner: dataplane. Threads: as port.h says. Many frames for one system call, either way. DPDK's
// af_packet driver shares a ring with the kernel instead; but frames there have no word about
// checksums and segments, so that a neighbour on a virtual link, whose kernel leaves both to a
// device that does not exist, had to be kept from it, and every byte of bulk traffic went through
// both kernels in pieces of one MTU. Here what a sender left over stays so until somebody needs it:
// see docs/decisions/0020.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/port.h"
#include "localstack/long_buffers.h"

namespace covey::dataplane {

class PacketSocket final : public Port {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Port>> open(const Uplink& uplink,
                                                                const StackEnd& stack,
                                                                rte_mempool* pool);
  PacketSocket(const Uplink& uplink, const StackEnd& stack, rte_mempool* pool);  // use open()
  ~PacketSocket() override;
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  [[nodiscard]] base::Result<void> start() override;
  std::uint16_t receive(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override;
  std::uint16_t send(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override;
  [[nodiscard]] Abilities abilities() const override;
  [[nodiscard]] int readable_fd(std::uint16_t queue) const override;
  [[nodiscard]] PortReport report() const override;

 private:
  struct Queue;

  [[nodiscard]] base::Result<void> open_queues(std::uint16_t count);
  [[nodiscard]] rte_mbuf* take(Queue& queue, std::size_t position) const noexcept;
  [[nodiscard]] bool is_wanted(std::uint8_t kind) const noexcept;

  std::string interface_;
  StackEnd stack_;
  rte_mempool* pool_;
  localstack::LongBuffers long_buffers_;
  std::vector<std::unique_ptr<Queue>> queues_;
};

/// Buffers for frames longer than those of the wire that each queue of a packet socket needs.
inline constexpr unsigned kLongBuffersPerSocket = 128;

}  // namespace covey::dataplane
