// SPDX-License-Identifier: BSD-3-Clause
#include "reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "forwarding/conversation.h"
#include "forwarding/verdict.h"
#include "packet/parse.h"

namespace covey::app {
namespace {

using telemetry::Metric;
using telemetry::MetricType;

std::string mode_name(forwarding::RuleMode mode) {
  switch (mode) {
    case forwarding::RuleMode::multiple:
      return "multiple";
    case forwarding::RuleMode::single:
      return "single";
    case forwarding::RuleMode::disabled:
      return "disabled";
  }
  return "";
}

std::string affinity_name(const forwarding::PortRule& rule) {
  if (rule.mode != forwarding::RuleMode::multiple) return "";
  switch (rule.hash.affinity) {
    case bucket::Affinity::none:
      return "none";
    case bucket::Affinity::single:
      return "single";
    case bucket::Affinity::network:
      return "network";
  }
  return "";
}

std::string protocol_name(forwarding::RuleProtocol protocol) {
  switch (protocol) {
    case forwarding::RuleProtocol::tcp:
      return "tcp";
    case forwarding::RuleProtocol::udp:
      return "udp";
    case forwarding::RuleProtocol::both:
      return "both";
  }
  return "";
}

std::string ports_text(const std::vector<forwarding::PortRange>& ports) {
  std::string text;
  for (const forwarding::PortRange& range : ports) {
    if (!text.empty()) text += ',';
    text += range.first == range.last ? fmt::format("{}", range.first)
                                      : fmt::format("{}-{}", range.first, range.last);
  }
  return text;
}

std::string flow_protocol_name(std::uint8_t protocol) {
  if (protocol == packet::kProtocolTcp) return "tcp";
  if (protocol == packet::kProtocolUdp) return "udp";
  if (protocol == packet::kProtocolSctp) return "sctp";
  if (protocol == packet::kProtocolEsp) return "ipsec";
  if (protocol == packet::kProtocolGre) return "gre";
  return fmt::format("{}", protocol);
}

std::string flow_state_name(flow::FlowState state) {
  switch (state) {
    case flow::FlowState::none:
      return "none";
    case flow::FlowState::half_open:
      return "half_open";
    case flow::FlowState::established:
      return "established";
    case flow::FlowState::lingering:
      return "lingering";
  }
  return "";
}

std::string endpoint(const base::IpAddress& address, std::uint16_t port) {
  return address.family == base::Family::ipv6 ? fmt::format("[{}]:{}", address.to_string(), port)
                                              : fmt::format("{}:{}", address.to_string(), port);
}

std::string packet_protocol_name(const packet::FrameView& view) {
  switch (view.layer3) {
    case packet::Layer3::other:
      return "other";
    case packet::Layer3::arp:
      return "arp";
    case packet::Layer3::heartbeat:
      return "heartbeat";
    case packet::Layer3::ipv4:
    case packet::Layer3::ipv6:
      break;
  }
  switch (view.key.protocol) {
    case packet::kProtocolIcmp:
      return "icmp";
    case packet::kProtocolIcmpv6:
      return "icmpv6";
    case packet::kProtocolEsp:
      return "esp";
    case packet::kProtocolAh:
      return "ah";
    default:
      return flow_protocol_name(view.key.protocol);
  }
}

std::string trace_end_name(dataplane::TraceEnd ended) {
  switch (ended) {
    case dataplane::TraceEnd::count:
      return "count";
    case dataplane::TraceEnd::time:
      return "time";
    case dataplane::TraceEnd::superseded:
      return "superseded";
  }
  return "";
}

void describe_addresses(const dataplane::TracedFrame& frame, api::TraceRow& row) {
  const packet::FlowKey& key = frame.view.key;
  if (key.family == base::Family::none) {
    row.source = frame.sight.source.to_string();
    row.destination = frame.sight.destination.to_string();
  } else if (frame.view.has_ports) {
    row.source = endpoint(key.source_address(), key.source_port);
    row.destination = endpoint(key.destination_address(), key.destination_port);
  } else {
    row.source = key.source_address().to_string();
    row.destination = key.destination_address().to_string();
  }
}

std::string rule_name(forwarding::RuleIndex rule, const forwarding::Policy& policy) {
  return rule == forwarding::kDefaultRule ? "default" : policy.rule(rule).name;
}

Metric counter(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::counter, "", {}};
}

Metric gauge(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::gauge, "", {}};
}

