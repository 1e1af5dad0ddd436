// SPDX-License-Identifier: BSD-3-Clause
// RandomFaults: a seeded run of a small cluster through crashes, restarts, stalls, leaves, drains
// and weight changes under light loss; says what promise was broken, if any.
//
// Owner: test. Thread: the test's. No link is cut here, so "one owner per bucket" must hold at
// every event without exception. Between batches of faults everything is healed and coverage,
// balance and agreement are checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/segment.h"
#include "support/transcript.h"

namespace covey::test {

struct FaultReport {
  std::uint64_t seed = 0;
  unsigned hosts = 0;
  unsigned faults = 0;
  std::uint64_t commits = 0;
  std::vector<std::string> violations;
};

class RandomFaults {
 public:
  explicit RandomFaults(std::uint64_t seed);
  /// Also writes down the whole conversation; slow and long.
  void follow(Transcript& transcript);
  FaultReport run(unsigned batches, unsigned faults_per_batch);

 private:
  void inject();
  void boot(std::uint8_t host);
  void crash(base::HostId host);
  void stall(base::HostId host);
  void drain(base::HostId host);
  void change_weight(base::HostId host);
  void heal();
  void check_healed();
  void note(const std::string& what);
  void complain(const std::string& what);
  [[nodiscard]] base::Duration some_ms(unsigned least, unsigned most);

  Chance chance_;
  unsigned hosts_;
  Segment segment_;
  Transcript* transcript_ = nullptr;
  FaultReport report_;
};

}  // namespace covey::test
