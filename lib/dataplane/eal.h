// SPDX-License-Identifier: BSD-3-Clause
// Eal: DPDK's environment in this process, started from our settings and never from raw arguments.
//
// Owner: dataplane. Thread: the control thread makes it and destroys it last. DPDK allows one start
// per process. Memory: huge pages when enough are free, else ordinary pages, with as much as the
// settings need. Only one lcore is given to EAL, and it may run wherever the process may: our
// workers are threads of our own that register themselves. DPDK's log goes to stderr from warnings
// upwards, each line marked "dpdk:". Signals: SIGPIPE is ignored from then on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace covey::dataplane {

struct EalPlan {
  bool huge_pages = false;
  unsigned memory_mb = 64;
  std::string pci_address;                  // empty: no PCI device at all
  std::string instance;                     // unique on this machine
  std::vector<unsigned> cpus;               // where EAL's own threads may run
  std::vector<std::string> more_arguments;  // appended last
};

/// The argument list, program name first.
[[nodiscard]] std::vector<std::string> eal_arguments(const EalPlan& plan);

/// Removes what instances that were killed left in a directory of instances: the directories named
/// covey-PID of which there is no such process. All others stay.
void remove_left_overs(const std::string& directory);

/// Megabytes of huge pages that nobody uses.
[[nodiscard]] std::uint64_t free_huge_memory_mb();

class Eal {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Eal>> start(const EalPlan& plan);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
  explicit Eal(std::string runtime_directory);  // use start()

 private:
  std::string runtime_directory_;  // of this instance; removed at the end
};

}  // namespace covey::dataplane
