// SPDX-License-Identifier: BSD-3-Clause
// Tap: the local stack behind a kernel TAP interface, one file descriptor per queue.
//
// Owner: localstack. Threads: as LocalStack says; queues share nothing.
// The interface is made in the network namespace of the thread that calls create() and vanishes,
// with its addresses and switches, when the descriptors close, however the process ends.
// A frame may be a TCP segment of up to 64 KiB. Towards the kernel such are put together here
// (gather.h), and say that their checksum need not be looked at. From the kernel they come as they
// are, with the checksum open, and are the caller's to finish. With `offload` off both directions
// have whole frames of at most one MTU. Where the kernel lets us, one system call carries many
// frames (batch.h).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "localstack/batch.h"
#include "localstack/gather.h"
#include "localstack/local_stack.h"
#include "localstack/long_buffers.h"
#include "localstack/preface.h"
#include "localstack/spare_buffer.h"

namespace covey::localstack {

class Tap final : public LocalStack {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<LocalStack>> create(const Settings& settings,
                                                                        const Interface& interface,
                                                                        std::uint16_t queues,
                                                                        rte_mempool* pool);
  Tap(bool offload, rte_mempool* pool) : offload_(offload), pool_(pool) {}  // use create()
  ~Tap() override;
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  void deliver(std::uint16_t queue, std::span<rte_mbuf*> frames,
               std::span<const packet::FrameView* const> views) noexcept override;
  std::uint16_t collect(std::uint16_t queue, std::span<rte_mbuf*> frames,
                        std::span<packet::LeftOver> left) noexcept override;
  [[nodiscard]] int readable_fd(std::uint16_t queue) noexcept override;
  [[nodiscard]] Accepted accepts() const noexcept override { return {true, offload_, offload_}; }

 private:
  /// The messages of a batch, each of several pieces of memory.
  struct Messages {
    std::array<Preface, Gathering::kMost> prefaces;
    std::array<iovec, 4 * Gathering::kMost> pieces;  // a preface and a frame each, with slack
    std::array<std::span<const iovec>, Gathering::kMost> parts;
    std::size_t count = 0;
    std::size_t pieces_used = 0;

    void clear() { count = pieces_used = 0; }
    /// Begins a message.
    Preface& begin(const Preface& preface);
    /// Adds to it; what finds no room is left out.
    void add(void* start, std::size_t length);
  };
  struct alignas(64) Queue {
    int file = -1;
    std::unique_ptr<Batch> batch;  // none: a system call for each frame
    std::array<SpareBuffer, kLongPerCollect> spares;
    std::size_t expected = 1;  // frames that the next read asks for
    Gathering gathering;
    Messages messages;
    std::array<int, Gathering::kMost> results;  // bytes or negative error number, by message
  };

  [[nodiscard]] base::Result<void> open_queues(const std::string& name, std::uint16_t queues);
  void deliver_some(Queue& queue, std::span<rte_mbuf*> frames,
                    std::span<const packet::FrameView* const> views) noexcept;
  static void write_run(Messages& messages, const Gathering& gathering, Gathering::Run& run,
                        std::span<rte_mbuf*> frames,
                        std::span<const packet::FrameView* const> views) noexcept;
  static void write_messages(Queue& queue) noexcept;
  [[nodiscard]] std::size_t prepare_reads(Queue& queue, std::size_t most) noexcept;
  static void read_messages(Queue& queue) noexcept;

  bool offload_;
  rte_mempool* pool_;
  LongBuffers long_buffers_;
  std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace covey::localstack
