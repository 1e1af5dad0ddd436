// SPDX-License-Identifier: BSD-3-Clause
// Port: the uplink, a DPDK device or packet sockets. Every peculiarity of a NIC or driver is known
// in port.cc, those of packet sockets in packet_socket.cc, and nowhere else.
//
// Owner: dataplane. Thread: the control thread; each worker calls receive() and send() for its own
// queue, between start() and the destructor. What has to be done to the kernel interface under a
// device is the business of claim.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "dataplane/data_plane.h"
#include "dataplane/finish.h"
#include "dataplane/settings.h"
#include "localstack/local_stack.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::dataplane {

/// How the device is to be made.
struct DevicePlan {
  std::string name;       // DPDK's name for it; empty: packet sockets
  std::string arguments;  // of a virtual device
  std::string interface;  // the kernel interface under it, empty when there is none
  std::string pci_address;
  std::uint32_t buffer_room = 2048;  // bytes a buffer must hold so that no driver can overrun it

  [[nodiscard]] bool uses_packet_sockets() const { return name.empty(); }
};

[[nodiscard]] base::Result<DevicePlan> plan_device(const Uplink& uplink);

/// What passes between the port and the local stack that no wire would carry.
struct StackEnd {
  bool leaves_over = false;        // checksums and segmentation, of what it sends
  localstack::Accepted accepts{};  // of what it is given
};

class Port {
 public:
  /// Makes and configures the device; it does not receive before start(). Where the stack leaves
  /// something over, it is asked to do checksums and segmentation if it can.
  [[nodiscard]] static base::Result<std::unique_ptr<Port>> open(const DevicePlan& plan,
                                                                const Uplink& uplink,
                                                                const StackEnd& stack,
                                                                rte_mempool* pool);
  virtual ~Port() = default;

  [[nodiscard]] virtual base::Result<void> start() = 0;
  /// Frames that have arrived in a queue; they are the caller's.
  virtual std::uint16_t receive(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept = 0;
  /// The first of `frames`, as many as is returned, are the device's; the others it did not take.
  virtual std::uint16_t send(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept = 0;
  /// What it does to frames that are sent.
  [[nodiscard]] virtual Abilities abilities() const = 0;
  /// A file that becomes readable when frames have arrived in the queue; -1: none is known.
  [[nodiscard]] virtual int readable_fd(std::uint16_t queue) const = 0;
  [[nodiscard]] virtual PortReport report() const = 0;
};

}  // namespace covey::dataplane
