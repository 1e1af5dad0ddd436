// SPDX-License-Identifier: BSD-3-Clause
// The parts of the loader that are about port rules, and about what hangs on them.
//
// Owner: config. Thread: one. They come after the cluster section: rules name its virtual IPs, and
// buckets times rules must fit a heartbeat.
#pragma once

#include "config/config.h"
#include "config/section.h"

namespace covey::config {

void load_rules(const Section& root, Config& config);
void load_health(const Section& root, Config& config);

}  // namespace covey::config
