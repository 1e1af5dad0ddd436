// SPDX-License-Identifier: BSD-3-Clause
#include "process/service_manager.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace covey::process {
namespace {

// For one that is busy, as at boot; one that hangs must not make others hang.
constexpr timeval kLongestWait{.tv_sec = 0, .tv_usec = 100'000};

std::string_view in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::optional<std::int64_t> number_in_environment(const char* name) {
  const std::string_view text = in_environment(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A path, or "@NAME" for an abstract one.
struct Address {
  sockaddr_un bytes{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t length = 0;  // 0: none
};

Address address_of(std::string_view name) {
  Address address;
  const bool is_known = name.starts_with('/') || name.starts_with('@');
  if (!is_known || name.size() >= sizeof(address.bytes.sun_path)) return address;
  name.copy(address.bytes.sun_path, name.size());
  if (name.starts_with('@')) address.bytes.sun_path[0] = '\0';
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

}  // namespace

bool has_service_manager() {
  return address_of(in_environment("NOTIFY_SOCKET")).length > 0;
}

base::Duration service_manager_patience() {
  const bool is_ours =
      in_environment("WATCHDOG_PID").empty() || number_in_environment("WATCHDOG_PID") == ::getpid();
  const auto patience_us = number_in_environment("WATCHDOG_USEC");
  if (!is_ours || !patience_us || *patience_us <= 0) return {};
  return std::chrono::microseconds(*patience_us);
}

void tell_service_manager(const std::string& news) {
  const Address address = address_of(in_environment("NOTIFY_SOCKET"));
  if (address.length == 0) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kLongestWait, sizeof(kLongestWait));
  static_cast<void>(::sendto(socket, news.data(), news.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address.bytes), address.length));
  ::close(socket);
}

}  // namespace covey::process
