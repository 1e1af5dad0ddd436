// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/virtio_user.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "localstack/interface_setup.h"
#include "localstack/left_over.h"
#include "localstack/netlink.h"

namespace covey::localstack {

namespace {

constexpr const char* kVhostNet = "/dev/vhost-net";
constexpr std::uint16_t kMostQueues = 8;  // of the driver

constexpr std::uint64_t kSentChecksums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
constexpr std::uint64_t kSentSegments =
    kSentChecksums | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
constexpr std::uint64_t kReceivedChecksums =
    RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
constexpr std::uint64_t kReceivedSegments =
    kReceivedChecksums | RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_SCATTER;

/// DPDK would take a missing file for a socket that somebody is to make, and say little.
base::Result<void> check_vhost_net() {
  const int file = ::open(kVhostNet, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    return base::fail_errno(std::string("ports.local.kind virtio_user: open ") + kVhostNet +
                                " (modprobe vhost_net, or use kind: tap)",
                            errno);
  }
  ::close(file);
  return {};
}

std::string arguments_of(const VirtioUser::Plan& plan) {
  std::string arguments = "path=" + plan.path + ",queues=" + std::to_string(plan.queues) +
                          ",queue_size=" + std::to_string(kDescriptors) +
                          ",mac=" + plan.mac.to_string() +
                          // vhost-net has no such rings. Without them a vhost-user is served by the
                          // same functions of the driver.
                          ",in_order=0";
  if (!plan.interface.empty()) arguments += ",iface=" + plan.interface;
  return arguments;
}

bool has(std::uint64_t abilities, std::uint64_t wanted) {
  return (abilities & wanted) == wanted;
}

/// What the uplink left over of a frame is left to the kernel.
void pass_on_left_over(rte_mbuf* frame, const packet::FrameView& view) noexcept {
  const packet::LeftOver left = left_over_of(frame, view);
  if (left.has_checksum()) static_cast<void>(leave_to_device(frame, view, left));
}

/// Segments that were put together, or a frame of which all checksums are known to be right: tells
/// the kernel, which then does not look at them. Returns the frame, a chain without padding.
rte_mbuf* join(const Gathering& gathering, Gathering::Run& run, std::span<rte_mbuf*> frames,
               std::span<const packet::FrameView* const> views) noexcept {
  rte_mbuf* head = frames[run.first];
  const packet::FrameView& view = *views[run.first];
  if (!run.is_verified) {
    pass_on_left_over(head, view);
    return head;
  }
  const packet::LeftOver left = run.segments.finish();
  const std::uint16_t header = run.segments.header();
  static_cast<void>(leave_to_device(head, view, left));
  if (run.first == run.last) return head;
  head->data_len = static_cast<std::uint16_t>(header + view.payload_length);
  head->pkt_len = head->data_len;
  rte_mbuf* tail = head;
  for (std::uint8_t at = run.first; at != run.last;) {
    at = gathering.after(at);
    rte_mbuf* part = frames[at];
    rte_pktmbuf_adj(part, header);
    part->data_len = views[at]->payload_length;
    tail->next = part;
    tail = part;
    head->pkt_len += part->data_len;
    ++head->nb_segs;
  }
  return head;
}

/// Undoes join() for a run that was refused: each frame is one again.
void take_apart(const Gathering& gathering, const Gathering::Run& run,
                std::span<rte_mbuf*> frames) noexcept {
  if (run.first == run.last) return;
  gathering.each(run, [&](std::uint8_t at) {
    rte_mbuf* frame = frames[at];
    frame->next = nullptr;
    frame->nb_segs = 1;
    frame->pkt_len = frame->data_len;
    if (at != run.first) static_cast<void>(rte_pktmbuf_prepend(frame, run.segments.header()));
  });
}

}  // namespace

base::Result<std::unique_ptr<LocalStack>> VirtioUser::create(const Settings& settings,
                                                             const Interface& interface,
                                                             std::uint16_t queues,
                                                             rte_mempool* pool) {
  base::Result<void> done = check_vhost_net();
  if (done) done = check_interface(settings.name, interface, pool);
  if (!done) return std::unexpected(done.error());
  // The driver would become a further owner of somebody else's TAP.
  if (read_link(settings.name)) {
    return base::fail(base::ErrorCode::unavailable,
                      "create interface \"" + settings.name + "\" (it exists already)");
  }
  base::Result<std::unique_ptr<LocalStack>> made =
      attach({"virtio_user_" + settings.name, kVhostNet, settings.name, interface.mac,
              interface.mtu, queues, settings.offload},
             pool);
  if (!made) return made;
  done = set_up_interface(settings.name, interface);
  if (!done) return std::unexpected(done.error());
  return made;
}

base::Result<std::unique_ptr<LocalStack>> VirtioUser::attach(const Plan& plan, rte_mempool* pool) {
  if (plan.queues > kMostQueues) {
    return base::fail(base::ErrorCode::unsupported,
                      "ports.local.kind virtio_user takes at most " + std::to_string(kMostQueues) +
                          " workers, workers.cpus names " + std::to_string(plan.queues));
  }
  base::Result<Device> device = make_device(plan.device, arguments_of(plan));
  if (!device) return std::unexpected(device.error());
  auto made = std::make_unique<VirtioUser>(std::move(*device));
  const base::Result<void> opened = made->open_queues(plan, pool);
  if (!opened) return std::unexpected(opened.error());
  return made;
}

base::Result<void> VirtioUser::open_queues(const Plan& plan, rte_mempool* pool) {
  const base::Result<rte_eth_dev_info> info =
      read_abilities(device_, plan.queues, "the number of workers");
  if (!info) return std::unexpected(info.error());
  rte_eth_conf settings{};
  settings.rxmode.mtu = plan.mtu;
  settings.intr_conf.rxq = 1;
  if (plan.offload) {
    merges_ = has(info->tx_offload_capa, kSentSegments);
    takes_long_ = has(info->rx_offload_capa, kReceivedSegments);
    settings.txmode.offloads = info->tx_offload_capa & kSentSegments;
    settings.rxmode.offloads =
        takes_long_ ? kReceivedSegments : info->rx_offload_capa & kReceivedChecksums;
  }
  if (takes_long_) {
    base::Result<LongBuffers> buffers =
        make_long_buffers("covey-long", kLongBuffersPerQueue * plan.queues);
    if (!buffers) return std::unexpected(buffers.error());
    long_buffers_ = std::move(*buffers);
  }
  base::Result<void> done = configure_device(device_, settings, plan.queues, pool);
  if (done) done = start_device(device_);
  if (!done) return done;
  is_started_ = true;
  for (std::uint16_t i = 0; i < plan.queues; ++i) {
    queues_.push_back(std::make_unique<Queue>());
    queues_.back()->signal = rte_eth_dev_rx_intr_ctl_q_get_fd(device_.id, i);
  }
  return {};
}

VirtioUser::~VirtioUser() {
  if (is_started_) static_cast<void>(rte_eth_dev_stop(device_.id));
  // Closes it, and with it the interface goes.
  static_cast<void>(rte_eal_hotplug_remove("vdev", device_.name.c_str()));
}

// ---- Towards the kernel

void VirtioUser::deliver(std::uint16_t queue, std::span<rte_mbuf*> frames,
                         std::span<const packet::FrameView* const> views) noexcept {
  for (std::size_t done = 0; done < frames.size(); done += Gathering::kMost) {
    const std::size_t count = std::min(frames.size() - done, Gathering::kMost);
    deliver_some(queue, frames.subspan(done, count), views.subspan(done, count));
  }
}

void VirtioUser::deliver_some(std::uint16_t queue, std::span<rte_mbuf*> frames,
                              std::span<const packet::FrameView* const> views) noexcept {
  Gathering& gathering = queues_[queue]->gathering;
  if (merges_) {
    gathering.take(frames, views);
  } else {
    gathering.take_each(frames);
  }
  std::array<rte_mbuf*, Gathering::kMost> joined;
  std::uint16_t count = 0;
  for (Gathering::Run& run : gathering.runs())
    joined[count++] = join(gathering, run, frames, views);
  // No rte_eth_tx_prepare(): open checksums hold the sum that virtio expects already.
  const std::uint16_t sent = rte_eth_tx_burst(device_.id, queue, joined.data(), count);
  for (const Gathering::Run& run : gathering.runs().first(sent))
    gathering.each(run, [&frames](std::uint8_t at) { frames[at] = nullptr; });
  for (const Gathering::Run& run : gathering.runs().subspan(sent))
    take_apart(gathering, run, frames);
}

// ---- From the kernel

std::uint16_t VirtioUser::collect(std::uint16_t queue, std::span<rte_mbuf*> frames,
                                  std::span<packet::LeftOver> left) noexcept {
  Queue& own = *queues_[queue];
  if (own.is_armed) wake(queue);
  std::uint16_t got = 0;
  bool goes_on = true;
  while (goes_on && got < frames.size()) {
    const std::size_t most = std::min(frames.size() - got, fill_spares(own));
    const std::uint16_t found =
        rte_eth_rx_burst(device_.id, queue, frames.data() + got, static_cast<std::uint16_t>(most));
    goes_on = found != 0;
    for (const std::size_t end = got + std::size_t{found}; got < end; ++got) {
      if (frames[got]->nb_segs != 1) {
        frames[got] = flat(own, frames[got]);
        goes_on = false;
      }
      left[got] = take_left_over(frames[got]);
    }
  }
  return got;
}

/// Returns of how many frames each may be long.
std::size_t VirtioUser::fill_spares(Queue& queue) noexcept {
  if (!takes_long_) return Gathering::kMost;
  while (queue.spare_count < queue.spares.size()) {
    rte_mbuf* spare = take_long_buffer(long_buffers_.get());
    if (spare == nullptr) break;
    queue.spares[queue.spare_count++] = spare;
  }
  return queue.spare_count;
}

/// A chain in one piece. What is longer than any packet is cut, and judged as such.
rte_mbuf* VirtioUser::flat(Queue& queue, rte_mbuf* frame) noexcept {
  if (rte_pktmbuf_linearize(frame) == 0 || queue.spare_count == 0) return frame;
  rte_mbuf* made = queue.spares[--queue.spare_count];
  const std::uint32_t length = std::min<std::uint32_t>(frame->pkt_len, kLongestFrame);
  static_cast<void>(rte_pktmbuf_read(frame, 0, length, rte_pktmbuf_mtod(made, void*)));
  made->data_len = static_cast<std::uint16_t>(length);
  made->pkt_len = length;
  made->ol_flags = frame->ol_flags;
  made->tx_offload = frame->tx_offload;
  rte_pktmbuf_free(frame);
  return made;
}

// ---- Sleeping

int VirtioUser::readable_fd(std::uint16_t queue) noexcept {
  Queue& own = *queues_[queue];
  if (own.signal < 0) return -1;
  if (!own.is_armed) {
    own.is_armed = rte_eth_dev_rx_intr_enable(device_.id, queue) == 0;
    // What came between the last look and now is not told: there will be one more look.
    if (own.is_armed) static_cast<void>(eventfd_write(own.signal, 1));
  }
  own.has_slept = own.is_armed;
  return own.is_armed ? own.signal : -1;
}

/// Before a look, while the kernel writes. Whatever comes after the look is to be told again; but
/// nothing, and no system call made, while a worker looks without sleeping.
void VirtioUser::wake(std::uint16_t queue) noexcept {
  Queue& own = *queues_[queue];
  if (std::exchange(own.has_slept, false)) {
    eventfd_t ignored = 0;
    static_cast<void>(eventfd_read(own.signal, &ignored));
  } else {
    static_cast<void>(rte_eth_dev_rx_intr_disable(device_.id, queue));
    own.is_armed = false;
  }
}

}  // namespace covey::localstack
