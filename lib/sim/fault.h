// SPDX-License-Identifier: BSD-3-Clause
// Fault: one thing that goes wrong in a simulated cluster, and a plan of many of them.
//
// Owner: sim. Thread: any; plain values and pure functions. A plan follows from its seed alone, not
// from what happens in the run; a fault that does not fit the state of the cluster when its time
// comes does something that does. So every part of a plan is a plan, and a failing one can be
// shortened fault by fault.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "convergence/settings.h"

namespace covey::sim {

enum class FaultKind : std::uint8_t {
  crash,          // of the host; boots it if it is down
  die,            // the process alone: its parent says farewell
  restart,        // crash and boot with a new nonce, `span` apart
  stall_control,  // the control thread alone; workers go on
  stall_host,     // everything on the host
  stall_many,     // all `hosts`, as on one overloaded machine
  stop,           // the operator's commands
  start,
  drain,         // `span` is its limit, 0: none
  weight,        // `value`
  flows,         // `value` flows in bucket `other`
  skew,          // reboots with a clock that is off by `value` - kSkewMiddle ppm
  duplicate_id,  // a second machine with the id of the host, for `span`
  mismatch,      // restarts with another configuration, for `span`
  stage,         // `hosts` get configuration `value` (cluster.h), stage it if they are up; extra
  hold,          // takes `value` per cent of its part in a class (hold_of()) if it is up; extra
  light_loss,    // `value` per mille of the messages, for `span`
  // Link faults: who does not hear one another may both serve.
  slow,       // messages take up to `value` per cent of an interval, for `span`
  storm,      // `value` per mille of the messages are lost, for `span`
  cut,        // `host` no longer reaches `other`, for `span`
  deaf,       // `host` hears nobody
  mute,       // nobody hears `host`
  partition,  // `hosts` from the rest; `value` says on which side the gateway stands
  gateway,    // `hosts` do not reach the gateway, for `span`
  calm,       // everything mended, time to settle, then everything is checked
};

/// A clock may be off by half a per cent, hence two of them by one.
inline constexpr std::int64_t kMostSkew = 5000;
inline constexpr std::uint32_t kSkewMiddle = 5000;

struct Fault {
  base::Duration at{};  // from the start of the run
  FaultKind kind = FaultKind::calm;
  base::HostId host{};
  base::HostId other{};
  base::HostSet hosts{};
  base::Duration span{};
  std::uint32_t value = 0;
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// What a fault of that kind holds back.
struct Hold {
  base::ClassIndex map_class;
  std::uint8_t percent = 0;
  bool closed = false;
  bool last_resort = false;
};
[[nodiscard]] Hold hold_of(const Fault& fault);

struct PlanOptions {
  std::uint64_t seed = 1;
  unsigned hosts = 3;
  unsigned faults = 100;
  base::Duration length = std::chrono::hours(1);
  convergence::Timing timing{};
  bool link_faults = true;
  bool duplicate_ids = true;
  bool gateway_faults = false;
};

/// Bursts of faults, ascending in time, with a calm after every other burst and at the end.
[[nodiscard]] std::vector<Fault> make_plan(const PlanOptions& options);
[[nodiscard]] std::string text(const Fault& fault);
[[nodiscard]] std::string_view name(FaultKind kind);              // as in the result of a campaign
[[nodiscard]] std::string seconds_text(base::Duration duration);  // "12.345 s"
[[nodiscard]] std::string hosts_text(base::HostSet hosts);        // "1,2,4"

}  // namespace covey::sim
