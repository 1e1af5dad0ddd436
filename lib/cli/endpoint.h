// SPDX-License-Identifier: BSD-3-Clause
// Addresses with ports and cluster MACs, as people type and read them on the command line.
//
// Owner: cli. Thread: any; pure functions. Errors are invalid_argument and name the text. IPv6
// addresses stand in brackets before a port, since both use the colon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace covey::cli {

struct Endpoint {
  base::IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "10.77.0.50:80" or "[2001:db8::50]:80".
[[nodiscard]] base::Result<Endpoint> parse_endpoint(std::string_view text);

struct PortTarget {
  std::optional<base::IpAddress> virtual_ip;  // nothing: any
  std::uint16_t port = 0;
  friend bool operator==(const PortTarget&, const PortTarget&) = default;
};

/// "80", "10.77.0.50:80" or "[2001:db8::50]:80".
[[nodiscard]] base::Result<PortTarget> parse_port_target(std::string_view text);

/// Whether a list such as "80,443,8000-8100" (or "all") has the port.
[[nodiscard]] bool covers(std::string_view ports, std::uint16_t port);

/// The cluster MACs of a primary virtual IP w.x.y.z; of an IPv6 address the four 32-bit words are
/// joined by exclusive or first.
struct ClusterMacs {
  base::MacAddress unicast;    // 02:bf:w:x:y:z
  base::MacAddress multicast;  // 03:bf:w:x:y:z
  base::MacAddress igmp;       // 01:00:5e:7f:y:z
  base::IpAddress group;       // 239.255.y.z: what a switch is told in mode igmp
};
[[nodiscard]] ClusterMacs cluster_macs(const base::IpAddress& primary);

/// The virtual IPs in the effective configuration that the daemon gives out, in its order.
[[nodiscard]] std::vector<base::IpAddress> virtual_ips_in(std::string_view yaml);

}  // namespace covey::cli
