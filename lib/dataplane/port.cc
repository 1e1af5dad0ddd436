// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/port.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include <rte_ethdev.h>

#include "dataplane/device_sockets.h"
#include "dataplane/packet_socket.h"
#include "localstack/device.h"
#include "localstack/netlink.h"

namespace covey::dataplane {

namespace {

constexpr std::uint32_t kFrameOverhead = 22;  // Ethernet header and two VLAN tags
constexpr std::uint32_t kLeastRoom = 2048;    // what drivers expect of a buffer
constexpr std::uint16_t kAfXdpLargestMtu =
    1900;  // one frame per 2,048-byte buffer, headroom included
// Where Debian keeps the XDP programs that libxdp wants to load; it does not look there by itself.
constexpr const char* kXdpObjects = "/usr/lib/x86_64-linux-gnu/bpf";

DevicePlan plan_af_packet(const Uplink& uplink) {
  DevicePlan plan;
  plan.interface = uplink.argument;
  plan.buffer_room = std::max(kLeastRoom, uplink.mtu + kFrameOverhead);
  return plan;
}

base::Result<DevicePlan> plan_af_xdp(const Uplink& uplink) {
  if (uplink.mtu > kAfXdpLargestMtu) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "ports.uplink.mtu " + std::to_string(uplink.mtu) + ": af_xdp takes at most " +
                          std::to_string(kAfXdpLargestMtu));
  }
  struct stat there {};
  if (::stat(kXdpObjects, &there) == 0) ::setenv("LIBXDP_OBJECT_PATH", kXdpObjects, 0);
  DevicePlan plan;
  plan.name = "net_af_xdp0";
  plan.arguments =
      "iface=" + uplink.argument + ",start_queue=0,queue_count=" + std::to_string(uplink.queues);
  plan.interface = uplink.argument;
  return plan;
}

DevicePlan plan_other(const Uplink& uplink) {
  DevicePlan plan;
  plan.buffer_room = std::max(kLeastRoom, uplink.mtu + kFrameOverhead);
  if (uplink.kind == DeviceKind::pci) {
    plan.name = uplink.argument;
    plan.pci_address = uplink.argument;
    return plan;
  }
  const std::size_t comma = uplink.argument.find(',');
  plan.name = uplink.argument.substr(0, comma);
  if (comma != std::string::npos) plan.arguments = uplink.argument.substr(comma + 1);
  return plan;
}

base::Result<localstack::Device> open_device(const DevicePlan& plan) {
  if (plan.pci_address.empty()) return localstack::make_device(plan.name, plan.arguments);
  base::Result<localstack::Device> found = localstack::find_device(plan.name);
  if (found) return found;
  return base::fail(base::ErrorCode::not_found,
                    "no NIC at PCI address " + plan.pci_address +
                        " that DPDK can drive; is it bound to vfio-pci? (driverctl set-override " +
                        plan.pci_address + " vfio-pci)");
}

constexpr std::uint64_t kReceivedChecksums =
    RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
constexpr std::uint64_t kChecksums =
    RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
constexpr std::uint64_t kSegmentation =
    kChecksums | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

/// Buffers of one frame that the device may be given.
bool takes_long_chains(const rte_eth_dev_info& info) {
  constexpr unsigned kLongestChain = 65536 / kLeastRoom + 1;
  return info.tx_desc_lim.nb_seg_max == 0 || info.tx_desc_lim.nb_seg_max >= kLongestChain;
}

Abilities abilities_of(const rte_eth_dev_info& info) {
  const auto has = [&info](std::uint64_t wanted) {
    return (info.tx_offload_capa & wanted) == wanted;
  };
  return {has(kChecksums), has(kSegmentation) && takes_long_chains(info)};
}

rte_eth_conf device_settings(const rte_eth_dev_info& info, const Uplink& uplink, bool offload,
                             Abilities abilities) {
  rte_eth_conf settings{};
  if (uplink.mtu >= info.min_mtu && uplink.mtu <= info.max_mtu) settings.rxmode.mtu = uplink.mtu;
  // All buffers come from one pool and have one owner: drivers may free them without asking.
  settings.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  if (abilities.checksums) settings.txmode.offloads |= kChecksums;
  if (abilities.segmentation) settings.txmode.offloads |= kSegmentation;
  if (offload) settings.rxmode.offloads = info.rx_offload_capa & kReceivedChecksums;
  // Only with these interrupts does virtio_user look after its socket, by itself and until it is
  // closed: that the other end has gone, or come back.
  if (uplink.kind == DeviceKind::vdev)
    settings.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0 ? 1 : 0;
  if (uplink.queues > 1 && info.flow_type_rss_offloads != 0) {
    settings.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    settings.rx_adv_conf.rss_conf.rss_hf =
        info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  }
  return settings;
}

