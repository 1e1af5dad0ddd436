// SPDX-License-Identifier: BSD-3-Clause
// Wiring: the data plane behind the small interfaces the control shell asks for.
//
// Owner: app/coveyd. Thread: the control thread calls everything here.
// It holds handles and translates; it decides nothing. This is the one place where both shells are
// known.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/messages.h"
#include "control/logging.h"
#include "control/ports.h"
#include "dataplane/data_plane.h"
#include "options.h"
#include "process/last_words.h"
#include "setup.h"

namespace covey::app {

struct WiringParts {
  DaemonOptions options;
  bucket::SipKey bucket_hash;
  dataplane::DataPlane& data_plane;
  process::LastWords* last_words;  // null: no parent is there to say them
  control::Logger& logger;
};

class Wiring final : public control::BucketSink,
                     public control::HeartbeatLink,
                     public control::DataPlaneView,
                     public control::ConfigView {
 public:
  Wiring(const Setup& first, WiringParts parts)
      : parts_(std::move(parts)), followed_(first), adopted_{first} {}

  // BucketSink
  std::uint64_t install(std::uint64_t config_digest, bucket::BucketTable table) override;
  [[nodiscard]] bool is_installed(std::uint64_t ticket) override;
  void publish_lease(base::TimePoint valid_until) override;

  // HeartbeatLink
  bool send(std::span<const std::uint8_t> payload) override;
  void keep_last_words(std::span<const std::uint8_t> payload) override;
  bool receive(std::vector<std::uint8_t>& payload) override;
  [[nodiscard]] int wake_fd() const override;

  // DataPlaneView
  [[nodiscard]] base::TimePoint now() const override;
  [[nodiscard]] control::FlowNews flow_news() const override;
  void ask_gateway() override;
  [[nodiscard]] base::TimePoint gateway_answered() const override;
  [[nodiscard]] std::vector<std::uint64_t> worker_loops() const override;
  [[nodiscard]] api::Stats stats() const override;
  [[nodiscard]] std::vector<telemetry::Metric> metrics() const override;
  [[nodiscard]] std::vector<api::RuleStatus> rules() const override;
  void explain(const api::ExplainRequest& request,
               std::function<void(base::Result<api::ExplainReply>)> done) override;
  void flows(const api::FlowsRequest& request,
             std::function<void(base::Result<std::vector<api::FlowRow>>)> done) override;
  void trace(const api::TraceRequest& request,
             std::function<void(base::Result<control::TraceNews>)> done) override;
  void end_trace() override;
  [[nodiscard]] base::Result<void> begin_capture(
      const std::vector<api::FilterStep>& filter) override;
  void take_captured(
      std::function<void(std::shared_ptr<const control::CapturedPart>)> done) override;
  void end_capture() override;
  void dispatch_answers() override;

  // ConfigView
  [[nodiscard]] std::string effective_yaml() const override;
  [[nodiscard]] std::string cluster_name() const override;
  [[nodiscard]] std::function<control::Reread()> reading() override;

 private:
  void adopt(Setup setup);
  void follow(std::uint64_t digest);

  WiringParts parts_;
  Setup followed_;              // of the newest table
  std::vector<Setup> adopted_;  // that a table may come for; the newest last
};

}  // namespace covey::app
