// SPDX-License-Identifier: BSD-3-Clause
// Rates: what happened between two answers of a daemon, per second.
//
// Owner: cli. Thread: any; pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/messages.h"
#include "base/result.h"
#include "base/time.h"

namespace covey::cli {

struct FrameRate {
  double frames = 0;
  double bytes = 0;
};
struct PortRate {
  bool link_up = false;  // at the end
  FrameRate rx, tx;
  double rx_missed = 0, rx_errors = 0, tx_errors = 0;
};
struct WorkerRate {
  double busy_pct = 0;           // of the cycles of this time
  double cycles_per_packet = 0;  // as in api::WorkerStats: of this time, 0 without packets
  double packets_per_poll = 0;
  double packets = 0;
};
struct FlowRate {
  double created = 0, expired = 0, evicted = 0, untracked = 0;
};

struct Rates {
  double seconds = 0;  // between the answers
  api::Named<FrameRate> verdicts;
  api::Named<PortRate> ports;
  std::vector<WorkerRate> workers;
  FlowRate flows;
};

/// ErrorCode::io if these are not two answers of one run of a daemon: a counter went back, or there
/// are other verdicts, ports or workers.
[[nodiscard]] base::Result<Rates> rates_between(const api::Stats& before, const api::Stats& after,
                                                base::Duration elapsed);

/// One line of JSON, documented in docs/api.md.
[[nodiscard]] std::string to_json(const Rates& rates);
/// As show() of the counters. Verdicts that did not happen meanwhile only if `all` are wanted.
[[nodiscard]] std::string show(const Rates& rates, bool all, bool colours);
/// 0.4 -> "0.4", 1234.5 -> "1,235": below 100 a tenth counts.
[[nodiscard]] std::string per_second(double rate);

}  // namespace covey::cli
