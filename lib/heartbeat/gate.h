// SPDX-License-Identifier: BSD-3-Clause
// Gate: whether a frame is worth checking its seal, which costs a microsecond or two.
//
// Owner: heartbeat. Thread: the control thread. Time comes with the call.
// What a frame says of itself can be read and forged by anybody on the segment, so the gate never
// makes a frame believed, it only saves work: a message that a bound incarnation has sent already
// is refused for nothing, and frames of incarnations that nobody is bound to are checked a thousand
// times a second at most. So strangers cannot crowd out members, and a forger who copies what
// members say burns a slice of one core.
#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/time.h"
#include "heartbeat/fragment.h"

namespace covey::heartbeat {

/// So many in the long run, evenly; bursts are let through.
class RateLimit {
 public:
  constexpr RateLimit(base::Duration interval, base::Duration burst)
      : interval_(interval), burst_(burst) {}
  [[nodiscard]] bool admits(base::TimePoint now);

 private:
  base::Duration interval_;  // between two
  base::Duration burst_;     // how far ahead of that
  base::TimePoint used_until_ = base::TimePoint::distant_past();
};

class Gate {
 public:
  enum class Verdict : std::uint8_t {
    check,
    replayed,  // its sender has said something newer
    limited,   // too many of its kind
  };

  [[nodiscard]] Verdict judge(const FragmentHeader& said, base::TimePoint now);
  [[nodiscard]] Verdict judge_command(base::TimePoint now);
  /// The seal was good and the message is whole.
  void opened(base::HostId host, std::uint64_t nonce, std::uint32_t sequence);
  /// Which incarnation of the host the cluster deals with.
  void bind(base::HostId host, std::uint64_t nonce);

 private:
  struct Known {
    std::uint64_t nonce = 0;  // 0: none
    std::uint32_t sequence = 0;
  };

  std::array<Known, base::kMaxHosts + 1> known_{};  // by host id
  RateLimit members_{std::chrono::microseconds(10), std::chrono::milliseconds(200)};
  RateLimit strangers_{std::chrono::milliseconds(1), std::chrono::milliseconds(500)};
  RateLimit commands_{std::chrono::milliseconds(1), std::chrono::milliseconds(500)};
};

}  // namespace covey::heartbeat
