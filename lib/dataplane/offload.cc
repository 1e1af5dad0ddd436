// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/offload.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>

namespace covey::dataplane {

namespace {

struct Offload {
  const char* name;
  std::uint32_t get;
  std::uint32_t set;
};
// In this order: segmentation needs checksums, so it has to go first.
constexpr std::array<Offload, 4> kOffloads = {{
    {"gro", ETHTOOL_GGRO, ETHTOOL_SGRO},
    {"gso", ETHTOOL_GGSO, ETHTOOL_SGSO},
    {"tso", ETHTOOL_GTSO, ETHTOOL_STSO},
    {"tx", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM},
}};

/// The value after the command; nothing when the interface does not know it.
std::optional<std::uint32_t> ethtool(const std::string& interface_name, std::uint32_t command,
                                     std::uint32_t value) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::nullopt;
  ethtool_value argument{command, value};
  ifreq request{};
  std::strncpy(request.ifr_name, interface_name.c_str(), IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(static_cast<void*>(&argument));
  const bool done = ::ioctl(socket, SIOCETHTOOL, &request) == 0;
  ::close(socket);
  return done ? std::optional(argument.data) : std::nullopt;
}

}  // namespace

std::vector<std::string> offloads_on(const std::string& interface_name) {
  std::vector<std::string> names;
  for (const Offload& offload : kOffloads) {
    if (ethtool(interface_name, offload.get, 0).value_or(0) != 0) names.emplace_back(offload.name);
  }
  return names;
}

OffloadsOff::OffloadsOff(std::string interface_name) : interface_name_(std::move(interface_name)) {
  for (const Offload& offload : kOffloads) {
    if (ethtool(interface_name_, offload.get, 0).value_or(0) == 0) continue;
    // A device may accept the command and still keep what it cannot change: look again.
    static_cast<void>(ethtool(interface_name_, offload.set, 0));
    if (ethtool(interface_name_, offload.get, 0).value_or(0) == 0) {
      turned_off_.push_back(offload.set);
    } else {
      still_on_.emplace_back(offload.name);
    }
  }
}

OffloadsOff::~OffloadsOff() {
  while (!turned_off_.empty()) {
    static_cast<void>(
        ethtool(interface_name_, turned_off_.back(), 1));  // the interface may be gone
    turned_off_.pop_back();
  }
}

}  // namespace covey::dataplane
