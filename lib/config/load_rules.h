// SPDX-License-Identifier: BSD-3-Clause
// The part of the loader that is about port rules.
//
// Owner: config. Thread: one. They come after the cluster section: rules name its virtual IPs, and
// buckets times rules must fit a heartbeat.
#pragma once

#include <map>
#include <string>

#include "config/config.h"
#include "config/section.h"

namespace covey::config {

void load_rules(const Section& root, Config& config);

/// The key `name` of an item, which no earlier item of its list has; `lines` says where each
/// stands.
void load_name(const Section& section, std::map<std::string, int>& lines, std::string& target);

}  // namespace covey::config
