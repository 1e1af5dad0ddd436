// SPDX-License-Identifier: BSD-3-Clause
// VhostUser: a local stack behind virtio_user, and what takes the place of the kernel at its other
// end: DPDK's net_vhost, in the same process.
//
// Owner: test/dpdk. Thread: the test's; net_vhost has one of its own for the socket.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fixture.h"
#include "localstack/device.h"
#include "localstack/local_stack.h"
#include "localstack/virtio_user.h"

namespace covey::test {

class VhostUser {
 public:
  /// A frame as the other end got it.
  struct Seen {
    Frame bytes;
    packet::LeftOver left;
  };

  explicit VhostUser(std::uint16_t queues = 1, bool offload = true);
  ~VhostUser();
  VhostUser(const VhostUser&) = delete;
  VhostUser& operator=(const VhostUser&) = delete;

  [[nodiscard]] localstack::LocalStack& stack() { return *stack_; }
  [[nodiscard]] rte_mempool* pool() { return pool_.get(); }
  /// Closes the stack, if it is open, and opens another.
  void reopen();
  void close();

  /// Gives the stack a burst. Returns what it refused.
  std::vector<rte_mbuf*> deliver(std::vector<rte_mbuf*> burst, std::uint16_t queue = 0);
  /// Likewise; it takes all.
  void deliver(const std::vector<Frame>& frames, std::uint16_t queue = 0);
  /// What the other end gets until it has that many, and whatever lies behind them.
  [[nodiscard]] std::vector<Seen> seen(std::size_t count, std::uint16_t queue = 0);

  /// The other end sends a frame, with something left over of it.
  void send(const Frame& frame, const packet::LeftOver& left = {}, std::uint16_t queue = 0);
  /// What the stack gives until that many have come; `at_most` is told how many each look gave.
  [[nodiscard]] std::vector<Seen> collected(
      std::size_t count, std::uint16_t queue = 0,
      const std::function<void(std::size_t all, std::size_t long_ones)>& look = nullptr);

 private:
  void wait_for_link();

  Scratch scratch_;
  std::unique_ptr<dataplane::Eal> eal_ = start_eal();
  Pool pool_ = make_pool("ours", 4095);
  Pool far_pool_ = make_pool("theirs", 4095);
  Pool flat_pool_ = make_pool("flat", 7, 65000);
  localstack::Device far_;
  localstack::VirtioUser::Plan plan_;
  std::unique_ptr<localstack::LocalStack> stack_;
};

}  // namespace covey::test
