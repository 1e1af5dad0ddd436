// SPDX-License-Identifier: BSD-3-Clause
// What a daemon said about itself for a diagnosis, and what was found wrong: `covey doctor --json`.
//
// Owner: api. Thread: any; plain values. JSON keys as in messages.h, documented in docs/api.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/messages.h"

namespace covey::api {

/// All that can be asked, twice where it counts up.
struct DaemonAnswers {
  Status status;               // the later one
  bool was_converged = false;  // the earlier one
  Stats before;
  Stats after;
  std::vector<RuleStatus> rules;
  std::vector<EventRow> events;
  std::string yaml;  // its configuration
};

struct Doctoring {
  std::string socket;
  std::optional<DaemonAnswers> daemon;
  std::string unreachable;  // why there is no answer
  std::string file;         // a configuration in place of the daemon's; empty: none
};

struct Finding {
  std::string id;        // stable name: vip_elsewhere, ...
  std::string severity;  // fault | note: what is unusual, but may be meant
  std::string what;      // one sentence
  std::string where;     // an interface, a file, a key of the configuration, a host
  std::string cure;      // what to do
  friend bool operator==(const Finding&, const Finding&) = default;
};

struct Diagnosis {
  std::optional<unsigned> host;  // whose daemon answered; nothing: none did
  std::string configuration;     // by which was judged: daemon | file | none
  unsigned faults = 0;
  std::vector<Finding> findings;
  friend bool operator==(const Diagnosis&, const Diagnosis&) = default;
};

}  // namespace covey::api