template <typename... Labels>
void add(Metric& metric, std::uint64_t value, Labels&&... labels) {
  metric.samples.push_back({{std::forward<Labels>(labels)...}, static_cast<double>(value)});
}

void append_verdicts(const dataplane::Report& report, std::vector<Metric>& out) {
  Metric frames = counter("covey_verdict_frames", "Frames by what happened to them.");
  Metric bytes{"covey_verdict_bytes",
               "Bytes of frames by what happened to them.",
               MetricType::counter,
               "bytes",
               {}};
  for (std::size_t i = 0; i < forwarding::kVerdictCount; ++i) {
    const telemetry::Label verdict{"verdict", forwarding::kVerdictTexts[i].name};
    add(frames, report.verdict_frames[i], verdict);
    add(bytes, report.verdict_bytes[i], verdict);
  }
  out.insert(out.end(), {frames, bytes});
}

void append_rules(const dataplane::Report& report, const forwarding::Policy& policy,
                  std::vector<Metric>& out) {
  Metric accepted =
      counter("covey_rule_accepted_frames", "Frames of a port rule given to the local stack.");
  Metric dropped =
      counter("covey_rule_dropped_frames", "Frames of a port rule that were dropped here.");
  for (std::size_t i = 0; i < report.rules.size(); ++i) {
    const bool is_default = i + 1 == report.rules.size();
    const auto index =
        is_default ? forwarding::kDefaultRule : static_cast<forwarding::RuleIndex>(i);
    const telemetry::Label rule{"rule", rule_name(index, policy)};
    add(accepted, report.rules[i].frames.accepted, rule);
    add(dropped, report.rules[i].frames.dropped, rule);
  }
  out.insert(out.end(), {accepted, dropped});
}

void append_ports(const dataplane::Report& report, std::vector<Metric>& out) {
  const telemetry::Label rx{"direction", "rx"};
  const telemetry::Label tx{"direction", "tx"};
  Metric link = gauge("covey_port_link_up", "1 while a port has a link.");
  Metric frames = counter("covey_port_frames", "Frames by port and direction.");
  Metric missed =
      counter("covey_port_missed_frames", "Frames that came faster than they were fetched.");
  Metric errors = counter("covey_port_errors", "Frames a port missed or could not send.");
  for (const dataplane::PortReport& port : report.ports) {
    const telemetry::Label name{"port", port.name};
    add(link, port.link_up, name);
    add(frames, port.rx_frames, name, rx);
    add(frames, port.tx_frames, name, tx);
    add(missed, port.rx_missed, name);
    add(errors, port.rx_errors + port.rx_missed, name, rx);
    add(errors, port.tx_errors, name, tx);
  }
  out.insert(out.end(), {link, frames, missed, errors});
}

void append_workers(const dataplane::Report& report, std::vector<Metric>& out) {
  Metric cycles = counter("covey_worker_cycles", "Processor cycles of a worker, busy and idle.");
  Metric packets = counter("covey_worker_packets", "Frames that a worker took from the uplink.");
  Metric bursts = counter("covey_worker_bursts", "Polls of the uplink that found frames.");
  for (std::size_t i = 0; i < report.workers.size(); ++i) {
    const dataplane::WorkerReport& worker = report.workers[i];
    const telemetry::Label name{"worker", fmt::format("{}", i)};
    add(packets, worker.frames, name);
    add(bursts, worker.bursts, name);
    add(cycles, worker.busy_cycles, name, telemetry::Label{"state", "busy"});
    add(cycles, worker.idle_cycles, name, telemetry::Label{"state", "idle"});
  }
  out.insert(out.end(), {cycles, packets, bursts});
}

void append_flows(const dataplane::Report& report, std::uint64_t capacity,
                  std::vector<Metric>& out) {
  Metric live = gauge("covey_flows", "Connections the flow cache holds, by state.");
  add(live, report.flows.established, telemetry::Label{"state", "established"});
  add(live, report.flows.half_open, telemetry::Label{"state", "half_open"});
  Metric most = gauge("covey_flows_capacity", "Connections the flow cache has room for.");
  add(most, capacity);
  Metric untracked =
      counter("covey_flows_untracked", "Connections the flow cache had no room for.");
  add(untracked, report.flows.untracked);
  out.insert(out.end(), {live, most, untracked});
}

}  // namespace

