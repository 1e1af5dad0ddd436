// SPDX-License-Identifier: BSD-3-Clause
#include "control/control_metrics.h"

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "control/rule_states.h"

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

/// Who says all this: what rules and panels join with, because a scraper knows only an address.
Metric host_info(const api::HostSummary& host, const std::string& cluster) {
  return {"covey_host",
          "This host: its id, its name and its cluster.",
          MetricType::info,
          "",
          {{{{"host", std::to_string(host.id)}, {"name", host.name}, {"cluster", cluster}}, 1}}};
}

Metric buckets_by_rule(std::string name, std::string help,
                       const std::vector<api::RuleStatus>& rules,
                       std::uint32_t api::BucketCounts::*count) {
  Metric metric{std::move(name), std::move(help), MetricType::gauge, "", {}};
  for (const api::RuleStatus& rule : rules) {
    if (rule.map_class < 0) continue;
    metric.samples.push_back({{{"rule", rule.rule}}, as_double(rule.buckets.*count)});
  }
  return metric;
}

Metric rule_states(const std::vector<api::RuleStatus>& rules) {
  Metric metric{"covey_rule_state",
                "1 for the state a port rule is in on this host, 0 for the others.",
                MetricType::gauge,
                "",
                {}};
  for (const api::RuleStatus& rule : rules) {
    for (const RuleState state : {RuleState::enabled, RuleState::draining, RuleState::disabled}) {
      metric.samples.push_back({{{"rule", rule.rule}, {"state", std::string(name(state))}},
                                rule.state == name(state) ? 1.0 : 0.0});
    }
  }
  return metric;
}

Metric rule_parts(const std::vector<api::RuleStatus>& rules) {
  Metric metric{"covey_rule_part_ratio",
                "How much of its part in a port rule this host takes for the time being.",
                MetricType::gauge,
                "ratio",
                {}};
  for (const api::RuleStatus& rule : rules)
    metric.samples.push_back({{{"rule", rule.rule}}, rule.percent / 100.0});
  return metric;
}

using Outcomes = std::vector<std::pair<std::string, std::uint64_t>>;

/// What became of frames: the outcomes that always are there, then the reasons to refuse.
Metric by_outcome(std::string name, std::string help, Outcomes outcomes, const Outcomes& refused) {
  Metric metric{std::move(name), std::move(help), MetricType::counter, "", {}};
  outcomes.insert(outcomes.end(), refused.begin(), refused.end());
  for (const auto& [outcome, count] : outcomes)
    metric.samples.push_back({{{"outcome", outcome}}, as_double(count)});
  return metric;
}

Metric heartbeats(const api::HeartbeatStats& stats) {
  return by_outcome("covey_heartbeats", "Heartbeats by what became of them.",
                    {{"sent", stats.sent},
                     {"send_failed", stats.send_failed},
                     {"received", stats.received},
                     {"fragment", stats.fragments}},
                    stats.refused);
}

constexpr double kSecondsPerMicrosecond = 1e-6;

Metric lateness(const api::ControlStats& stats) {
  const auto sample = [](const char* window, std::int64_t us) {
    return telemetry::Sample{{{"window", window}},
                             static_cast<double>(us) * kSecondsPerMicrosecond};
  };
  return {"covey_control_lateness_seconds",
          "How much later than wanted the control thread's timer ran, at worst.",
          MetricType::gauge,
          "seconds",
          {sample("lately", stats.worst_lately_us), sample("ever", stats.worst_us)}};
}

Metric timers(const api::ControlStats& stats) {
  Metric metric{"covey_control_timers",
                "Timers of the control thread: all, and those late by more than a limit.",
                MetricType::counter,
                "",
                {{{{"late", "any"}}, as_double(stats.timers)}}};
  for (const auto& [limit, count] : stats.late)
    metric.samples.push_back({{{"late", limit}}, as_double(count)});
  return metric;
}

Metric commands(const api::CommandStats& stats) {
  return by_outcome("covey_commands", "Frames of commands between hosts by what became of them.",
                    {{"sent", stats.sent},
                     {"received", stats.received},
                     {"obeyed", stats.obeyed},
                     {"challenged", stats.challenged},
                     {"repeated", stats.repeated},
                     {"replayed", stats.replayed},
                     {"limited", stats.limited}},
                    stats.refused);
}

struct NamedListener {
  const char* name;
  const ListenerLoad& load;
};
std::array<NamedListener, 2> listeners(const ApiLoad& load) {
  return {{{"socket", load.socket}, {"tcp", load.tcp}}};
}

Metric by_listener(std::string name, std::string help, MetricType type, const ApiLoad& load,
                   double (*value)(const ListenerLoad& load)) {
  Metric metric{std::move(name), std::move(help), type, "", {}};
  for (const NamedListener& listener : listeners(load))
    metric.samples.push_back({{{"listener", listener.name}}, value(listener.load)});
  return metric;
}

Metric api_refusals(const ApiLoad& load) {
  Metric metric{"covey_api_refused", "What the API had no room for.", MetricType::counter, "", {}};
  for (const NamedListener& listener : listeners(load)) {
    for (std::size_t what = 0; what < kRefusalNames.size(); ++what) {
      metric.samples.push_back(
          {{{"listener", listener.name}, {"what", std::string(kRefusalNames[what])}},
           as_double(listener.load.refused[what])});
    }
  }
  return metric;
}

void append_api_metrics(const ApiLoad& load, std::vector<Metric>& out) {
  out.push_back(
      by_listener("covey_api_connections", "Connections to the API.", MetricType::gauge, load,
                  [](const ListenerLoad& one) { return static_cast<double>(one.connections); }));
  out.push_back(api_refusals(load));
  out.push_back(by_listener("covey_api_dropped",
                            "Connections to the API that were closed because the other end took "
                            "too long to ask or to read.",
                            MetricType::counter, load,
                            [](const ListenerLoad& one) { return as_double(one.dropped); }));
}

}  // namespace

void append_control_metrics(const ControlFacts& facts, std::vector<Metric>& out) {
  int members = 0;
  for (const convergence::MemberStatus& member : facts.status.members) {
    members += member.in_view ? 1 : 0;
  }
  out.push_back(host_info(facts.host, facts.cluster));
  out.push_back(host_state(facts.status.state));
  out.push_back(single("covey_converged", "1 while this host agrees with its peers on the map.",
                       MetricType::gauge, facts.status.converged ? 1 : 0));
  out.push_back(single("covey_epoch", "Generation of the convergence this host is at.",
                       MetricType::gauge, as_double(facts.status.generation)));
  out.push_back(single("covey_members", "Hosts in this host's view of the cluster.",
                       MetricType::gauge, members));
  out.push_back(single("covey_islands", "Other views of the cluster heard at the same time.",
                       MetricType::gauge, facts.status.islands));
  out.push_back(member_ages(facts.status));
  out.push_back(buckets_by_rule("covey_buckets", "Buckets of a port rule, on all hosts together.",
                                facts.rules, &api::BucketCounts::total));
  out.push_back(buckets_by_rule("covey_owned_buckets",
                                "Buckets this host takes new flows for, by port rule.", facts.rules,
                                &api::BucketCounts::owned));
  out.push_back(rule_states(facts.rules));
  out.push_back(rule_parts(facts.rules));
  out.push_back(lateness(facts.control));
  out.push_back(timers(facts.control));
  out.push_back(heartbeats(facts.heartbeats));
  out.push_back(commands(facts.commands));
  out.push_back(single("covey_events", "Events raised since the daemon started.",
                       MetricType::counter, as_double(facts.events)));
  append_api_metrics(facts.load, out);
}

}  // namespace covey::control
