// SPDX-License-Identifier: BSD-3-Clause
// Metrics of the control side: who this is, convergence, members, buckets, heartbeats, commands,
// the API.
//
// Owner: control. Thread: any; pure. Those of the data plane come from DataPlaneView::metrics().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/messages.h"
#include "control/api_load.h"
#include "convergence/node.h"
#include "telemetry/metrics.h"

namespace covey::control {

struct ControlFacts {
  convergence::Status status;
  api::ControlStats control;
  api::HeartbeatStats heartbeats;
  api::CommandStats commands;
  std::vector<api::RuleStatus> rules;
  std::uint64_t events = 0;
  api::HostSummary host;
  std::string cluster;
  ApiLoad load;
};

void append_control_metrics(const ControlFacts& facts, std::vector<telemetry::Metric>& out);

}  // namespace covey::control