api::Stats to_stats(const dataplane::Report& report, std::uint64_t flow_capacity) {
  api::Stats stats;
  for (std::size_t i = 0; i < forwarding::kVerdictCount; ++i) {
    stats.verdicts.emplace_back(forwarding::kVerdictTexts[i].name,
                                api::FrameCount{report.verdict_frames[i], report.verdict_bytes[i]});
  }
  for (const dataplane::PortReport& port : report.ports) {
    stats.ports.emplace_back(
        port.name, api::PortStats{port.link_up, port.rx_frames, port.rx_bytes, port.rx_missed,
                                  port.rx_errors, port.tx_frames, port.tx_bytes, port.tx_errors});
  }
  for (const dataplane::WorkerReport& worker : report.workers) {
    const double cycles = static_cast<double>(worker.busy_cycles + worker.idle_cycles);
    const double busy = static_cast<double>(worker.busy_cycles);
    api::WorkerStats row;
    row.busy_pct = cycles > 0 ? 100.0 * busy / cycles : 0;
    const double packets = static_cast<double>(worker.frames);
    row.cycles_per_packet = packets > 0 ? busy / packets : 0;
    row.packets_per_poll = worker.bursts > 0 ? packets / static_cast<double>(worker.bursts) : 0;
    row.packets = worker.frames;
    row.bursts = worker.bursts;
    row.loops = worker.loops;
    row.busy_cycles = worker.busy_cycles;
    row.idle_cycles = worker.idle_cycles;
    row.sleeps = worker.sleeps;
    stats.workers.push_back(row);
  }
  stats.heartbeats.lost = report.heartbeats_lost;
  const flow::Statistics& flows = report.flows;
  stats.flows = {flows.established, flows.half_open, flows.created, flows.expired,
                 flows.evicted,     flows.untracked, flow_capacity};
  return stats;
}

std::vector<Metric> to_metrics(const dataplane::Report& report, const forwarding::Policy& policy,
                               std::uint64_t flow_capacity) {
  std::vector<Metric> metrics;
  append_verdicts(report, metrics);
  append_rules(report, policy, metrics);
  append_ports(report, metrics);
  append_workers(report, metrics);
  append_flows(report, flow_capacity, metrics);
  return metrics;
}

std::vector<api::RuleStatus> to_rules(const dataplane::Report& report,
                                      const forwarding::Policy& policy) {
  std::vector<api::RuleStatus> rows;
  const std::vector<forwarding::PortRule>& rules = policy.settings().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const forwarding::PortRule& rule = rules[i];
    api::RuleStatus row;
    row.rule = rule.name;
    row.state = rule.mode == forwarding::RuleMode::disabled ? "disabled" : "enabled";
    row.mode = mode_name(rule.mode);
    row.affinity = affinity_name(rule);
    row.vip = rule.virtual_ip ? rule.virtual_ip->to_string() : "all";
    row.protocol = protocol_name(rule.protocol);
    row.ports = ports_text(rule.ports);
    if (rule.mode != forwarding::RuleMode::disabled)
      row.map_class = policy.classes().class_of_rule[i].value;
    row.accepted = report.rules[i].frames.accepted;
    row.dropped = report.rules[i].frames.dropped;
    row.flows = report.rules[i].flows;
    rows.push_back(row);
  }
  api::RuleStatus row;
  row.rule = "default";
  row.state = "enabled";
  row.mode = "default";
  row.vip = "all";
  row.protocol = "all";
  row.ports = "all";
  row.map_class = bucket::kDefaultHostClass.value;
  row.accepted = report.rules.back().frames.accepted;
  row.dropped = report.rules.back().frames.dropped;
  row.flows = report.rules.back().flows;
  rows.push_back(row);
  return rows;
}

