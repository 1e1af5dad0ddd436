// SPDX-License-Identifier: BSD-3-Clause
// Settings of the convergence core, as the operator gives them (`cluster.heartbeat`,
// `cluster.partition`).
//
// Owner: convergence. Thread: any; plain values. Ranges are validated by config.
// All other times follow from these two: see docs/convergence.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace covey::convergence {

enum class PartitionPolicy : std::uint8_t {
  serve,     // both sides of a cut keep serving
  majority,  // the smaller side stops taking new flows
  gateway,   // only a side whose gateway answers takes new flows
};

[[nodiscard]] constexpr std::string_view name(PartitionPolicy policy) {
  switch (policy) {
    case PartitionPolicy::serve:
      return "serve";
    case PartitionPolicy::majority:
      return "majority";
    case PartitionPolicy::gateway:
      return "gateway";
  }
  return "";
}

struct Timing {
  base::Duration interval = std::chrono::milliseconds(200);  // between heartbeats: T
  unsigned tolerance = 5;  // missed heartbeats before a host counts as silent: K
  friend bool operator==(const Timing&, const Timing&) = default;

  [[nodiscard]] base::Duration silence() const { return interval * tolerance; }  // D
  [[nodiscard]] base::Duration guard() const { return interval * 3 / 2; }        // G
  [[nodiscard]] base::Duration debounce() const { return interval * 6 / 5; }     // delta
  [[nodiscard]] base::Duration listen_first() const { return interval * 3 / 2; }
  [[nodiscard]] base::Duration tick() const { return interval / 10; }
  /// How long a host may serve after a peer last acknowledged it; peers wait longer before taking
  /// over.
  [[nodiscard]] base::Duration lease() const {
    const base::Duration slack = interval / 20;
    const base::Duration least = std::chrono::milliseconds(1);
    return silence() + guard() - (slack > least ? slack : least);
  }
  /// What an acquirer waits beyond the lease: one per cent of clock rate error, and rounding of
  /// ages.
  [[nodiscard]] base::Duration takeover_margin() const {
    return lease() / 100 + std::chrono::milliseconds(1);
  }
  /// How long the connections of a host that left are spared: it may have been restarted.
  [[nodiscard]] static constexpr base::Duration comeback() { return std::chrono::seconds(5); }
  /// How long a host sends on what begins a flow in buckets it gave away. The new owner takes them
  /// over some milliseconds later; a client would ask again after a second.
  [[nodiscard]] base::Duration hand_on() const {
    using std::chrono::milliseconds;
    return std::clamp<base::Duration>(interval / 2, milliseconds(250), milliseconds(500));
  }
  /// Silence of an incarnation after which another one may take its host id.
  [[nodiscard]] base::Duration rebind() const { return interval * 5 / 2; }
};

}  // namespace covey::convergence
