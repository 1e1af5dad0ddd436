// SPDX-License-Identifier: BSD-3-Clause
// Health checks as the API, the metrics and people see them.
//
// Owner: control. Thread: any; pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/messages.h"
#include "base/time.h"
#include "control/health_checks.h"
#include "telemetry/metrics.h"

namespace covey::control {

using TimeText = std::function<std::string(base::TimePoint)>;

[[nodiscard]] std::vector<api::HealthRow> to_rows(const std::vector<HealthChecks::Row>& checks,
                                                  base::TimePoint now, const TimeText& text);
/// A line for each check that is not up.
[[nodiscard]] std::vector<std::string> complaints(const std::vector<api::HealthRow>& rows);
/// Nothing if there are no checks.
void append_health_metrics(const std::vector<api::HealthRow>& rows,
                           std::vector<telemetry::Metric>& out);

}  // namespace covey::control
