// SPDX-License-Identifier: BSD-3-Clause
#include "wiring.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "config/difference.h"
#include "explaining/words.h"
#include "packet/heartbeat_frame.h"
#include "reports.h"

namespace covey::app {

std::uint64_t Wiring::install(std::uint64_t config_digest, bucket::BucketTable table) {
  if (config_digest != followed_.configuration.digest) follow(config_digest);
  return parts_.data_plane.publish({followed_.policy, std::move(table)});
}

/// Of what was adopted before, no table comes any more, unless it is of the newest.
void Wiring::follow(std::uint64_t digest) {
  const auto wanted = std::ranges::find(
      adopted_, digest, [](const Setup& setup) { return setup.configuration.digest; });
  COVEY_ASSERT(wanted != adopted_.end());
  followed_ = *wanted;
  adopted_.erase(adopted_.begin(), adopted_.end() - 1);
}

bool Wiring::is_installed(std::uint64_t ticket) {
  return parts_.data_plane.is_quiescent(ticket);
}

void Wiring::publish_lease(base::TimePoint valid_until) {
  parts_.data_plane.publish_lease(valid_until);
}

bool Wiring::send(std::span<const std::uint8_t> payload) {
  return parts_.data_plane.send_heartbeat(payload);
}

void Wiring::keep_last_words(std::span<const std::uint8_t> payload) {
  if (parts_.last_words == nullptr) return;
  if (payload.empty()) return parts_.last_words->keep({});
  std::vector<std::uint8_t> frame(packet::heartbeat_frame_length(payload.size()));
  packet::build_heartbeat_frame(payload, followed_.policy->host_mac(), frame);
  parts_.last_words->keep(frame);
}

bool Wiring::receive(std::vector<std::uint8_t>& payload) {
  return parts_.data_plane.receive_heartbeat(payload);
}

int Wiring::wake_fd() const {
  return parts_.data_plane.wake_fd();
}

base::TimePoint Wiring::now() const {
  return dataplane::DataPlane::now();
}

control::FlowNews Wiring::flow_news() const {
  dataplane::Census census = parts_.data_plane.census();
  return {std::move(census.residual), census.flows,
          parts_.data_plane.frames(forwarding::Verdict::drop_alien_ack), census.evicted,
          census.untracked};
}

void Wiring::ask_gateway() {
  parts_.data_plane.ask_gateway();
}

base::TimePoint Wiring::gateway_answered() const {
  return parts_.data_plane.gateway_answered();
}

std::vector<std::uint64_t> Wiring::worker_loops() const {
  return parts_.data_plane.worker_loops();
}

api::Stats Wiring::stats() const {
  return to_stats(parts_.data_plane.report(), followed_.config->flows.capacity);
}

std::vector<telemetry::Metric> Wiring::metrics() const {
  return to_metrics(parts_.data_plane.report(), *followed_.policy,
                    followed_.config->flows.capacity);
}

std::vector<api::RuleStatus> Wiring::rules() const {
  return to_rules(parts_.data_plane.report(), *followed_.policy);
}

void Wiring::explain(const api::ExplainRequest& request,
                     std::function<void(base::Result<api::ExplainReply>)> done) {
  parts_.data_plane.ask_explain(
      explaining::to_question(request),
      [done = std::move(done)](const forwarding::Explanation& explanation) {
        done(explaining::to_reply(explanation));
      });
}

void Wiring::flows(const api::FlowsRequest& request,
                   std::function<void(base::Result<std::vector<api::FlowRow>>)> done) {
  const auto wanted = to_wanted(request, *followed_.policy);
  if (!wanted) return done(std::unexpected(wanted.error()));
  parts_.data_plane.ask_flows(*wanted, [policy = followed_.policy, done = std::move(done)](
                                           const std::vector<flow::FlowCache::Listed>& flows) {
    std::vector<api::FlowRow> rows;
    rows.reserve(flows.size());
    for (const flow::FlowCache::Listed& flow : flows)
      rows.push_back(to_row(flow, *policy));
    done(std::move(rows));
  });
}

void Wiring::trace(const api::TraceRequest& request,
                   std::function<void(base::Result<control::TraceNews>)> done) {
  const auto wanted = to_trace(request);
  if (!wanted) return done(std::unexpected(wanted.error()));
  parts_.data_plane.begin_trace(*wanted,
                                [done = std::move(done)](const dataplane::TraceReport& report) {
                                  control::TraceNews news{to_reply(report), {}};
                                  for (const dataplane::TracedFrame& frame : report.frames)
                                    news.times.push_back(frame.when);
                                  done(std::move(news));
                                });
}

void Wiring::end_trace() {
  parts_.data_plane.end_trace();
}

namespace {

/// A page in the words of the control shell.
class PagePart final : public control::CapturedPart {
 public:
  explicit PagePart(std::shared_ptr<const dataplane::CapturePage> page)
      : page_(std::move(page)), frames_(page_->frames()) {}

