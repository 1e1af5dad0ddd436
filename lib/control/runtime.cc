// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "control/api_server.h"
#include "control/convergence_driver.h"
#include "control/daemon_service.h"
#include "control/figures.h"
#include "control/health_checks.h"
#include "control/key_service.h"
#include "control/rule_control.h"
#include "control/state_file.h"
#include "control/supervision.h"
#include "heartbeat/keys.h"

namespace covey::control {

namespace asio = boost::asio;

namespace {

// Leaving takes three heartbeats; who has not managed by then is treated as lost by its peers
// anyhow.
constexpr auto kLeaveLimit = std::chrono::seconds(1);
// One wish can come as several signals: the kernel sends one for every thread of a parent that is
// killed, and a terminal sends one to the daemon and one to the parent, which passes it on.
constexpr auto kSameRequest = std::chrono::milliseconds(300);
constexpr auto kFiguresPatience = std::chrono::seconds(1);

/// Better out of service and visible than in service against an order that was lost.
void report_unreadable(const base::Error& error, Logger& logger) {
  logger.log(LogLevel::warning, "state_unreadable",
             {{"reason", error.context}, {"state", "stopped"}});
}

/// Puts `initial_state` into the core's terms; returns what the operator had said of rules.
RuleStates apply_initial_state(Options& options, const DataPlaneView& view, Logger& logger) {
  InitialState state = options.settings.initial_state;
  RuleStates rules;
  if (state == InitialState::persisted) {
    const auto kept = load_state(options.settings.state_dir);
    if (!kept) report_unreadable(kept.error(), logger);
    const auto kept_rules = load_rule_states(options.settings.state_dir);
    if (!kept_rules) report_unreadable(kept_rules.error(), logger);
    state = kept_rules ? kept.value_or(InitialState::stopped) : InitialState::stopped;
    if (kept_rules) rules = RuleStates(*kept_rules);
    std::vector<convergence::ClassConfig>& classes = options.node.classes;
    hold_back(rules, names_by_class(view.rules(), classes.size()), classes);
  }
  options.node.start_suspended = state == InitialState::suspended;
  options.node.start_stopped = options.node.start_suspended || state == InitialState::stopped;
  return rules;
}

}  // namespace

struct Runtime::Implementation {
  Implementation(Options options, RuleStates kept_rules, const heartbeat::DerivedKeys& derived,
                 ConvergenceDriver::Ports ports, ConfigView& config, Logger& log)
      : settings(std::move(options.settings)),
        logger(log),
        events(log),
        driver(io, std::move(options.node), derived, ports, events),
        keys(std::move(options.keys), {driver, log, config.cluster_name(), options.key_file}),
        supervision(io, std::move(options.supervisor), {driver, ports.view, log}),
        rules(driver, ports.view, std::move(kept_rules)),
        checks(std::move(options.health)),
        health(io, health_host(ports.view)),
        service(io,
                {driver, ports.view, config, events, log, settings.state_dir, keys, health, rules,
                 supervision, load},
                options.command_secret),
        server(io, service, load),
        signals(io),
        leave_timer(io) {}

  void start() {
    driver.on_stopped([this] { left(); });
    driver.on_switched([this] { asio::post(io, [this] { rules.follow(); }); });
    health.start(checks);  // before the host says that it takes anything
    driver.start([this](const std::string& why) { fail(why); });
    supervision.start();
    wait_for_signal();
  }

  HealthChecks::Host health_host(DataPlaneView& view) {
    return {.now = [&view] { return view.now(); },
            .rules = [this] { return rules.names(); },
            .hold = [this](const HealthChecks::Shares& shares) { rules.set_health(shares); },
            .last_resorts = [this] { return rules.last_resorts(); },
            .report =
                [this](std::string_view event, const std::string& detail, LogLevel level) {
                  driver.report(event, driver.config().self, detail, level);
                }};
  }