/// A device of DPDK's.
class DevicePort final : public Port {
 public:
  DevicePort(localstack::Device device, DevicePlan plan)
      : device_(std::move(device)), plan_(std::move(plan)) {}
  ~DevicePort() override;
  DevicePort(const DevicePort&) = delete;
  DevicePort& operator=(const DevicePort&) = delete;

  [[nodiscard]] base::Result<void> configure(const Uplink& uplink, bool offload, rte_mempool* pool);
  [[nodiscard]] base::Result<void> start() override;
  std::uint16_t receive(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override {
    return rte_eth_rx_burst(device_.id, queue, frames.data(),
                            static_cast<std::uint16_t>(frames.size()));
  }
  std::uint16_t send(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept override {
    auto count = static_cast<std::uint16_t>(frames.size());
    if (abilities_.checksums) count = rte_eth_tx_prepare(device_.id, queue, frames.data(), count);
    return rte_eth_tx_burst(device_.id, queue, frames.data(), count);
  }
  [[nodiscard]] Abilities abilities() const override { return abilities_; }
  [[nodiscard]] int readable_fd(std::uint16_t queue) const override {
    return sockets_.empty() ? -1 : sockets_[queue];
  }
  [[nodiscard]] PortReport report() const override;

 private:
  localstack::Device device_;
  DevicePlan plan_;
  Abilities abilities_;
  std::vector<int> sockets_;  // the driver's, by queue
};

DevicePort::~DevicePort() {
  localstack::settle_interrupts();
  static_cast<void>(rte_eth_dev_stop(device_.id));   // fails only where it was not running
  static_cast<void>(rte_eth_dev_close(device_.id));  // and with it what the driver opened
}

base::Result<void> DevicePort::configure(const Uplink& uplink, bool offload, rte_mempool* pool) {
  const base::Result<rte_eth_dev_info> info =
      localstack::read_abilities(device_, uplink.queues, "ports.uplink.queues");
  if (!info) return std::unexpected(info.error());
  if (offload) abilities_ = abilities_of(*info);
  const rte_eth_conf settings = device_settings(*info, uplink, offload, abilities_);
  const base::Result<void> configured =
      localstack::configure_device(device_, settings, uplink.queues, pool);
  if (configured) sockets_ = device_sockets(uplink.kind, uplink.queues);
  return configured;
}

base::Result<void> DevicePort::start() {
  const base::Result<void> started = localstack::start_device(device_);
  if (!started) return started;
  // The cluster's address is not the NIC's own: without promiscuous mode nothing of interest
  // arrives.
  const int error = rte_eth_promiscuous_enable(device_.id);
  if (error != 0 && error != -ENOTSUP) {
    return base::fail(base::ErrorCode::unavailable, "device " + plan_.name +
                                                        ": receive frames of all addresses: " +
                                                        localstack::describe_error(error));
  }
  // Promiscuous mode covers multicast; some drivers want it said, others have no word for it.
  static_cast<void>(rte_eth_allmulticast_enable(device_.id));
  return {};
}

PortReport DevicePort::report() const {
  PortReport report;
  report.name = plan_.interface.empty() ? plan_.name : plan_.interface;
  rte_eth_stats counted{};
  if (rte_eth_stats_get(device_.id, &counted) == 0) {
    report.rx_frames = counted.ipackets;
    report.rx_bytes = counted.ibytes;
    report.rx_missed = counted.imissed;
    report.rx_errors = counted.ierrors;
    report.tx_frames = counted.opackets;
    report.tx_bytes = counted.obytes;
    report.tx_errors = counted.oerrors;
  }
  if (plan_.interface.empty()) {
    rte_eth_link link{};
    report.link_up = rte_eth_link_get_nowait(device_.id, &link) == 0 && link.link_status != 0;
  } else {
    // The socket-based drivers call every started port up; the interface knows better.
    report.link_up = localstack::is_running(plan_.interface);
  }
  return report;
}

}  // namespace

base::Result<DevicePlan> plan_device(const Uplink& uplink) {
  switch (uplink.kind) {
    case DeviceKind::af_packet:
      return plan_af_packet(uplink);
    case DeviceKind::af_xdp:
      return plan_af_xdp(uplink);
    case DeviceKind::pci:
    case DeviceKind::vdev:
      break;
  }
  return plan_other(uplink);
}

base::Result<std::unique_ptr<Port>> Port::open(const DevicePlan& plan, const Uplink& uplink,
                                               const StackEnd& stack, rte_mempool* pool) {
  if (plan.uses_packet_sockets()) return PacketSocket::open(uplink, stack, pool);
  base::Result<localstack::Device> device = open_device(plan);
  if (!device) return std::unexpected(device.error());
  auto port = std::make_unique<DevicePort>(std::move(*device), plan);
  const base::Result<void> configured = port->configure(uplink, stack.leaves_over, pool);
  if (!configured) return std::unexpected(configured.error());
  return port;
}

}  // namespace covey::dataplane
