// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device_sockets.h"

#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include <linux/if_packet.h>

namespace covey::dataplane {

namespace {

std::vector<int> open_files() {
  std::vector<int> files;
  std::error_code error;
  const std::filesystem::directory_iterator listed("/proc/self/fd", error);
  if (error) return files;
  for (const auto& entry : listed) {
    const std::string name = entry.path().filename();
    int file = -1;
    std::from_chars(name.data(), name.data() + name.size(), file);
    files.push_back(file);
  }
  std::ranges::sort(files);
  return files;
}

bool is_of_family(int file, int family) {
  int found = 0;
  socklen_t length = sizeof(found);
  return ::getsockopt(file, SOL_SOCKET, SO_DOMAIN, &found, &length) == 0 && found == family;
}

bool is_bound_to(int file, unsigned index) {
  sockaddr_ll address{};
  socklen_t length = sizeof(address);
  return ::getsockname(file, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
         address.sll_ifindex == static_cast<int>(index);
}

}  // namespace

std::vector<int> device_sockets(DeviceKind kind, const std::string& interface,
                                std::uint16_t queues) {
  if (kind != DeviceKind::af_packet && kind != DeviceKind::af_xdp) return {};
  const bool is_packet = kind == DeviceKind::af_packet;
  const unsigned index = ::if_nametoindex(interface.c_str());
  // Drivers open them one after the other, and the kernel gives the lowest number that is free.
  std::vector<int> found;
  for (const int file : open_files()) {
    if (!is_of_family(file, is_packet ? AF_PACKET : AF_XDP)) continue;
    // Of its own socket AF_XDP does not say where it is bound; we have one such device at most.
    if (is_packet && !is_bound_to(file, index)) continue;
    found.push_back(file);
  }
  if (found.size() != queues) found.clear();
  return found;
}

}  // namespace covey::dataplane
