// SPDX-License-Identifier: BSD-3-Clause
// ConvergenceDriver: gives the convergence core its inputs and carries out its effects, in the
// order it asks for.
//
// Owner: control. Thread: the control thread; nothing here waits.
// A coroutine for each concern: payloads of the segment, the one timer, installs on their way, the
// flow census, and, under partition policy gateway, whether the gateway answers. Every payload that
// has come in is stepped before TimerFired, because only TimerFired judges silence. A table is
// published when its effect comes up; MapInstalled follows once no worker reads an older table, in
// the order of publication, with residual buckets read after that. Messages are sealed with the
// newest cluster key that every host on the list holds.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/event_log.h"
#include "control/forgotten_flows.h"
#include "control/lateness.h"
#include "control/ports.h"
#include "control/wall_clock.h"
#include "convergence/node.h"
#include "heartbeat/codec.h"
#include "heartbeat/command.h"
#include "heartbeat/gate.h"

namespace covey::control {

class ConvergenceDriver {
 public:
  struct Ports {
    BucketSink& sink;
    HeartbeatLink& link;
    DataPlaneView& view;
  };

  ConvergenceDriver(boost::asio::io_context& io, convergence::NodeConfig config,
                    const heartbeat::DerivedKeys& keys, Ports ports, EventLog& events);
  ~ConvergenceDriver();
  ConvergenceDriver(const ConvergenceDriver&) = delete;
  ConvergenceDriver& operator=(const ConvergenceDriver&) = delete;

  /// Starts the coroutines. `failed` is told, once per coroutine, why one ended that should not
  /// have.
  void start(std::function<void(const std::string& why)> failed);
  /// Ends the coroutines; the io_context has no more work of ours soon after.
  void close();
  void command(const convergence::OperatorCommand& command);
  /// Another configuration for the cluster; see convergence::StageConfiguration.
  void stage(convergence::Configuration configuration);
  /// Takes other cluster keys, at once and without a gap.
  void set_keys(const heartbeat::DerivedKeys& keys);
  /// Seals and sends a command frame; under the key of heartbeats if none is named (or it is held
  /// no more).
  void send_command(const heartbeat::CommandFrame& frame, std::optional<std::uint8_t> key_id);
  /// Told every command frame with a good seal, and the key of the seal.
  void on_command(std::function<void(const heartbeat::CommandFrame&, std::uint8_t key_id)> told) {
    told_ = std::move(told);
  }
  /// Called after each Stopped effect: the host has left the cluster.
  void on_stopped(std::function<void()> stopped) { stopped_ = std::move(stopped); }

  /// Called after the workers have gone over to another configuration, in the middle of a step: not
  /// the moment for a command.
  void on_switched(std::function<void()> switched) { switched_ = std::move(switched); }

  [[nodiscard]] const convergence::NodeConfig& config() const { return config_; }
  [[nodiscard]] const convergence::Node& node() const { return node_; }
  [[nodiscard]] base::TimePoint now() const { return ports_.view.now(); }
  [[nodiscard]] convergence::Status status() const { return node_.status(ports_.view.now()); }
  /// `lost` is the data plane's to know and stays zero here.
  [[nodiscard]] api::HeartbeatStats heartbeats() const;
  /// Frames of the command channel; what the channel counts is not in here.
  [[nodiscard]] api::CommandStats commands() const;
  [[nodiscard]] api::ControlStats control() const { return lateness_.stats(now()); }
  /// Older first.
  [[nodiscard]] const std::vector<heartbeat::HeldKey>& held_keys() const { return held_keys_; }
  [[nodiscard]] std::uint8_t sends_with() const { return codec_.sends_with(); }
  /// The key of the newest message of that host; nothing before the first.
  [[nodiscard]] std::optional<std::uint8_t> sealed_with(base::HostId host) const {
    return sealed_with_[host.value];
  }
  /// The table workers were given last.
  [[nodiscard]] const bucket::BucketTable& table() const { return table_; }
  /// An event of the shell's.
  void report(std::string_view name, base::HostId host, const std::string& detail, LogLevel level);

 private:
  using Nothing = boost::asio::awaitable<void>;
  struct Install {
    std::uint32_t id = 0;
    std::uint64_t ticket = 0;
  };

  void spawn(Nothing loop, const char* name);
  Nothing receive_loop();
  Nothing timer_loop();
  Nothing install_loop();
  Nothing census_loop();
  Nothing gateway_loop();

  void take_census();
  void drain_link();
  void take_payload(const std::vector<std::uint8_t>& payload);
  struct TurnedAway {  // without a look at the seal
    std::uint64_t replayed = 0;
    std::uint64_t limited = 0;
  };
  [[nodiscard]] static bool pass(heartbeat::Gate::Verdict verdict, TurnedAway& counts);
  void take_command(const std::vector<std::uint8_t>& payload);
  void step(const convergence::Input& input);
  void carry_out(convergence::Effect& effect);
  void send(heartbeat::Message& message);
  void keep_last_words();
  void choose_key(std::uint8_t before);
  void install(convergence::InstallMap& effect);
  void raise(const convergence::Event& event);
  void note_lateness(base::TimePoint now);
  void arm();

  boost::asio::io_context& io_;
  convergence::NodeConfig config_;
  Ports ports_;
  EventLog& events_;
  WallClock clock_;
  heartbeat::Codec codec_;
  std::vector<heartbeat::HeldKey> held_keys_;
  std::array<std::optional<std::uint8_t>, base::kMaxHosts + 1> sealed_with_{};  // by host id
  convergence::Node node_;
  boost::asio::posix::stream_descriptor wake_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer install_timer_;
  boost::asio::steady_timer census_timer_;
  boost::asio::steady_timer gateway_timer_;
  std::deque<Install> installs_;
  bucket::BucketTable table_;
  using Opened = std::array<std::uint64_t, heartbeat::kOpenStatusCount>;
  heartbeat::Gate gate_;
  TurnedAway turned_away_;
  TurnedAway commands_turned_away_;
  Lateness lateness_;
  base::TimePoint noted_due_;
  ForgottenFlows forgotten_;
  Opened opened_{};
  Opened commands_opened_{};
  std::uint64_t commands_sent_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t send_failed_ = 0;
  std::function<void()> stopped_;
  std::function<void()> switched_;
  std::function<void(const heartbeat::CommandFrame&, std::uint8_t)> told_;
  std::function<void(const std::string&)> failed_;
  bool closed_ = false;
};

}  // namespace covey::control
