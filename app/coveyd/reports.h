// SPDX-License-Identifier: BSD-3-Clause
// Turns what the data plane reports into what the API and the metrics page show.
//
// Owner: app/coveyd. Thread: the control thread; pure functions.
#pragma once

#include <vector>

#include "api/messages.h"
#include "base/result.h"
#include "dataplane/data_plane.h"
#include "forwarding/explain.h"
#include "forwarding/policy.h"
#include "telemetry/metrics.h"

namespace covey::app {

[[nodiscard]] api::Stats to_stats(const dataplane::Report& report, std::uint64_t flow_capacity);
[[nodiscard]] std::vector<telemetry::Metric> to_metrics(const dataplane::Report& report,
                                                        const forwarding::Policy& policy,
                                                        std::uint64_t flow_capacity);
/// One row per rule in configuration order, then "default". States and bucket counts are control's
/// to fill in.
[[nodiscard]] std::vector<api::RuleStatus> to_rules(const dataplane::Report& report,
                                                    const forwarding::Policy& policy);
/// An error for a rule that is none.
[[nodiscard]] base::Result<flow::FlowCache::Wanted> to_wanted(const api::FlowsRequest& request,
                                                              const forwarding::Policy& policy);
/// An error for a verdict that is none.
[[nodiscard]] base::Result<dataplane::TraceRequest> to_trace(const api::TraceRequest& request);
/// But for the times.
[[nodiscard]] api::TraceRow to_row(const dataplane::TracedFrame& frame);
/// But for the host, and the time of each packet.
[[nodiscard]] api::TraceReply to_reply(const dataplane::TraceReport& report);
[[nodiscard]] api::FlowRow to_row(const flow::FlowCache::Listed& flow,
                                  const forwarding::Policy& policy);

}  // namespace covey::app
