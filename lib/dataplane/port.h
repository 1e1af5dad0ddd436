// SPDX-License-Identifier: BSD-3-Clause
// Port: the uplink as a DPDK device. Every peculiarity of a NIC or driver is known in port.cc and
// nowhere else.
//
// Owner: dataplane. Thread: the control thread; workers use id() for bursts on their own queue,
// between start() and the destructor. What has to be done to the kernel interface under a device is
// the business of claim.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/data_plane.h"
#include "dataplane/finish.h"
#include "dataplane/settings.h"
#include "localstack/device.h"

struct rte_mempool;

namespace covey::dataplane {

/// How DPDK is to make the device.
struct DevicePlan {
  std::string name;       // DPDK's name for it: "net_af_packet0", a PCI address
  std::string arguments;  // of a virtual device
  std::string interface;  // the kernel interface under it, empty when there is none
  std::string pci_address;
  std::uint32_t buffer_room = 2048;  // bytes a buffer must hold so that no driver can overrun it
};

[[nodiscard]] base::Result<DevicePlan> plan_device(const Uplink& uplink);

class Port {
 public:
  /// Makes and configures the device; it does not receive before start(). With `offload` it is
  /// asked to do checksums and segmentation if it can.
  [[nodiscard]] static base::Result<std::unique_ptr<Port>> open(const DevicePlan& plan,
                                                                const Uplink& uplink, bool offload,
                                                                rte_mempool* pool);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  explicit Port(localstack::Device device, DevicePlan plan);  // use open()

  [[nodiscard]] std::uint16_t id() const { return device_.id; }
  /// What it was asked for.
  [[nodiscard]] Abilities abilities() const { return abilities_; }
  /// A file that becomes readable when frames have arrived in the queue; -1: none is known.
  [[nodiscard]] int readable_fd(std::uint16_t queue) const {
    return sockets_.empty() ? -1 : sockets_[queue];
  }
  [[nodiscard]] base::Result<void> start();
  [[nodiscard]] PortReport report() const;

 private:
  [[nodiscard]] base::Result<void> configure(const Uplink& uplink, bool offload, rte_mempool* pool);

  localstack::Device device_;
  DevicePlan plan_;
  Abilities abilities_;
  std::vector<int> sockets_;  // the driver's, by queue
};

}  // namespace covey::dataplane
