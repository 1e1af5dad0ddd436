// SPDX-License-Identifier: BSD-3-Clause
// A segment, data planes and a configuration in memory, for tests of the control shell.
//
// Owner: test. Threads: a link may be used from the thread of its Runtime while peers send to it
// from theirs; the rest belongs to one thread. Time is the real monotonic clock: what is tested
// here is the shell around it.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/ports.h"
#include "control/runtime.h"
#include "heartbeat/keys.h"

namespace covey::control::test {

/// A directory that is gone after the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "covey-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class FakeLink final : public HeartbeatLink {
 public:
  using Payload = std::vector<std::uint8_t>;

  FakeLink() : fd_(::eventfd(0, EFD_NONBLOCK)) {}
  ~FakeLink() override { ::close(fd_); }

  bool send(std::span<const std::uint8_t> payload) override {
    for (FakeLink* peer : peers)
      peer->put({payload.begin(), payload.end()});
    newest.assign(payload.begin(), payload.end());
    ++sent;
    return !refuses;
  }
  void keep_last_words(std::span<const std::uint8_t> payload) override {
    last_words.assign(payload.begin(), payload.end());
  }
  bool receive(Payload& payload) override {
    const std::scoped_lock lock(mutex_);
    if (queue_.empty()) return false;
    payload = std::move(queue_.front());
    queue_.pop_front();
    return true;
  }
  [[nodiscard]] int wake_fd() const override { return fd_; }

  void put(Payload payload) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(payload));
    wake();
  }
  void wake() const { static_cast<void>(::eventfd_write(fd_, 1)); }

  std::vector<FakeLink*> peers;
  Payload newest;  // sent
  Payload last_words;
  bool refuses = false;
  int sent = 0;

 private:
  int fd_;
  std::mutex mutex_;
  std::deque<Payload> queue_;
};

/// Bucket sink and data plane view in one, with a diary of who called what.
class FakeDataPlane final : public BucketSink, public DataPlaneView {
 public:
  std::uint64_t install(std::uint64_t config_digest, bucket::BucketTable table) override {
    followed = config_digest;
    tables.push_back(std::move(table));
    diary.push_back("install " + std::to_string(tables.size()));
    return tables.size();
  }
  bool is_installed(std::uint64_t ticket) override {
    if (polls_to_go > 0) {
      --polls_to_go;
      return false;
    }
    diary.push_back("quiescent " + std::to_string(ticket));
    return true;
  }
  void publish_lease(base::TimePoint valid_until) override { lease = valid_until; }