  void wait_for_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      logger.log(LogLevel::info, "signal", {{"number", std::to_string(signal)}});
      if (signal == SIGHUP) {
        if (!leaving) service.reload([](const api::ReloadReply&) {});  // it is in the log
        wait_for_signal();
        return;
      }
      if (!leaving) {
        signalled = std::chrono::steady_clock::now();
        begin_leaving();
      } else if (std::chrono::steady_clock::now() - signalled >= kSameRequest) {
        exit_code = kCutShort;
        io.stop();
        return;
      }
      if (!ended) wait_for_signal();  // one that had left before ends at once
    });
  }

  void begin_leaving() {
    if (std::exchange(leaving, true)) return;
    logger.log(LogLevel::info, "stopping");
    supervision.stopping();
    leave_timer.expires_after(kLeaveLimit);
    leave_timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      logger.log(LogLevel::warning, "leave_timed_out");
      exit_code = 1;
      end();
    });
    const convergence::HostState state = driver.status().state;
    if (state == convergence::HostState::stopped || state == convergence::HostState::suspended) {
      end();
    } else {
      convergence::OperatorCommand leave{convergence::Verb::stop, {}, 0, {}};
      leave.comes_back = true;  // or so the others had better believe for a moment
      driver.command(leave);
    }
  }

  /// The core says that the host has left: the end of a shutdown, or of an operator's stop.
  void left() {
    if (leaving) {
      // Not now: the core is in the middle of its list of effects.
      asio::post(io, [this] { end(); });
    } else {
      asio::post(io, [this] { service.keep_state(); });
    }
  }

  void fail(const std::string& why) {
    logger.log(LogLevel::error, "control_failed", {{"reason", why}});
    exit_code = 1;
    begin_leaving();
  }

  /// Takes away all work; run() returns when the last handler has.
  void end() {
    if (std::exchange(ended, true)) return;
    server.close();
    supervision.close();
    health.close();
    service.close();
    driver.close();
    leave_timer.cancel();
    boost::system::error_code ignored;
    signals.cancel(ignored);
  }

  // What coroutines touch while they are destroyed with the io_context stands before it.
  Settings settings;
  Logger& logger;
  EventLog events;
  ApiLoad load;
  asio::io_context io{1};
  ConvergenceDriver driver;
  KeyService keys;
  Supervision supervision;
  RuleControl rules;
  std::vector<health::Settings> checks;
  HealthChecks health;
  DaemonService service;
  ApiServer server;
  asio::signal_set signals;
  asio::steady_timer leave_timer;
  std::chrono::steady_clock::time_point signalled;  // the first that ends the daemon
  bool leaving = false;
  bool ended = false;
  int exit_code = 0;
};

Runtime::Runtime(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Runtime::~Runtime() = default;

base::Result<std::unique_ptr<Runtime>> Runtime::open(Options options, BucketSink& sink,
                                                     HeartbeatLink& link, DataPlaneView& view,
                                                     ConfigView& config, Logger& logger) {
  RuleStates rules = apply_initial_state(options, view, logger);
  const auto derived = heartbeat::derive_keys(options.keys, config.cluster_name());
  if (!derived) return std::unexpected(derived.error());
  auto parts =
      std::make_unique<Implementation>(std::move(options), std::move(rules), *derived,
                                       ConvergenceDriver::Ports{sink, link, view}, config, logger);
  boost::system::error_code error;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    if (!error) parts->signals.add(signal, error);
  }
  if (error) return base::fail(base::ErrorCode::io, "take signals: " + error.message());
  const auto opened = parts->server.open(parts->settings);
  if (!opened) return base::wrap("api", opened.error());
  return std::make_unique<Runtime>(std::move(parts));
}

int Runtime::run() {
  Implementation& parts = *implementation_;
  try {
    parts.start();
    parts.logger.log(LogLevel::info, "started", {{"socket", parts.settings.socket}});
    parts.io.run();
  } catch (const std::exception& error) {
    parts.logger.log(LogLevel::error, "control_failed", {{"reason", error.what()}});
    return 1;
  }
  parts.logger.log(LogLevel::info, "stopped");
  return parts.exit_code;
}

void Runtime::stop() {
  asio::post(implementation_->io, [this] { implementation_->begin_leaving(); });
}

base::Result<telemetry::Figures> Runtime::figures(std::string path, std::string parameter) {
  using Answer = base::Result<telemetry::Figures>;
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  asio::post(implementation_->io,
             [this, promise, path = std::move(path), parameter = std::move(parameter)] {
               promise->set_value(control::figures(implementation_->service, path, parameter));
             });
  if (answer.wait_for(kFiguresPatience) != std::future_status::ready)
    return base::fail(base::ErrorCode::timed_out, "the control thread does not answer");
  return answer.get();
}

void outlive_signals() {
  // With its last set asio gives a signal the meaning back that it had, to kill. This one stays.
  static auto* const never_run = std::make_unique<asio::io_context>(1).release();
  [[maybe_unused]] static const auto* const held =
      std::make_unique<asio::signal_set>(*never_run, SIGTERM, SIGINT, SIGHUP).release();
}

std::uint16_t Runtime::tcp_port() const {
  return implementation_->server.tcp_port();
}

}  // namespace covey::control
