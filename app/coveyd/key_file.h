// SPDX-License-Identifier: BSD-3-Clause
// Reads the cluster key and refuses a file that others may read.
//
// Owner: app/coveyd. Thread: the main thread, before anything else starts.
#pragma once

#include <string>

#include "base/result.h"
#include "heartbeat/codec.h"

namespace covey::app {

/// The 32 bytes of `path` (64 hex digits and an optional newline). The mode must give group and
/// others nothing.
[[nodiscard]] base::Result<heartbeat::ClusterKey> read_key_file(const std::string& path);

}  // namespace covey::app
