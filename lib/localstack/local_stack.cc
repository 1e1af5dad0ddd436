// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/local_stack.h"

#include <unistd.h>

#include <algorithm>

#include <rte_mbuf.h>

#include "localstack/tap.h"

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
};

}  // namespace

base::Result<std::unique_ptr<LocalStack>> open(const Settings& settings, const Interface& interface,
                                               std::uint16_t queues, rte_mempool* pool) {
  switch (settings.kind) {
    case Kind::tap:
      return Tap::create(settings, interface, queues, pool);
    case Kind::none:
      return std::make_unique<Nowhere>();
    case Kind::virtio_user:
      break;
  }
  const bool has_vhost = ::access("/dev/vhost-net", F_OK) == 0;
  return base::fail(base::ErrorCode::unsupported,
                    std::string("ports.local.kind virtio_user: ") +
                        (has_vhost ? "not built into this version" : "/dev/vhost-net is missing") +
                        "; use kind: tap");
}

}  // namespace covey::localstack