  [[nodiscard]] base::TimePoint now() const override {
    return {std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
  }
  void ask_gateway() override { ++gateway_questions; }
  [[nodiscard]] base::TimePoint gateway_answered() const override { return gateway_answered_at; }
  [[nodiscard]] FlowNews flow_news() const override {
    diary.push_back("flow_news");
    return {bucket::Bitmap(kBuckets), flows_held, 0, 0, segments_untracked};
  }
  [[nodiscard]] std::vector<std::uint64_t> worker_loops() const override {
    if (workers_move) ++loops;
    return {loops, loops};
  }
  [[nodiscard]] api::Stats stats() const override {
    api::Stats stats;
    stats.verdicts = {{"deliver_owned", {1, 64}}};
    stats.heartbeats.lost = 3;
    return stats;
  }
  [[nodiscard]] std::vector<telemetry::Metric> metrics() const override {
    return {{"covey_x", "X.", telemetry::MetricType::gauge, "", {{{}, 1}}}};
  }
  [[nodiscard]] std::vector<api::RuleStatus> rules() const override {
    api::RuleStatus web;
    web.rule = "web";
    web.mode = "multiple";
    web.map_class = 2;
    api::RuleStatus block;
    block.rule = "block";
    block.mode = "disabled";
    api::RuleStatus rest;
    rest.rule = "default";
    rest.mode = "default";
    rest.map_class = 0;
    return {web, block, rest};
  }
  void explain(const api::ExplainRequest&,
               std::function<void(base::Result<api::ExplainReply>)> done) override {
    explain_done = std::move(done);
  }
  void flows(const api::FlowsRequest&,
             std::function<void(base::Result<std::vector<api::FlowRow>>)> done) override {
    done(std::vector<api::FlowRow>());
  }
  void trace(const api::TraceRequest&, std::function<void(base::Result<TraceNews>)> done) override {
    trace_done = std::move(done);
  }
  base::Result<void> begin_capture(const std::vector<api::FilterStep>& filter) override {
    if (is_capturing) return base::fail(base::ErrorCode::refused, "another capture is on");
    if (filter.size() == 1) return base::fail(base::ErrorCode::invalid_argument, "no program");
    is_capturing = true;
    return {};
  }
  void take_captured(std::function<void(std::shared_ptr<const CapturedPart>)> done) override {
    captured_done = std::move(done);
  }
  void end_capture() override { is_capturing = false; }
  void end_trace() override {
    TraceNews news;
    news.reply = {0, "time", 7, std::vector<api::TraceRow>(2)};
    news.times = {now(), now()};
    if (trace_done) std::exchange(trace_done, {})(news);
  }
  void dispatch_answers() override {
    if (explain_done) std::exchange(explain_done, {})(api::ExplainReply{});
  }

  static constexpr std::uint32_t kBuckets = 64;
  std::vector<bucket::BucketTable> tables;
  std::atomic<std::uint64_t> followed = 0;
  mutable std::vector<std::string> diary;
  int polls_to_go = 0;
  std::atomic<bool> workers_move = true;
  mutable std::uint64_t loops = 0;
  std::uint64_t flows_held = 0;
  std::uint64_t segments_untracked = 0;
  unsigned gateway_questions = 0;
  base::TimePoint gateway_answered_at = base::TimePoint::distant_past();
  base::TimePoint lease;
  std::function<void(base::Result<api::ExplainReply>)> explain_done;
  bool is_capturing = false;
  std::function<void(std::shared_ptr<const CapturedPart>)> captured_done;
  std::function<void(base::Result<TraceNews>)> trace_done;
};

class FakeConfig final : public ConfigView {
 public:
  [[nodiscard]] std::string effective_yaml() const override { return "version: 1\n"; }
  [[nodiscard]] std::string cluster_name() const override { return "test"; }
  [[nodiscard]] std::function<Reread()> reading() override {
    return [this] { return read_by ? read_by() : Reread{}; };
  }

  std::function<Reread()> read_by;
};

/// Keys of the cluster all tests play in.
inline heartbeat::KeyRing cluster_ring() {
  heartbeat::ClusterKey key{};
  key.fill(7);
  return *heartbeat::ring_of(key);
}
inline heartbeat::DerivedKeys cluster_keys() {
  return *heartbeat::derive_keys(cluster_ring(), "test");
}

/// Host `id` of that cluster, with fast heartbeats and the classes default, spread, web.
inline convergence::NodeConfig host_config(std::uint8_t id) {
  convergence::NodeConfig config;
  config.self = base::HostId{id};
  config.host_name = "web" + std::to_string(id);
  config.cluster_id = cluster_keys().cluster_id;
  config.nonce = 1000U + id;
  config.config_digest = 42;
  config.timing = {std::chrono::milliseconds(20), 5};
  config.classes = {
      {1, 0, id}, {FakeDataPlane::kBuckets, 50, 0}, {FakeDataPlane::kBuckets, 100, 0}};
  return config;
}

/// A logger that writes nowhere.
inline Logger& quiet_logger() {
  static std::FILE* nowhere = std::fopen("/dev/null", "w");
  static Logger logger(LogLevel::error, LogFormat::text, nowhere);
  return logger;
}

inline constexpr std::chrono::seconds kDeadline{10};  // for what takes milliseconds

/// Asks until it is so; false if that takes longer than kDeadline.
inline bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace covey::control::test