base::Result<flow::FlowCache::Wanted> to_wanted(const api::FlowsRequest& request,
                                                const forwarding::Policy& policy) {
  flow::FlowCache::Wanted wanted{static_cast<std::size_t>(request.limit)};
  if (request.bucket) wanted.bucket = base::BucketIndex{*request.bucket};
  if (request.rule.empty()) return wanted;
  if (request.rule == "default") {
    wanted.map_class = bucket::kDefaultHostClass;
    return wanted;
  }
  const std::vector<forwarding::PortRule>& rules = policy.settings().rules;
  const auto rule = std::ranges::find(rules, request.rule, &forwarding::PortRule::name);
  if (rule == rules.end()) {
    return base::fail(base::ErrorCode::not_found,
                      fmt::format("no rule is named \"{}\"", request.rule));
  }
  const bool holds_none = rule->mode == forwarding::RuleMode::disabled;
  if (holds_none) wanted.limit = 0;
  wanted.map_class = policy.classes().class_of_rule[static_cast<std::size_t>(rule - rules.begin())];
  return wanted;
}

base::Result<dataplane::TraceRequest> to_trace(const api::TraceRequest& request) {
  dataplane::TraceRequest wanted{static_cast<std::size_t>(request.count), {}, request.host};
  if (request.verdict.empty()) return wanted;
  const auto found =
      std::ranges::find(forwarding::kVerdictTexts, request.verdict, &forwarding::VerdictText::name);
  if (found == forwarding::kVerdictTexts.end()) {
    return base::fail(
        base::ErrorCode::invalid_argument,
        fmt::format("verdict: \"{}\" is none; `covey stats --all` lists them", request.verdict));
  }
  wanted.verdict = static_cast<forwarding::Verdict>(found - forwarding::kVerdictTexts.begin());
  return wanted;
}

api::TraceRow to_row(const dataplane::TracedFrame& frame) {
  const packet::FrameView& view = frame.view;
  const forwarding::Explanation explanation = forwarding::explain(
      frame.decision, frame.sent ? view.key.reversed() : view.key, *frame.policy, frame.owner);
  api::TraceRow row;
  row.worker = frame.worker;
  row.direction = frame.sent ? "out" : "in";
  row.protocol = packet_protocol_name(view);
  describe_addresses(frame, row);
  if (view.key.protocol == packet::kProtocolTcp && view.has_ports)
    row.flags = api::tcp_flags_to_text(view.tcp_flags);
  row.length = frame.sight.length;
  if (view.is_fragment) row.fragment = view.is_later_fragment ? "later" : "first";
  if (view.has_vlan) row.vlan = view.vlan_id;
  row.verdict = forwarding::name(explanation.verdict);
  row.reason = explanation.reason;
  row.rule = explanation.rule;
  if (explanation.has_bucket) {
    row.bucket = explanation.bucket;
    if (!explanation.owner.is_nobody()) row.owner = explanation.owner.value;
  }
  row.tracked = explanation.tracked;
  row.flow = flow_state_name(frame.sight.flow);
  return row;
}

api::TraceReply to_reply(const dataplane::TraceReport& report) {
  api::TraceReply reply;
  reply.ended = trace_end_name(report.ended);
  reply.seen = report.seen;
  reply.packets.reserve(report.frames.size());
  for (const dataplane::TracedFrame& frame : report.frames) {
    api::TraceRow& row = reply.packets.emplace_back(to_row(frame));
    row.after_us = (frame.when - report.frames.front().when).count() / 1000;
  }
  return reply;
}

api::FlowRow to_row(const flow::FlowCache::Listed& flow, const forwarding::Policy& policy) {
  api::FlowRow row;
  row.protocol = flow_protocol_name(flow.key.protocol);
  row.source = endpoint(flow.key.source_address(), flow.key.source_port);
  row.destination = endpoint(flow.key.destination_address(), flow.key.destination_port);
  row.state = flow_state_name(flow.state);
  const int virtual_ip = policy.virtual_ip_index(flow.key.destination_address());
  const forwarding::TunnelPort ruled =
      forwarding::tunnel_of(flow.key.protocol, flow.key.destination_port)
          .value_or(forwarding::TunnelPort{flow.key.protocol, flow.key.destination_port});
  row.rule = virtual_ip < 0
                 ? ""
                 : rule_name(policy.rule_for(virtual_ip, ruled.protocol, ruled.port), policy);
  if (flow.placement) row.bucket = flow.placement->bucket.value;
  row.idle_ms = base::to_ms(flow.idle);
  return row;
}

}  // namespace covey::app
