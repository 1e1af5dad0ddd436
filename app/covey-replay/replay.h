// SPDX-License-Identifier: BSD-3-Clause
// Replay: what a host of a cluster would have done with frames, in the order they came.
//
// Owner: app/covey-replay. Thread: one. The cores of the daemon judge: forwarding with a flow cache
// and a memory for fragments, and the map that convergence would agree on for the hosts. Frames
// with this host's own source address are those it sent; they tell which connections it holds. What
// the lab or the segment would add (leases, moves of buckets) is not replayed: every host is well.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "config/config.h"
#include "flow/flow_cache.h"
#include "forwarding/explain.h"
#include "forwarding/fragments.h"
#include "forwarding/policy.h"
#include "heartbeat/keys.h"

namespace covey::app {

struct Judged {
  bool was_sent = false;  // by this host; else it came from the segment
  forwarding::Explanation explanation;
};

class Replay {
 public:
  /// `config.forwarding.self` judges, `hosts` make the map; it is among them.
  Replay(const config::Config& config, const heartbeat::DerivedKeys& keys, base::HostSet hosts);

  [[nodiscard]] Judged judge(std::span<const std::uint8_t> frame, base::TimePoint now);

 private:
  forwarding::Snapshot snapshot_;
  flow::FlowCache flows_;
  forwarding::Fragments fragments_;
};

}  // namespace covey::app
