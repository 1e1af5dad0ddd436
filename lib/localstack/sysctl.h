// SPDX-License-Identifier: BSD-3-Clause
// Per-interface kernel switches under /proc/sys/net: set, and put back where the interface outlives
// us.
//
// Owner: localstack. Thread: the control thread, at start and stop.
// Names are paths below /proc/sys/net ("ipv4/conf/eth0/arp_ignore"). A switch that has the wanted
// value already is left alone, so that a read-only /proc/sys (containers) does no harm where it was
// prepared by its owner.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace covey::localstack {

/// Error not_found when this kernel has no such switch.
[[nodiscard]] base::Result<void> set_sysctl(const std::string& name, const std::string& value);

/// Remembers what it changes and puts it back when destroyed.
class SysctlChanges {
 public:
  SysctlChanges() = default;
  ~SysctlChanges();
  SysctlChanges(const SysctlChanges&) = delete;
  SysctlChanges& operator=(const SysctlChanges&) = delete;
  [[nodiscard]] base::Result<void> set(const std::string& name, const std::string& value);

 private:
  struct Before {
    std::string name;
    std::string value;
  };
  std::vector<Before> before_;
};

}  // namespace covey::localstack