  [[nodiscard]] std::size_t size() const override { return frames_.size(); }
  [[nodiscard]] Packet at(std::size_t position) const override {
    const dataplane::CapturePage::Captured& captured = frames_[position];
    return {to_row(*captured.frame), captured.frame->when, captured.bytes};
  }
  [[nodiscard]] api::CaptureCounts counts() const override {
    return {page_->seen(), page_->lost()};
  }

 private:
  std::shared_ptr<const dataplane::CapturePage> page_;
  std::vector<dataplane::CapturePage::Captured> frames_;
};

}  // namespace

base::Result<void> Wiring::begin_capture(const std::vector<api::FilterStep>& filter) {
  std::vector<dataplane::FilterStep> steps;
  for (const api::FilterStep& step : filter)
    steps.push_back({step.code, step.if_true, step.if_false, step.operand});
  return parts_.data_plane.captures().begin(std::move(steps));
}

void Wiring::take_captured(std::function<void(std::shared_ptr<const control::CapturedPart>)> done) {
  parts_.data_plane.captures().take(
      [done = std::move(done)](std::shared_ptr<const dataplane::CapturePage> page) {
        done(std::make_shared<PagePart>(std::move(page)));
      });
}

void Wiring::end_capture() {
  parts_.data_plane.captures().end();
}

void Wiring::dispatch_answers() {
  parts_.data_plane.dispatch_answers();
}

std::string Wiring::effective_yaml() const {
  return config::dump(*followed_.config);
}

std::string Wiring::cluster_name() const {
  return followed_.config->cluster_name;
}

namespace {

/// By map class: the port rule whose buckets they are, "default", or nothing.
std::vector<std::string> class_rules(const forwarding::Policy& policy) {
  const forwarding::ClassPlan& plan = policy.classes();
  std::vector<std::string> names(plan.class_sizes.size());
  names[bucket::kDefaultHostClass.value] = "default";
  const std::vector<forwarding::PortRule>& rules = policy.settings().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].mode != forwarding::RuleMode::disabled)
      names[plan.class_of_rule[i].value] = rules[i].name;
  }
  return names;
}

control::Reread read_again(const DaemonOptions& options, const config::Config& running,
                           const bucket::SipKey& bucket_hash, std::optional<Setup>& setup) {
  control::Reread reread;
  config::Loaded loaded = load(options);
  if (const auto* mistakes = std::get_if<std::vector<config::Mistake>>(&loaded)) {
    for (const config::Mistake& mistake : *mistakes)
      reread.mistakes.push_back(mistake.to_string());
    return reread;
  }
  auto& wanted = std::get<config::Config>(loaded);
  bool is_possible = true;
  for (const config::Difference& change : config::differences(running, wanted)) {
    reread.changes.push_back(
        {change.path, change.before, change.after, change.needs_restart, change.to_string()});
    is_possible = is_possible && !change.needs_restart;
  }
  if (!is_possible || reread.changes.empty()) return reread;
  reread.health = wanted.health;
  setup = make_setup(std::move(wanted), bucket_hash);
  reread.configuration = setup->configuration;
  reread.class_rules = class_rules(*setup->policy);
  return reread;
}

}  // namespace

std::function<control::Reread()> Wiring::reading() {
  return [this, options = parts_.options, running = adopted_.back().config,
          bucket_hash = parts_.bucket_hash] {
    std::optional<Setup> setup;
    control::Reread reread = read_again(options, *running, bucket_hash, setup);
    if (setup) reread.adopt = [this, setup = std::move(*setup)] { adopt(setup); };
    return reread;
  };
}

void Wiring::adopt(Setup setup) {
  parts_.logger.set_level(setup.config->control.log_level);
  if (setup.configuration.digest == followed_.configuration.digest) {
    // Rules, ports and buckets are the same: workers go on with the policy that they have.
    setup.policy = followed_.policy;
    followed_ = setup;
  }
  adopted_.push_back(std::move(setup));
}

}  // namespace covey::app
