// SPDX-License-Identifier: BSD-3-Clause
// VirtioUser: the local stack behind an interface that the kernel's vhost-net serves, through
// DPDK's virtio_user driver.
//
// Owner: localstack. Threads: as LocalStack says; queues share nothing.
// The frames lie in rings that a thread of the kernel (vhost-PID) empties and fills: a worker makes
// a system call only to wake that thread. What the thread does not take makes the ring full, and
// the rest is refused. The interface is a TAP, and so are the promises: made in the network
// namespace of the thread that calls create(), gone with the process; long segments both ways, put
// together by gather.h and here made chains, unless `offload` is off. Long ones of the kernel come
// in chains, too, and are copied flat.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "localstack/device.h"
#include "localstack/gather.h"
#include "localstack/local_stack.h"
#include "localstack/long_buffers.h"

namespace covey::localstack {

class VirtioUser final : public LocalStack {
 public:
  struct Plan {
    std::string device;     // DPDK's name for it; begins with virtio_user
    std::string path;       // of vhost-net, or of the socket on which a vhost-user listens
    std::string interface;  // that vhost-net makes; empty for a vhost-user
    base::MacAddress mac;
    std::uint16_t mtu = 1500;
    std::uint16_t queues = 1;
    bool offload = true;
  };

  [[nodiscard]] static base::Result<std::unique_ptr<LocalStack>> create(const Settings& settings,
                                                                        const Interface& interface,
                                                                        std::uint16_t queues,
                                                                        rte_mempool* pool);
  /// The device alone, without what the kernel has to know about its interface.
  [[nodiscard]] static base::Result<std::unique_ptr<LocalStack>> attach(const Plan& plan,
                                                                        rte_mempool* pool);
  explicit VirtioUser(Device device) : device_(std::move(device)) {}  // use create()
  ~VirtioUser() override;
  VirtioUser(const VirtioUser&) = delete;
  VirtioUser& operator=(const VirtioUser&) = delete;

  void deliver(std::uint16_t queue, std::span<rte_mbuf*> frames,
               std::span<const packet::FrameView* const> views) noexcept override;
  std::uint16_t collect(std::uint16_t queue, std::span<rte_mbuf*> frames,
                        std::span<packet::LeftOver> left) noexcept override;
  [[nodiscard]] int readable_fd(std::uint16_t queue) noexcept override;
  /// No long datagrams: the driver has no word for them.
  [[nodiscard]] Accepted accepts() const noexcept override { return {merges_, merges_, false}; }

 private:
  struct alignas(64) Queue {
    int signal = -1;         // eventfd of the driver; -1: there is none
    bool is_armed = false;   // the kernel writes to it
    bool has_slept = false;  // since the last look
    Gathering gathering;
    std::array<rte_mbuf*, kLongPerCollect> spares{};  // long buffers; they go with their pool
    std::size_t spare_count = 0;
  };

  [[nodiscard]] base::Result<void> open_queues(const Plan& plan, rte_mempool* pool);
  void deliver_some(std::uint16_t queue, std::span<rte_mbuf*> frames,
                    std::span<const packet::FrameView* const> views) noexcept;
  [[nodiscard]] std::size_t fill_spares(Queue& queue) noexcept;
  [[nodiscard]] static rte_mbuf* flat(Queue& queue, rte_mbuf* frame) noexcept;
  void wake(std::uint16_t queue) noexcept;

  Device device_;
  bool is_started_ = false;
  bool merges_ = false;      // the device takes long segments
  bool takes_long_ = false;  // and gives some
  LongBuffers long_buffers_;
  std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace covey::localstack
