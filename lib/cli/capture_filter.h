// SPDX-License-Identifier: BSD-3-Clause
// compile_filter(): an expression as tcpdump takes it (pcap-filter(7)) -> the program that the
// daemon runs on each frame.
//
// Owner: cli. Thread: any, but libpcap may look up names of hosts and services, which takes its
// time.
#pragma once

#include <string>
#include <vector>

#include "api/capture.h"
#include "base/result.h"

namespace covey::cli {

/// ErrorCode::invalid_argument for what is no expression, or too long a one.
[[nodiscard]] base::Result<std::vector<api::FilterStep>> compile_filter(
    const std::string& expression);

}  // namespace covey::cli
