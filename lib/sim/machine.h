// SPDX-License-Identifier: BSD-3-Clause
// Machine: one simulated computer: the real node, the shell around it and the workers' tables.
//
// Owner: sim, inner header of the segment. Thread: the segment's. All times are true times, not
// those of the machine's clock. While a new table is on its way the workers may follow either.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "convergence/node.h"
#include "sim/clock.h"
#include "sim/links.h"

namespace covey::sim {

struct WorkerTable {
  bucket::BucketTable table;
  std::vector<bucket::Bitmap> own;          // by class
  std::vector<std::uint64_t> identities{};  // of the classes
};

struct Machine {
  Slot slot = 0;
  convergence::NodeConfig config;
  std::unique_ptr<convergence::Node> node;
  Clock clock;
  std::uint64_t boot = 0;  // events of an earlier boot are void
  base::TimePoint booted_at;
  WorkerTable current;
  std::optional<WorkerTable> previous;  // workers may still follow it
  std::uint32_t previous_install = 0;
  base::TimePoint lease = base::TimePoint::distant_past();
  base::TimePoint control_stalled_until = base::TimePoint::distant_past();
  base::TimePoint host_stalled_until = base::TimePoint::distant_past();
  std::vector<std::shared_ptr<const convergence::Input>> inbox;  // during a stall
  std::vector<std::uint32_t> installed;                          // during a stall
  std::map<std::uint32_t, std::uint32_t> flows;                  // by bucket
  bool gateway_answers = false;
  bool gateway_told = false;  // what the node knows of it; not at once during a stall
  base::TimePoint census_due;
  base::TimePoint wake_at;  // what the shell waits for next

  bool takes_flows = false;  // as of the last audit
  /// By identity of the class; what workers take, as of the last audit.
  std::vector<bucket::Bitmap> accepted;
};

}  // namespace covey::sim
