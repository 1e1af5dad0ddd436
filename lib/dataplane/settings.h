// SPDX-License-Identifier: BSD-3-Clause
// Settings of the data plane: the uplink device and the workers (`ports.uplink`, `workers`).
//
// Owner: dataplane. Thread: any; plain values. Validated by config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace covey::dataplane {

enum class DeviceKind : std::uint8_t { af_packet, af_xdp, pci, vdev };

struct Uplink {
  DeviceKind kind = DeviceKind::af_packet;
  std::string
      argument;  // interface name, PCI address, or the whole vdev string ("net_pcap0,rx_pcap=...")
  std::uint16_t queues = 1;
  std::uint16_t mtu = 1500;
  friend bool operator==(const Uplink&, const Uplink&) = default;
};

enum class Idle : std::uint8_t { adaptive, poll };
enum class Realtime : std::uint8_t { automatic, off };

inline constexpr unsigned kMostWorkers = 16;

struct Workers {
  std::vector<unsigned> cpus;  // one worker per entry; empty: one worker on any CPU
  Idle idle = Idle::adaptive;
  std::optional<unsigned> control_cpu;  // nothing: any CPU
  Realtime realtime = Realtime::automatic;
  friend bool operator==(const Workers&, const Workers&) = default;
};

}  // namespace covey::dataplane
