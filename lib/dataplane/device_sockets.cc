// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device_sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

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

}  // namespace

std::vector<int> device_sockets(DeviceKind kind, std::uint16_t queues) {
  if (kind != DeviceKind::af_xdp) return {};
  // The driver opens them one after the other, and the kernel gives the lowest number that is free.
  // A socket does not say where it is bound; we have one such device at most.
  std::vector<int> found;
  for (const int file : open_files())
    if (is_of_family(file, AF_XDP)) found.push_back(file);
  if (found.size() != queues) found.clear();
  return found;
}

}  // namespace covey::dataplane
