// SPDX-License-Identifier: BSD-3-Clause
// A daemon that answers the same every time, for tests of routes and server.
//
// Owner: test. Thread: the server's, but for the settings tests make before they ask.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "control/api_service.h"
#include "fakes.h"

namespace covey::control::test {

/// A stream of numbers in place of packets, one each time it is asked.
class Numbers final : public CaptureStream {
 public:
  explicit Numbers(std::uint64_t count) : count_(count) {}
  [[nodiscard]] std::string head() override { return "head "; }
  void ask(std::function<void()> ready) override {
    asked_ = true;
    ready();
  }
  [[nodiscard]] bool append_some(std::string& out) override {
    if (!std::exchange(asked_, false)) return false;
    out += std::to_string(++given_) + " ";
    return true;
  }
  [[nodiscard]] bool is_over() const override { return given_ >= count_; }
  [[nodiscard]] std::string tail() override { return "tail"; }

 private:
  std::uint64_t count_;
  std::uint64_t given_ = 0;
  bool asked_ = false;
};

class FakeService : public ApiService {
 public:
  api::Status status() override {
    api::Status status;
    status.cluster = "fake";
    return status;
  }
  std::vector<api::RuleStatus> rules() override { return std::vector<api::RuleStatus>(2); }
  std::vector<api::HealthRow> health() override { return std::vector<api::HealthRow>(3); }
  base::Result<api::BucketMaps> buckets(std::string_view rule) override {
    if (rule == "web" || rule.empty()) return api::BucketMaps{1, 7, {{"web", 2, {1, 1}}}};
    return base::fail(base::ErrorCode::not_found, "no such rule");
  }
  api::Stats stats() override { return {}; }
  std::vector<api::HistoryRow> history() override { return {}; }
  std::string config_yaml() override { return "version: 1\n"; }
  std::vector<telemetry::Metric> metrics() override {
    return {{"covey_x", "X.", telemetry::MetricType::gauge, "", {{{}, 1}}}};
  }
  std::string trouble() override { return in_trouble ? "joining: hears nobody yet" : ""; }
  void explain(const api::ExplainRequest& request,
               std::function<void(base::Result<api::ExplainReply>)> done) override {
    asked = request;
    api::ExplainReply reply;
    reply.verdict = "deliver_owned";
    if (answers) return done(reply);
    never_called.push_back(std::move(done));
  }
  void flows(const api::FlowsRequest& request,
             std::function<void(base::Result<std::vector<api::FlowRow>>)> done) override {
    if (request.rule == "nothing") {
      return done(base::fail(base::ErrorCode::not_found, "no rule is named \"nothing\""));
    }
    const std::size_t rows = request.bucket == 7 && request.rule == "web" ? 2 : request.limit;
    done(std::vector<api::FlowRow>(rows));
  }
  void trace(const api::TraceRequest& request,
             std::function<void(base::Result<api::TraceReply>)> done) override {
    if (request.verdict == "nonsense") {
      return done(base::fail(base::ErrorCode::invalid_argument, "verdict: none"));
    }
    if (answers) return done(api::TraceReply{1, "count", request.count, {}});
    trace_done = std::move(done);
  }
  base::Result<std::unique_ptr<CaptureStream>> capture(
      const api::CaptureRequest& request) override {
    if (request.filter.size() == 1)
      return base::fail(base::ErrorCode::invalid_argument, "filter: no program");
    return std::make_unique<Numbers>(request.count);
  }
  void command(const api::CommandRequest& request,
               std::function<void(const api::CommandReply&)> done) override {
    ++commands;
    if (request.verb == "refuse") return done({false, "not now", 5, {}});
    if (request.verb == "nonsense") return done({false, "what?", 2, {}});
    if (request.verb == "lose") return done({false, "no answer", 6, {}});
    done({true, request.verb + " done", 0, {}});
  }
  api::KeyList keys() override { return {1, {{1, "web1", 0U, {{0, "0a0b0c0d"}}}}}; }
  api::CommandReply change_keys(const api::KeyRequest& request) override {
    if (request.force) return {false, "not now", 5, {}};
    return {true, request.verb + " done", 0, {}};
  }
  void reload(std::function<void(const api::ReloadReply&)> done) override { done(reloaded); }
  EventLog& events() override { return events_; }

  std::atomic<bool> in_trouble = false;
  std::atomic<bool> answers = false;
  std::atomic<int> commands = 0;
  api::ExplainRequest asked;
  std::function<void(base::Result<api::TraceReply>)> trace_done;
  api::ReloadReply reloaded{true, "nothing has changed", 0, {}, {}};

 private:
  std::vector<std::function<void(base::Result<api::ExplainReply>)>> never_called;
  EventLog events_{quiet_logger()};
};

}  // namespace covey::control::test
