// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/local_stack.h"

#include <algorithm>

#include <rte_mbuf.h>

#include "localstack/tap.h"
#include "localstack/virtio_user.h"

namespace covey::localstack {

namespace {

/// No local stack at all: for measuring, and for hosts that only watch.
class Nowhere final : public LocalStack {
 public:
  void deliver(std::uint16_t /*queue*/, std::span<rte_mbuf*> frames,
               std::span<const packet::FrameView* const> /*views*/) noexcept override {
    rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
    std::ranges::fill(frames, nullptr);
  }
  std::uint16_t collect(std::uint16_t /*queue*/, std::span<rte_mbuf*> /*frames*/,
                        std::span<packet::LeftOver> /*left*/) noexcept override {
    return 0;
  }
  [[nodiscard]] int readable_fd(std::uint16_t /*queue*/) noexcept override { return -1; }
  [[nodiscard]] Accepted accepts() const noexcept override { return {true, true, true}; }
};

}  // namespace

base::Result<std::unique_ptr<LocalStack>> open(const Settings& settings, const Interface& interface,
                                               std::uint16_t queues, rte_mempool* pool) {
  switch (settings.kind) {
    case Kind::tap:
      return Tap::create(settings, interface, queues, pool);
    case Kind::virtio_user:
      return VirtioUser::create(settings, interface, queues, pool);
    case Kind::none:
      break;
  }
  return std::make_unique<Nowhere>();
}

}  // namespace covey::localstack
