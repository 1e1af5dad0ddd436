// SPDX-License-Identifier: BSD-3-Clause
// Transcript: what the hosts of a segment say and do, as text that people can follow.
//
// Owner: sim. Thread: any, one at a time. One line per message that says something new (heartbeats
// that repeat what their host said before are left out), per table in which the own buckets
// change, and per event. Times are virtual, in milliseconds.
#pragma once

#include <map>
#include <string>

#include "sim/segment.h"

namespace covey::sim {

class Transcript {
 public:
  /// Writes down everything `segment` does from now on; must outlive it.
  void follow(Segment& segment);
  void note(const Segment& segment, const std::string& what);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void write(base::TimePoint now, base::HostId host, const convergence::Effect& effect);
  void line(base::TimePoint now, const std::string& what);

  std::string text_;
  std::map<std::uint64_t, std::string> said_;      // by nonce
  std::map<std::uint8_t, std::string> installed_;  // by host
};

}  // namespace covey::sim
