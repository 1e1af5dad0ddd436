// SPDX-License-Identifier: BSD-3-Clause
#include "control/control_metrics.h"

#include <chrono>
#include <string>
#include <utility>

namespace covey::control {

namespace {

using telemetry::Metric;
using telemetry::MetricType;

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

Metric single(std::string name, std::string help, MetricType type, double value) {
  return {std::move(name), std::move(help), type, "", {{{}, value}}};
}

Metric host_state(convergence::HostState now) {
  using convergence::HostState;
  Metric metric{"covey_host_state",
                "1 for the state this host is in, 0 for the others.",
                MetricType::gauge,
                "",
                {}};
  for (const HostState state :
       {HostState::stopped, HostState::suspended, HostState::joining, HostState::converging,
        HostState::converged, HostState::draining, HostState::isolated}) {
    metric.samples.push_back({{{"state", std::string(name(state))}}, state == now ? 1.0 : 0.0});
  }
  return metric;
}

Metric member_ages(const convergence::Status& status) {
  Metric metric{"covey_member_age_seconds",
                "Time since a host of the cluster was last heard.",
                MetricType::gauge,
                "seconds",
                {}};
  for (const convergence::MemberStatus& member : status.members) {
    metric.samples.push_back({{{"host", std::to_string(member.host.value)}},
                              std::chrono::duration<double>(member.age).count()});
  }
  return metric;
}

Metric owned_buckets(const std::vector<api::RuleStatus>& rules) {
  Metric metric{"covey_owned_buckets",
                "Buckets this host takes new flows for, by port rule.",
                MetricType::gauge,
                "",
                {}};
  for (const api::RuleStatus& rule : rules) {
    if (rule.map_class < 0) continue;
    metric.samples.push_back({{{"rule", rule.rule}}, as_double(rule.buckets.owned)});
  }
  return metric;
}

Metric heartbeats(const api::HeartbeatStats& stats) {
  Metric metric{
      "covey_heartbeats", "Heartbeats by what became of them.", MetricType::counter, "", {}};
  const auto add = [&metric](const std::string& outcome, std::uint64_t count) {
    metric.samples.push_back({{{"outcome", outcome}}, as_double(count)});
  };
  add("sent", stats.sent);
  add("send_failed", stats.send_failed);
  add("received", stats.received);
  add("fragment", stats.fragments);
  for (const auto& [reason, count] : stats.refused)
    add(reason, count);
  return metric;
}

Metric commands(const api::CommandStats& stats) {
  Metric metric{"covey_commands",
                "Frames of commands between hosts by what became of them.",
                MetricType::counter,
                "",
                {}};
  const auto add = [&metric](const std::string& outcome, std::uint64_t count) {
    metric.samples.push_back({{{"outcome", outcome}}, as_double(count)});
  };
  add("sent", stats.sent);
  add("received", stats.received);
  add("obeyed", stats.obeyed);
  add("challenged", stats.challenged);
  add("repeated", stats.repeated);
  add("replayed", stats.replayed);
  add("limited", stats.limited);
  for (const auto& [reason, count] : stats.refused)
    add(reason, count);
  return metric;
}

}  // namespace

void append_control_metrics(const ControlFacts& facts, std::vector<Metric>& out) {
  int members = 0;
  for (const convergence::MemberStatus& member : facts.status.members) {
    members += member.in_view ? 1 : 0;
  }
  out.push_back(host_state(facts.status.state));
  out.push_back(single("covey_converged", "1 while this host agrees with its peers on the map.",
                       MetricType::gauge, facts.status.converged ? 1 : 0));
  out.push_back(single("covey_epoch", "Generation of the convergence this host is at.",
                       MetricType::gauge, as_double(facts.status.generation)));
  out.push_back(single("covey_members", "Hosts in this host's view of the cluster.",
                       MetricType::gauge, members));
  out.push_back(member_ages(facts.status));
  out.push_back(owned_buckets(facts.rules));
  out.push_back(heartbeats(facts.stats.heartbeats));
  out.push_back(commands(facts.stats.commands));
  out.push_back(single("covey_events", "Events raised since the daemon started.",
                       MetricType::counter, as_double(facts.events)));
}

}  // namespace covey::control
