// SPDX-License-Identifier: BSD-3-Clause
#include "control/daemon_service.h"

#include <algorithm>
#include <utility>

#include "control/capture.h"
#include "control/control_metrics.h"
#include "control/health_rows.h"
#include "control/rule_commands.h"
#include "control/state_file.h"

namespace covey::control {

namespace {

constexpr std::size_t kMaxBucketsInReply = std::size_t{1} << 20;  // a few megabytes of JSON

InitialState kept_form_of(convergence::HostState state) {
  using convergence::HostState;
  if (state == HostState::suspended) return InitialState::suspended;
  // A host that was being drained when the daemon ended has to stay out.
  if (state == HostState::stopped || state == HostState::draining) return InitialState::stopped;
  return InitialState::started;
}

}  // namespace

std::string DaemonService::text(base::TimePoint instant) {
  clock_.observe(parts_.view.now(), std::chrono::system_clock::now());
  return clock_.text(instant);
}

api::Status DaemonService::status() {
  const convergence::Status now = parts_.driver.status();
  const convergence::NodeConfig& config = parts_.driver.config();
  api::Status status;
  status.cluster = parts_.config.cluster_name();
  status.host = {config.self.value, config.host_name, std::string(name(now.state)),
                 now.default_host == config.self};
  status.epoch = now.generation;
  status.converged = now.converged;
  status.since = text(now.since);
  status.reason = now.reason;
  for (const convergence::MemberStatus& member : now.members) {
    status.members.push_back({member.host.value, member.name, std::string(name(member.state)),
                              member.is_default, member.weight, base::to_ms(member.age),
                              member.in_view, names_of(member.withdrawn)});
  }
  status.islands = now.islands;
  status.rules = held_rules();
  status.health = complaints(health());
  return status;
}

void DaemonService::complete(api::RuleStatus& rule, convergence::HostState state) const {
  parts_.rules.complete(rule, state);
  if (rule.map_class < 0) return;
  const base::ClassIndex map_class{static_cast<std::uint16_t>(rule.map_class)};
  const convergence::Node& node = parts_.driver.node();
  const bucket::BucketTable& table = parts_.driver.table();
  rule.weight = rule.mode == "multiple" ? node.part(map_class).weight : 0U;
  rule.buckets.owned = node.claims(map_class).count();
  rule.buckets.total = node.configuration().classes[map_class.value].buckets;
  if (map_class.value < table.classes.size()) {
    rule.buckets.dirty = static_cast<std::uint32_t>(
        std::ranges::count(table.classes[map_class.value].states, bucket::BucketState::own_dirty));
  }
}

std::vector<std::string> DaemonService::names_of(const std::vector<base::ClassIndex>& classes) {
  std::vector<std::string> names;
  if (classes.empty()) return names;
  const auto by_class =
      names_by_class(parts_.view.rules(), parts_.driver.node().configuration().classes.size());
  for (const base::ClassIndex map_class : classes)
    names.push_back(by_class.at(map_class.value));
  return names;
}

std::vector<api::HeldRule> DaemonService::held_rules() {
  std::vector<api::HeldRule> held;
  if (!parts_.rules.states().hold_anything())
    return held;  // mostly; the rows below are no small thing
  for (const api::RuleStatus& rule : rules()) {
    const bool is_held = rule.reason == "operator" || rule.reason == "health";
    if (is_held) held.push_back({rule.rule, rule.state, rule.reason, rule.percent});
  }
  return held;
}

std::vector<api::RuleStatus> DaemonService::rules() {
  std::vector<api::RuleStatus> rules = parts_.view.rules();
  const convergence::HostState state = parts_.driver.status().state;
  for (api::RuleStatus& rule : rules)
    complete(rule, state);
  return rules;
}

std::vector<api::HealthRow> DaemonService::health() {
  return to_rows(parts_.health.rows(), parts_.view.now(),
                 [this](base::TimePoint instant) { return text(instant); });
}

api::BucketMap DaemonService::map_of(const std::string& rule, base::ClassIndex map_class) const {
  api::BucketMap map;
  map.rule = rule;
  map.map_class = map_class.value;
  for (const base::HostId owner : parts_.driver.node().owners(map_class)) {
    map.owners.push_back(owner.value);
  }
  return map;
}

base::Result<api::BucketMaps> DaemonService::buckets(std::string_view rule) {
  const std::vector<convergence::ClassConfig>& classes =
      parts_.driver.node().configuration().classes;
  api::BucketMaps reply;
  reply.host = parts_.driver.config().self.value;
  reply.epoch = parts_.driver.status().generation;
  std::size_t shown = 0;
  const auto add = [&](const std::string& of, base::ClassIndex map_class) {
    if (!rule.empty() && rule != of) return;
    shown += classes[map_class.value].buckets;
    if (shown <= kMaxBucketsInReply) reply.maps.push_back(map_of(of, map_class));
  };
  for (const api::RuleStatus& row : parts_.view.rules()) {
    if (row.map_class >= 0) {
      add(row.rule, base::ClassIndex{static_cast<std::uint16_t>(row.map_class)});
    }
  }
  add("spread", bucket::kSpreadClass);
  if (shown > kMaxBucketsInReply) {
    return base::fail(base::ErrorCode::refused, "too many buckets for one reply: name a rule");
  }
  if (reply.maps.empty()) {
    return base::fail(base::ErrorCode::not_found,
                      "no rule with buckets is named \"" + std::string(rule) + "\"");
  }
  return reply;
}

api::Stats DaemonService::stats() {
  api::Stats stats = parts_.view.stats();
  const std::uint64_t lost = stats.heartbeats.lost;
  stats.heartbeats = parts_.driver.heartbeats();
  stats.heartbeats.lost = lost;
  stats.control = parts_.driver.control();
  stats.commands = command_stats();
  return stats;
}

api::CommandStats DaemonService::command_stats() const {
  api::CommandStats stats = parts_.driver.commands();
  const CommandCounts& counts = remote_.counts();
  stats.obeyed = counts.obeyed;
  stats.challenged = counts.challenged;
  stats.repeated = counts.repeated;
  stats.replayed = counts.replayed;
  stats.limited += counts.limited;
  return stats;
}

std::vector<api::HistoryRow> DaemonService::history() {
  std::vector<api::HistoryRow> rows;
  for (const convergence::Convergence& past : parts_.driver.node().history()) {
    api::HistoryRow row;
    row.generation = past.generation;
    row.began = text(past.began);
    row.duration_ms = std::chrono::duration<double, std::milli>(past.ended - past.began).count();
    row.trigger = past.trigger;
    past.members.for_each([&row](base::HostId host) { row.members.push_back(host.value); });
    row.moved_buckets = past.moved_buckets;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<telemetry::Metric> DaemonService::metrics() {
  std::vector<telemetry::Metric> metrics = parts_.view.metrics();
  api::Status now = status();
  append_control_metrics(
      {parts_.driver.status(), parts_.driver.control(), parts_.driver.heartbeats(), command_stats(),
       rules(), parts_.events.last_id(), std::move(now.host), std::move(now.cluster), parts_.load},
      metrics);
  append_health_metrics(health(), metrics);
  return metrics;
}

std::string DaemonService::trouble() {
  const convergence::Status now = parts_.driver.status();
  if (now.state == convergence::HostState::converged && now.converged) return "";
  const std::string state(name(now.state));
  return now.reason.empty() ? state : state + ": " + now.reason;
}

void DaemonService::explain(const api::ExplainRequest& request,
                            std::function<void(base::Result<api::ExplainReply>)> done) {
  if (request.without.empty()) return parts_.view.explain(request, std::move(done));
  const auto gone = host_named(request.without);
  if (!gone) return done(std::unexpected(gone.error()));
  parts_.view.explain(
      request, [this, gone = *gone, done = std::move(done)](base::Result<api::ExplainReply> reply) {
        if (reply) reply->without = absence(gone, *reply);
        done(std::move(reply));
      });
}

base::Result<base::HostId> DaemonService::host_named(const std::string& wanted) const {
  for (const convergence::MemberStatus& member : parts_.driver.status().members) {
    if (wanted == member.name || wanted == std::to_string(member.host.value)) return member.host;
  }
  return base::fail(base::ErrorCode::not_found, "no host \"" + wanted + "\" is known");
}

api::Absence DaemonService::absence(base::HostId gone, const api::ExplainReply& reply) const {
  const convergence::Node& node = parts_.driver.node();
  const bool is_member = node.is_member(gone);
  const std::vector<api::RuleStatus> rules = parts_.view.rules();
  const auto row = std::ranges::find(rules, reply.rule, &api::RuleStatus::rule);
  if (!reply.bucket || !is_member || (reply.mode != "spread" && row == rules.end())) {
    return api::absence_of(gone.value, is_member, reply, reply.owner);
  }
  const base::ClassIndex map_class =
      reply.mode == "spread" ? bucket::kSpreadClass
                             : base::ClassIndex{static_cast<std::uint16_t>(row->map_class)};
  const base::HostId owner = node.owners_without(gone, map_class).at(*reply.bucket);
  return api::absence_of(gone.value, is_member, reply,
                         owner.is_nobody() ? std::nullopt : std::optional<unsigned>(owner.value));
}

void DaemonService::flows(const api::FlowsRequest& request,
                          std::function<void(base::Result<std::vector<api::FlowRow>>)> done) {
  parts_.view.flows(request, std::move(done));
}

void DaemonService::trace(const api::TraceRequest& request,
                          std::function<void(base::Result<api::TraceReply>)> done) {
  trace_limit_.expires_after(std::chrono::milliseconds(request.timeout_ms));
  trace_limit_.async_wait([this](const boost::system::error_code& error) {
    if (!error) parts_.view.end_trace();
  });
  parts_.view.trace(request, [this, done = std::move(done)](base::Result<TraceNews> news) {
    if (!news) return done(std::unexpected(std::move(news.error())));
    api::TraceReply& reply = news->reply;
    reply.host = parts_.driver.config().self.value;
    for (std::size_t i = 0; i < reply.packets.size(); ++i)
      reply.packets[i].time = text(news->times[i]);
    done(std::move(reply));
  });
}

base::Result<std::unique_ptr<CaptureStream>> DaemonService::capture(
    const api::CaptureRequest& request) {
  const auto begun = parts_.view.begin_capture(request.filter);
  if (!begun) return std::unexpected(begun.error());
  const api::Stats stats = parts_.view.stats();
  return std::make_unique<Capture>(parts_.view, request,
                                   stats.ports.empty() ? "uplink" : stats.ports.front().first);
}

void DaemonService::command(const api::CommandRequest& request,
                            std::function<void(const api::CommandReply&)> done) {
  remote_.command(request, std::move(done));
}

api::CommandReply DaemonService::obey(const api::CommandRequest& request, base::HostId from) {
  const convergence::NodeConfig& config = parts_.driver.config();
  const std::vector<api::RuleStatus> rules = parts_.view.rules();
  const CommandContext context{config.host_name, parts_.driver.status().state, rules};
  Interpreted result;
  if (std::string excess = superfluous(request); !excess.empty()) {
    result.reply = {false, std::move(excess), kUsage, {}};
  } else if (is_rule_verb(request.verb)) {
    result.reply = obey_for_rules(request, context);
  } else {
    result = interpret(request, context);
  }
  parts_.logger.log(result.reply.ok ? LogLevel::info : LogLevel::warning, "command",
                    {{"verb", request.verb},
                     {"target", request.target},
                     {"value", request.value},
                     {"from", from.is_nobody() ? "here" : "host " + std::to_string(from.value)},
                     {"answer", result.reply.text}});
  if (result.order) {
    parts_.driver.command(*result.order);
    keep_state();
  }
  return result.reply;
}

api::CommandReply DaemonService::obey_for_rules(const api::CommandRequest& request,
                                                const CommandContext& context) {
  const InterpretedForRules result = interpret_for_rules(request, context, parts_.rules.states());
  if (result.rules.empty()) return result.reply;
  parts_.rules.set(result.rules, result.state);
  api::EventRow row;
  row.time = text(parts_.view.now());
  row.event = "rule_state_changed";
  row.host = parts_.driver.config().self.value;
  row.detail = change_text(result.rules, result.state);
  parts_.events.add(LogLevel::info, std::move(row));
  keep_state();
  return result.reply;
}

void DaemonService::keep_state() {
  auto kept = save_state(parts_.state_dir, kept_form_of(parts_.driver.status().state));
  if (kept) kept = save_rule_states(parts_.state_dir, parts_.rules.states().kept());
  if (!kept) {
    parts_.logger.log(LogLevel::warning, "state_not_kept", {{"reason", kept.error().context}});
  }
}

}  // namespace covey::control
