// SPDX-License-Identifier: BSD-3-Clause
// TelemetrySocket: answers on the socket that EAL opens for tools (dpdk-telemetry.py and what
// collects for it), beside DPDK's own commands.
//
// Owner: dataplane; the app makes one, after DataPlane::open(). Threads: made and destroyed by the
// control thread; `answer` is called by threads of DPDK, one at a time, and is not called any more
// once the destructor has returned. DPDK cannot forget a command: after that they answer with null.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "telemetry/figures.h"

namespace covey::dataplane {

class TelemetrySocket {
 public:
  /// `parameter` is what stands behind the comma, as the client sent it; empty if there is none. An
  /// error makes the answer null: DPDK has no place for a reason.
  using Answer = std::function<base::Result<telemetry::Figures>(std::string_view path,
                                                                std::string_view parameter)>;

  /// Error: EAL has no room for so many commands.
  [[nodiscard]] static base::Result<void> add(
      const std::vector<telemetry::FigureCommand>& commands);
  explicit TelemetrySocket(Answer answer);
  ~TelemetrySocket();
  TelemetrySocket(const TelemetrySocket&) = delete;
  TelemetrySocket& operator=(const TelemetrySocket&) = delete;
};

}  // namespace covey::dataplane
