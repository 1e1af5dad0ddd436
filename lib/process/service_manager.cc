// SPDX-License-Identifier: BSD-3-Clause
#include "process/service_manager.h"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace covey::process {

bool has_service_manager() {
  return std::getenv("NOTIFY_SOCKET") != nullptr;
}

base::Duration service_manager_patience() {
  std::uint64_t patience_us = 0;
  if (::sd_watchdog_enabled(0, &patience_us) <= 0) return {};
  return std::chrono::microseconds(patience_us);
}

void tell_service_manager(const std::string& news) {
  static_cast<void>(::sd_notify(0, news.c_str()));
}

}  // namespace covey::process
