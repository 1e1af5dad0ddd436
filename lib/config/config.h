// SPDX-License-Identifier: BSD-3-Clause
// load(): a YAML file -> validated settings of every library, or every mistake in it with its
// place.
//
// Owner: config. Thread: any; reads one file, keeps nothing.
// Strict: unknown and duplicate keys, wrong types, values out of range, overlaps and contradictions
// are mistakes, and all of them are reported together. Needs neither root nor a device; the key
// file is named here but read elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/result.h"
#include "control/settings.h"
#include "convergence/settings.h"
#include "dataplane/settings.h"
#include "flow/settings.h"
#include "forwarding/settings.h"
#include "health/settings.h"
#include "localstack/settings.h"

namespace covey::config {

struct Config {
  std::string cluster_name;
  std::string key_file;
  std::string host_name;  // default: the machine's
  std::optional<base::IpAddress> gateway;
  forwarding::Settings forwarding;
  flow::Settings flows;
  convergence::Timing timing;
  convergence::PartitionPolicy partition = convergence::PartitionPolicy::serve;
  base::HostSet hosts;  // of the whole cluster, for partition: majority; empty: not said
  base::Duration hold_down = std::chrono::seconds(1);
  dataplane::Uplink uplink;
  dataplane::Workers workers;
  localstack::Settings local;
  std::vector<health::Settings> health;
  control::Settings control;
};

/// One mistake: where it stands, the key it is about, what is wrong and what would be right.
struct Mistake {
  std::string file;
  int line = 0;  // from 1; 0: no place (a missing file)
  int column = 0;
  std::string path;     // "port_rules[2].ports"
  std::string problem;  // "port 70000 is out of range (allowed: 0..65535)"

  /// `file:line:column: path: problem`
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Mistake&, const Mistake&) = default;
};

using Loaded = std::variant<Config, std::vector<Mistake>>;

[[nodiscard]] Loaded load_text(std::string_view yaml, const std::string& file_name);
[[nodiscard]] Loaded load_file(const std::string& path);

/// The effective configuration as YAML: every key, defaults filled in, in the order of the
/// reference.
[[nodiscard]] std::string dump(const Config& config);

}  // namespace covey::config
