// SPDX-License-Identifier: BSD-3-Clause
// Tap: the local stack behind a kernel TAP interface, one file descriptor per queue.
//
// Owner: localstack. Threads: as LocalStack says; queues share nothing.
// The interface is made in the network namespace of the thread that calls create() and vanishes,
// with its addresses and switches, when the descriptors close, however the process ends. One system
// call per frame: the kernel's side is a full receive path, so a write costs what the stack costs.
// No offloads: the kernel hands over whole frames with finished checksums, at most one MTU long.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "localstack/local_stack.h"

namespace covey::localstack {

class Tap final : public LocalStack {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<LocalStack>> create(const std::string& name,
                                                                        const Interface& interface,
                                                                        std::uint16_t queues,
                                                                        rte_mempool* pool);
  explicit Tap(rte_mempool* pool) : pool_(pool) {}  // create() makes usable ones
  ~Tap() override;
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  std::uint16_t deliver(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override;
  std::uint16_t collect(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override;
  [[nodiscard]] int readable_fd(std::uint16_t queue) const noexcept override;

 private:
  struct alignas(64) Queue {
    int file = -1;
    rte_mbuf* spare = nullptr;  // ready for the next read, so that an empty poll allocates nothing
  };
  [[nodiscard]] base::Result<void> open_queues(const std::string& name, std::uint16_t queues);

  rte_mempool* pool_;
  std::vector<Queue> queues_;
};

}  // namespace covey::localstack
