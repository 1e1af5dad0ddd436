// SPDX-License-Identifier: BSD-3-Clause
#include "wiring.h"

#include "packet/heartbeat_frame.h"
#include "reports.h"

namespace covey::app {

std::uint64_t Wiring::install(bucket::BucketTable table) {
  return data_plane_.publish({policy_, std::move(table)});
}

bool Wiring::is_installed(std::uint64_t ticket) {
  return data_plane_.is_quiescent(ticket);
}

void Wiring::publish_lease(base::TimePoint valid_until) {
  data_plane_.publish_lease(valid_until);
}

bool Wiring::send(std::span<const std::uint8_t> payload) {
  return data_plane_.send_heartbeat(payload);
}

void Wiring::keep_last_words(std::span<const std::uint8_t> payload) {
  if (last_words_ == nullptr) return;
  if (payload.empty()) return last_words_->keep({});
  std::vector<std::uint8_t> frame(packet::heartbeat_frame_length(payload.size()));
  packet::build_heartbeat_frame(payload, policy_->host_mac(), frame);
  last_words_->keep(frame);
}

bool Wiring::receive(std::vector<std::uint8_t>& payload) {
  return data_plane_.receive_heartbeat(payload);
}

int Wiring::wake_fd() const {
  return data_plane_.wake_fd();
}

base::TimePoint Wiring::now() const {
  return dataplane::DataPlane::now();
}

control::FlowNews Wiring::flow_news() const {
  dataplane::Census census = data_plane_.census();
  return {std::move(census.residual), census.flows,
          data_plane_.frames(forwarding::Verdict::drop_alien_ack)};
}

void Wiring::ask_gateway() {
  data_plane_.ask_gateway();
}

base::TimePoint Wiring::gateway_answered() const {
  return data_plane_.gateway_answered();
}

api::Stats Wiring::stats() const {
  return to_stats(data_plane_.report(), config_.flows.capacity);
}

std::vector<telemetry::Metric> Wiring::metrics() const {
  return to_metrics(data_plane_.report(), *policy_);
}

std::vector<api::RuleStatus> Wiring::rules() const {
  return to_rules(data_plane_.report(), *policy_);
}

void Wiring::explain(const api::ExplainRequest& request,
                     std::function<void(base::Result<api::ExplainReply>)> done) {
  data_plane_.ask_explain(to_question(request),
                          [done = std::move(done)](const forwarding::Explanation& explanation) {
                            done(to_reply(explanation));
                          });
}

void Wiring::flows(std::size_t limit, std::function<void(std::vector<api::FlowRow>)> done) {
  data_plane_.ask_flows(limit, [policy = policy_, done = std::move(done)](
                                   const std::vector<flow::FlowCache::Listed>& flows) {
    std::vector<api::FlowRow> rows;
    rows.reserve(flows.size());
    for (const flow::FlowCache::Listed& flow : flows)
      rows.push_back(to_row(flow, *policy));
    done(std::move(rows));
  });
}

void Wiring::dispatch_answers() {
  data_plane_.dispatch_answers();
}

std::string Wiring::effective_yaml() const {
  return config::dump(config_);
}

std::string Wiring::cluster_name() const {
  return config_.cluster_name;
}

}  // namespace covey::app
