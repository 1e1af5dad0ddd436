// SPDX-License-Identifier: BSD-3-Clause
// Rehearsal: hosts of real convergence nodes on a segment without faults, in virtual time. What one
// of them takes in is written down, so that a fresh one can take it in again with a clock beside
// it: equal state and equal input give equal effects, so it does the same work.
//
// Owner: test/bench. Thread: one. Host 1 is the one watched; it opens and seals as the control
// thread does, the others get messages without their bytes. Of the control thread's work only
// mailboxes, timers and log are left out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "bucket/bucket_table.h"
#include "convergence/node.h"
#include "heartbeat/codec.h"
#include "heartbeat/gate.h"
#include "setup.h"

namespace covey::bench {

inline constexpr base::HostId kWatched{1};

/// Besides, everything is as by default. Rules are of mode multiple, a port each.
struct ClusterShape {
  unsigned hosts = 64;
  std::uint32_t buckets = 4096;
  unsigned rules = 1;
};

[[nodiscard]] heartbeat::DerivedKeys cluster_keys();
/// As coveyd makes it of its configuration.
[[nodiscard]] app::Setup setup_of(const ClusterShape& shape, base::HostId self);

using Payload = std::vector<std::uint8_t>;

struct Taken {
  base::TimePoint when;
  std::variant<Payload, convergence::Input> what;
};

/// What came of it, as far as a benchmark asks.
struct Outcome {
  bool began = false;      // to converge
  bool committed = false;  // to a generation
  std::vector<heartbeat::Message> sent;
  std::vector<Payload> payloads;
  std::optional<convergence::InstallMap> install;
};

/// What the control thread does with what it takes in.
class Shell {
 public:
  Shell(const ClusterShape& shape, const heartbeat::DerivedKeys& keys);

  [[nodiscard]] Outcome take(const Taken& taken);
  [[nodiscard]] const convergence::Node& node() const { return node_; }

 private:
  void open(base::TimePoint now, const Payload& payload, Outcome& outcome);
  void step(base::TimePoint now, const convergence::Input& input, Outcome& outcome);
  void send(heartbeat::Message& message, Outcome& outcome);

  std::uint64_t cluster_id_;
  std::vector<heartbeat::HeldKey> held_keys_;
  heartbeat::Codec codec_;
  heartbeat::Gate gate_;
  convergence::Node node_;
};

/// The hosts and the segment.
class Rehearsal {
 public:
  explicit Rehearsal(const ClusterShape& shape);

  /// Not the watched one, which is there from the beginning and stays.
  void boot(base::HostId host);
  void remove(base::HostId host);
  void run_for(base::Duration span);
  /// All hosts follow one map and have taken what it gives them.
  [[nodiscard]] bool is_settled() const;

  /// All that the watched host took in, from its start on.
  [[nodiscard]] const std::vector<Taken>& record() const { return record_; }
  [[nodiscard]] const convergence::Node& watched() const { return shell_.node(); }

 private:
  struct Delivery {
    base::TimePoint at;
    base::HostId from;
    heartbeat::Message message;
    std::vector<Payload> payloads;
  };
  struct Install {
    base::TimePoint at;
    base::HostId host;
    std::uint32_t id = 0;
  };

  [[nodiscard]] base::TimePoint wakes_at(base::HostId host) const;
  void wake(base::HostId host);
  void deliver(const Delivery& delivery);
  void step(base::HostId host, const convergence::Input& input);
  void step_watched(std::variant<Payload, convergence::Input> what);
  void send(base::HostId from, heartbeat::Message message, std::vector<Payload> payloads);

  const ClusterShape shape_;
  const bucket::Bitmap no_flows_;
  const heartbeat::DerivedKeys keys_;
  const heartbeat::Codec codec_;  // of the others
  base::TimePoint now_{};
  std::uint64_t boots_ = 1;
  Shell shell_;
  std::map<base::HostId, std::unique_ptr<convergence::Node>> others_;
  std::map<base::HostId, base::TimePoint> census_due_;
  std::deque<Delivery> deliveries_;  // both in the order of time
  std::deque<Install> installs_;
  std::vector<Taken> record_;
};

}  // namespace covey::bench
