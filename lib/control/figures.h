// SPDX-License-Identifier: BSD-3-Clause
// figures(): what a tool on DPDK's telemetry socket can ask of this host, from the same answers as
// the HTTP interface gives.
//
// Owner: control. Thread: the control thread. The table of commands is in figures.cc, and in
// docs/metrics.md.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/api_service.h"
#include "telemetry/figures.h"

namespace covey::control {

[[nodiscard]] std::vector<telemetry::FigureCommand> figure_commands();

/// not_found: no such command. invalid_argument: it does not take this parameter, or there is
/// nothing of that name.
[[nodiscard]] base::Result<telemetry::Figures> figures(ApiService& service, std::string_view path,
                                                       std::string_view parameter);

}  // namespace covey::control
