// SPDX-License-Identifier: BSD-3-Clause
// DaemonService: the answers of a running daemon, put together from the core, the data plane and
// the configuration.
//
// Owner: control. Thread: the control thread.
// The data plane knows counters and rules; the core knows states and buckets; this joins them, and
// turns commands into inputs of the core. It decides nothing itself: see commands.h.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <string>
#include <vector>

#include "control/api_load.h"
#include "control/api_service.h"
#include "control/commands.h"
#include "control/convergence_driver.h"
#include "control/health_checks.h"
#include "control/key_service.h"
#include "control/reload.h"
#include "control/remote_control.h"
#include "control/rule_control.h"
#include "control/supervision.h"
#include "control/wall_clock.h"

namespace covey::control {

class DaemonService final : public ApiService {
 public:
  struct Parts {
    ConvergenceDriver& driver;
    DataPlaneView& view;
    ConfigView& config;
    EventLog& events;
    Logger& logger;
    std::string state_dir;
    KeyService& keys;
    HealthChecks& health;
    RuleControl& rules;
    Supervision& supervision;
    const ApiLoad& load;
  };
  /// `secret` is random per start.
  DaemonService(boost::asio::io_context& io, Parts parts, bucket::SipKey secret)
      : parts_(std::move(parts)),
        reload_(io, {parts_.driver, parts_.health, parts_.rules, parts_.config, parts_.logger,
                     parts_.supervision}),
        remote_(io, parts_.driver, secret,
                [this](const api::CommandRequest& request, base::HostId from) {
                  return obey(request, from);
                }),
        trace_limit_(io) {}
  void close() {
    remote_.close();
    trace_limit_.cancel();
  }

  [[nodiscard]] api::Status status() override;
  [[nodiscard]] std::vector<api::RuleStatus> rules() override;
  [[nodiscard]] std::vector<api::HealthRow> health() override;
  [[nodiscard]] base::Result<api::BucketMaps> buckets(std::string_view rule) override;
  [[nodiscard]] api::Stats stats() override;
  [[nodiscard]] std::vector<api::HistoryRow> history() override;
  [[nodiscard]] std::string config_yaml() override { return parts_.config.effective_yaml(); }
  [[nodiscard]] std::vector<telemetry::Metric> metrics() override;
  [[nodiscard]] std::string trouble() override;
  void explain(const api::ExplainRequest& request,
               std::function<void(base::Result<api::ExplainReply>)> done) override;
  void flows(const api::FlowsRequest& request,
             std::function<void(base::Result<std::vector<api::FlowRow>>)> done) override;
  void trace(const api::TraceRequest& request,
             std::function<void(base::Result<api::TraceReply>)> done) override;
  [[nodiscard]] base::Result<std::unique_ptr<CaptureStream>> capture(
      const api::CaptureRequest& request) override;
  void command(const api::CommandRequest& request,
               std::function<void(const api::CommandReply&)> done) override;
  [[nodiscard]] api::KeyList keys() override { return parts_.keys.list(); }
  [[nodiscard]] api::CommandReply change_keys(const api::KeyRequest& request) override {
    return parts_.keys.change(request);
  }
  void reload(std::function<void(const api::ReloadReply&)> done) override {
    reload_.begin(std::move(done));
  }
  [[nodiscard]] EventLog& events() override { return parts_.events; }

  /// What this host itself answers; `from` is nobody for its own operator.
  [[nodiscard]] api::CommandReply obey(const api::CommandRequest& request, base::HostId from);
  /// Keeps the state for `initial_state: persisted`; called after commands and when a drain has
  /// ended.
  void keep_state();

 private:
  [[nodiscard]] api::CommandStats command_stats() const;
  [[nodiscard]] api::CommandReply obey_for_rules(const api::CommandRequest& request,
                                                 const CommandContext& context);
  [[nodiscard]] std::vector<std::string> names_of(const std::vector<base::ClassIndex>& classes);
  [[nodiscard]] std::vector<api::HeldRule> held_rules();
  [[nodiscard]] std::string text(base::TimePoint instant);
  [[nodiscard]] base::Result<base::HostId> host_named(const std::string& wanted) const;
  [[nodiscard]] api::Absence absence(base::HostId gone, const api::ExplainReply& reply) const;
  void complete(api::RuleStatus& rule, convergence::HostState state) const;
  [[nodiscard]] api::BucketMap map_of(const std::string& rule, base::ClassIndex map_class) const;

  Parts parts_;
  WallClock clock_;
  Reload reload_;
  RemoteControl remote_;
  boost::asio::steady_timer trace_limit_;  // of the newest trace, the only one that is on
};

}  // namespace covey::control
