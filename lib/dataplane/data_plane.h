// SPDX-License-Identifier: BSD-3-Clause
// DataPlane: everything that touches frames, behind one object: EAL, uplink, local stack, workers,
// mailboxes.
//
// Owner: dataplane. Threads: all public functions from the control thread; workers are inside.
// Down go snapshots (published lock-free, reclaimed when no worker can still read them) and one
// lease deadline; both ways go bounded mailboxes (heartbeat payloads, questions to the worker that
// owns the flow cache). A full mailbox loses the newest and counts it; nobody ever waits for the
// control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "bucket/bitmap.h"
#include "dataplane/capture.h"
#include "dataplane/rule_rows.h"
#include "dataplane/settings.h"
#include "dataplane/trace.h"
#include "flow/flow_cache.h"
#include "forwarding/explain.h"
#include "forwarding/policy.h"
#include "localstack/local_stack.h"
#include "localstack/settings.h"

namespace covey::dataplane {

struct Options {
  Uplink uplink;
  localstack::Settings local;
  localstack::Interface local_interface;
  Workers workers;
  flow::Settings flows;
  std::uint64_t flow_seed = 0;  // random per start: keys the flow caches' hashing
  bool test_memory = false;     // no huge pages even if there are some
  std::string instance;         // unique on this machine: EAL file prefix and runtime directory
  std::vector<std::string> eal_arguments;  // escape hatch, appended last
  /// Called by each worker thread as it starts, if set; what it returns goes as the thread ends.
  std::function<std::shared_ptr<void>()> alive;
};

struct WorkerReport {
  std::uint64_t loops = 0;
  std::uint64_t bursts = 0;  // looks at the uplink that found frames
  std::uint64_t frames = 0;
  std::uint64_t busy_cycles = 0;
  std::uint64_t idle_cycles = 0;
  std::uint64_t sleeps = 0;
};
struct PortReport {
  std::string name;
  std::uint64_t rx_frames = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0;
  std::uint64_t tx_frames = 0, tx_bytes = 0, tx_errors = 0;
  bool link_up = false;
};
struct RuleReport {
  RuleCount frames;
  std::uint64_t flows = 0;  // held now, of the first worker: each worker holds every flow
};
struct Report {
  std::vector<std::uint64_t> verdict_frames;  // by forwarding::Verdict, all workers
  std::vector<std::uint64_t> verdict_bytes;
  std::vector<RuleReport> rules;  // by rule, then one more for "default"
  std::vector<WorkerReport> workers;
  std::vector<PortReport> ports;
  flow::Statistics flows;             // of the fullest worker: each worker holds every flow
  std::uint64_t heartbeats_lost = 0;  // mailbox full, either way
  std::uint64_t flow_news_lost = 0;   // between workers: a flow one of them does not know
};

struct Census {
  bucket::Bitmap residual;  // of the bucket count of the spread class
  std::uint64_t flows = 0;  // live
  // Since the start, of the worker with the most:
  std::uint64_t evicted = 0;
  std::uint64_t untracked = 0;
};

class DataPlane {
 public:
  /// Starts EAL, opens the devices, claims the uplink from the kernel, creates the local interface.
  /// One per process.
  static base::Result<std::unique_ptr<DataPlane>> open(const Options& options,
                                                       forwarding::Snapshot first);
  ~DataPlane();  // stops the workers, undoes what open() did to the machine
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  /// Before the workers are started: connections that the local stack has from before, as their
  /// clients see them. Returns how many have a rule and found room.
  std::size_t take_over(std::span<const packet::FlowKey> connections);
  [[nodiscard]] base::Result<void> start_workers();
  [[nodiscard]] unsigned workers() const;

  /// What the operator should know about the uplink, one sentence each (addresses on it, offloads
  /// that stay on).
  [[nodiscard]] std::vector<std::string> warnings() const;

  /// Makes workers follow a new snapshot. Another policy may have other rules and map classes, but
  /// the virtual IPs and MAC addresses of the first one; connections are kept. Returns a ticket for
  /// is_quiescent().
  std::uint64_t publish(forwarding::Snapshot snapshot);
  /// True once no worker can be using a snapshot older than the ticket's; frees what is no longer
  /// used.
  [[nodiscard]] bool is_quiescent(std::uint64_t ticket);
  /// The current snapshot, for the control side.
  [[nodiscard]] const forwarding::Snapshot& snapshot() const;

  /// Workers take new flows until this instant of now()'s clock.
  void publish_lease(base::TimePoint valid_until);
  /// CLOCK_MONOTONIC, the one clock of control thread and workers.
  [[nodiscard]] static base::TimePoint now();

  /// Sends one heartbeat payload as a broadcast frame of the heartbeat EtherType. False: queue
  /// full, counted.
  bool send_heartbeat(std::span<const std::uint8_t> payload);
  /// The oldest received payload. False when there is none.
  bool receive_heartbeat(std::vector<std::uint8_t>& payload);
  /// Asks the gateway of the policy, if it has one, whether it is there.
  void ask_gateway();
  /// When it answered last; TimePoint::distant_past() before the first time.
  [[nodiscard]] base::TimePoint gateway_answered() const;
  /// Becomes readable (eventfd) when something was put into a mailbox for the control thread;
  /// dispatch_answers() makes it unreadable again, so call that first and then receive_heartbeat()
  /// until it returns false.
  [[nodiscard]] int wake_fd() const;

  /// Residual buckets under the current snapshot, and flows held.
  [[nodiscard]] Census census() const;
  [[nodiscard]] Report report() const;
  /// How often each worker has gone round its loop. One that sleeps for want of traffic does so
  /// every few milliseconds, too.
  [[nodiscard]] std::vector<std::uint64_t> worker_loops() const;
  /// Frames with this verdict so far, all workers.
  [[nodiscard]] std::uint64_t frames(forwarding::Verdict verdict) const;

  /// Asks the first worker; the answer comes by dispatch_answers(), soon after wake_fd() became
  /// readable.
  void ask_explain(const forwarding::Question& question,
                   std::function<void(const forwarding::Explanation&)> answer);
  void ask_flows(const flow::FlowCache::Wanted& wanted,
                 std::function<void(const std::vector<flow::FlowCache::Listed>&)> answer);
  /// Begins a trace, which ends when it has its frames, with end_trace() or when another begins;
  /// the report comes by dispatch_answers() soon after. What this host itself says (heartbeats) is
  /// not traced.
  void begin_trace(const TraceRequest& request, std::function<void(TraceReport)> report);
  /// Nothing if there is none.
  void end_trace();
  /// What was captured comes by dispatch_answers(), too.
  [[nodiscard]] Captures& captures();
  void dispatch_answers();

  struct Implementation;
  explicit DataPlane(std::unique_ptr<Implementation> implementation);  // use open()

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace covey::dataplane
