// SPDX-License-Identifier: BSD-3-Clause
// The small interfaces the control shell needs from the rest of the appliance; app/coveyd/wiring.cc
// implements them.
//
// Owner: control. Thread: the control thread calls everything here and is never kept waiting.
// Control never includes the data plane and the data plane never includes control: what crosses is
// written here, in terms of the libraries both may know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/capture.h"
#include "api/messages.h"
#include "api/pcapng.h"
#include "base/result.h"
#include "base/time.h"
#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "convergence/staging.h"
#include "health/settings.h"
#include "telemetry/metrics.h"

namespace covey::control {

/// Where maps and leases go.
class BucketSink {
 public:
  virtual ~BucketSink() = default;
  /// Publishes a table with the classes of the configuration of that digest, which is the first one
  /// or was adopted; the ticket is asked about with is_installed().
  virtual std::uint64_t install(std::uint64_t config_digest, bucket::BucketTable table) = 0;
  /// True once no worker follows an older table.
  [[nodiscard]] virtual bool is_installed(std::uint64_t ticket) = 0;
  virtual void publish_lease(base::TimePoint valid_until) = 0;
};

/// Sealed heartbeat payloads to and from the segment.
class HeartbeatLink {
 public:
  virtual ~HeartbeatLink() = default;
  /// False: not sent (queue full), counted by the link.
  virtual bool send(std::span<const std::uint8_t> payload) = 0;
  /// Sealed: to be sent for this host should its process die. Empty: nothing.
  virtual void keep_last_words(std::span<const std::uint8_t> payload) = 0;
  /// The oldest received payload; false when there is none.
  virtual bool receive(std::vector<std::uint8_t>& payload) = 0;
  /// An eventfd (or anything read(2) empties 8 bytes at a time) that is readable when receive() or
  /// dispatch_answers() may have something. Control reads it, before it empties the mailbox, and
  /// makes it non-blocking; it stays the link's to close.
  [[nodiscard]] virtual int wake_fd() const = 0;
};

struct FlowNews {
  bucket::Bitmap residual;
  std::uint64_t flows = 0;
  // Since the start:
  std::uint64_t alien_acks = 0;
  std::uint64_t evicted = 0;    // flows that gave way to newer ones
  std::uint64_t untracked = 0;  // segments whose flow found no room
};

struct TraceNews {
  api::TraceReply reply;               // but for the host and the time of each packet
  std::vector<base::TimePoint> times;  // of each packet
};

/// What was captured since the last time, by time; it stays as it is.
class CapturedPart {
 public:
  struct Packet {
    api::TraceRow row;  // but for the times
    base::TimePoint when;
    std::span<const std::uint8_t> bytes;
  };
  virtual ~CapturedPart() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual Packet at(std::size_t position) const = 0;
  [[nodiscard]] virtual api::CaptureCounts counts() const = 0;
};

/// What the data plane knows and can be asked.
class DataPlaneView {
 public:
  virtual ~DataPlaneView() = default;
  [[nodiscard]] virtual base::TimePoint now() const = 0;
  [[nodiscard]] virtual FlowNews flow_news() const = 0;
  /// Asks the gateway of partition policy `gateway` whether it is there.
  virtual void ask_gateway() = 0;
  /// When it answered last; TimePoint::distant_past() before the first time.
  [[nodiscard]] virtual base::TimePoint gateway_answered() const = 0;
  /// How often each worker has gone round its loop, also for want of anything to do.
  [[nodiscard]] virtual std::vector<std::uint64_t> worker_loops() const = 0;
  /// Counters for people and programs; of the heartbeats only `lost`, the rest is filled in by
  /// control.
  [[nodiscard]] virtual api::Stats stats() const = 0;
  [[nodiscard]] virtual std::vector<telemetry::Metric> metrics() const = 0;
  /// Configured rules with their counters, then "default" with class 0; state, weight and buckets
  /// are filled in by control.
  [[nodiscard]] virtual std::vector<api::RuleStatus> rules() const = 0;
  virtual void explain(const api::ExplainRequest& request,
                       std::function<void(base::Result<api::ExplainReply>)> done) = 0;
  virtual void flows(const api::FlowsRequest& request,
                     std::function<void(base::Result<std::vector<api::FlowRow>>)> done) = 0;
  /// Traces until the packets are there, end_trace() is called, or another trace begins; the time
  /// limit of the request is the caller's to keep.
  virtual void trace(const api::TraceRequest& request,
                     std::function<void(base::Result<TraceNews>)> done) = 0;
  virtual void end_trace() = 0;
  /// Captures packets until end_capture(). Refused while another capture is on; invalid_argument
  /// for a filter that is no program.
  [[nodiscard]] virtual base::Result<void> begin_capture(
      const std::vector<api::FilterStep>& filter) = 0;
  /// While one is on: what came since the last time.
  virtual void take_captured(std::function<void(std::shared_ptr<const CapturedPart>)> done) = 0;
  virtual void end_capture() = 0;
  /// Runs the completions of explain(), flows(), trace() and take_captured() whose answers have
  /// come in.
  virtual void dispatch_answers() = 0;
};

/// Who started this daemon and looks after it.
struct Supervisor {
  std::function<void(const std::string& news)> tell;  // as of sd_notify(3); null: there is nobody
  base::Duration patience{};  // without WATCHDOG=1; zero: as long as it takes
};

/// The configuration file, read again.
struct Reread {
  std::vector<std::string> mistakes;       // each with its place; then nothing else is set
  std::vector<api::ConfigChange> changes;  // against what was adopted last
  /// Makes it a configuration that tables can be for. Empty if there is no change, or one that
  /// needs a restart.
  std::function<void()> adopt;
  convergence::Configuration configuration;  // to be staged then
  std::vector<std::string> class_rules;      // by its classes: a port rule, "default", or nothing
  std::vector<health::Settings> health;      // all checks, to be adopted then
};

/// The configuration as text and facts that status replies repeat.
class ConfigView {
 public:
  virtual ~ConfigView() = default;
  /// Of the newest table.
  [[nodiscard]] virtual std::string effective_yaml() const = 0;
  [[nodiscard]] virtual std::string cluster_name() const = 0;
  /// A task for another thread, since it may take long: it reads the file and compiles it.
  [[nodiscard]] virtual std::function<Reread()> reading() = 0;
};

}  // namespace covey::control
