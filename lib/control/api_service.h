// SPDX-License-Identifier: BSD-3-Clause
// ApiService: what the HTTP interface can ask of the daemon. The routes know this and nothing else.
//
// Owner: control. Thread: the control thread. Answers are made when asked; those that only a
// worker or another host can give come later, by callback. A callback may never be called (a worker
// that hangs): who asks keeps a deadline.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/capture.h"
#include "api/messages.h"
#include "base/result.h"
#include "control/event_log.h"
#include "telemetry/metrics.h"

namespace covey::control {

/// A capture from its first byte to its last, in pcapng; it ends with the object. Who reads it
/// alternates: ask(), wait, append_some() until nothing is left.
class CaptureStream {
 public:
  virtual ~CaptureStream() = default;
  [[nodiscard]] virtual std::string head() = 0;
  /// Asks for what came since the last time; `ready` comes later, or never (a worker that hangs).
  virtual void ask(std::function<void()> ready) = 0;
  /// Appends some packets of what was asked for; false if nothing was left.
  [[nodiscard]] virtual bool append_some(std::string& out) = 0;
  /// There are as many as were wanted, or the time is up.
  [[nodiscard]] virtual bool is_over() const = 0;
  [[nodiscard]] virtual std::string tail() = 0;
};

class ApiService {
 public:
  virtual ~ApiService() = default;
  [[nodiscard]] virtual api::Status status() = 0;
  [[nodiscard]] virtual std::vector<api::RuleStatus> rules() = 0;
  [[nodiscard]] virtual std::vector<api::HealthRow> health() = 0;
  /// The map of one rule, "default" or "spread"; of all for an empty name, if they are not too
  /// many.
  [[nodiscard]] virtual base::Result<api::BucketMaps> buckets(std::string_view rule) = 0;
  [[nodiscard]] virtual api::Stats stats() = 0;
  [[nodiscard]] virtual std::vector<api::HistoryRow> history() = 0;
  [[nodiscard]] virtual std::string config_yaml() = 0;
  [[nodiscard]] virtual std::vector<telemetry::Metric> metrics() = 0;
  /// Why this host is not taking its full part; empty when it is.
  [[nodiscard]] virtual std::string trouble() = 0;
  virtual void explain(const api::ExplainRequest& request,
                       std::function<void(base::Result<api::ExplainReply>)> done) = 0;
  virtual void flows(const api::FlowsRequest& request,
                     std::function<void(base::Result<std::vector<api::FlowRow>>)> done) = 0;
  /// The answer comes when the packets or the time are there. A new trace ends the one before.
  virtual void trace(const api::TraceRequest& request,
                     std::function<void(base::Result<api::TraceReply>)> done) = 0;
  /// Errors as DataPlaneView::begin_capture().
  [[nodiscard]] virtual base::Result<std::unique_ptr<CaptureStream>> capture(
      const api::CaptureRequest& request) = 0;
  /// The answers of other hosts come later, or that they did not come.
  virtual void command(const api::CommandRequest& request,
                       std::function<void(const api::CommandReply&)> done) = 0;
  [[nodiscard]] virtual api::KeyList keys() = 0;
  [[nodiscard]] virtual api::CommandReply change_keys(const api::KeyRequest& request) = 0;
  /// Reads the configuration file again.
  virtual void reload(std::function<void(const api::ReloadReply&)> done) = 0;
  [[nodiscard]] virtual EventLog& events() = 0;
};

}  // namespace covey::control
