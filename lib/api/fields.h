// SPDX-License-Identifier: BSD-3-Clause
// The JSON keys of every message, once, for both directions: describe(visit, value) calls
// visit(key, member).
//
// Owner: api, internal: only json.cc includes it. Thread: any.
// A message is listed here, or it does not travel. The order is the order people see.
#pragma once

#include <concepts>
#include <type_traits>

#include "api/diagnosis.h"
#include "api/messages.h"

namespace covey::api {

/// T is U or const U: one description serves the writer and the reader.
template <typename T, typename U>
concept Either = std::same_as<std::remove_const_t<T>, U>;

template <typename V, Either<HostSummary> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("name", value.name);
  visit("state", value.state);
  visit("default", value.is_default);
}

template <typename V, Either<Member> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("name", value.name);
  visit("state", value.state);
  visit("default", value.is_default);
  visit("weight", value.weight);
  visit("age_ms", value.age_ms);
  visit("in_view", value.in_view);
  visit("drains", value.drains);
}

template <typename V, Either<HeldRule> T>
void describe(V& visit, T& value) {
  visit("rule", value.rule);
  visit("state", value.state);
  visit("reason", value.reason);
  visit("percent", value.percent);
}

template <typename V, Either<Status> T>
void describe(V& visit, T& value) {
  visit("cluster", value.cluster);
  visit("host", value.host);
  visit("epoch", value.epoch);
  visit("converged", value.converged);
  visit("since", value.since);
  visit("reason", value.reason);
  visit("members", value.members);
  visit("islands", value.islands);
  visit("rules", value.rules);
  visit("health", value.health);
}

template <typename V, Either<HealthRow> T>
void describe(V& visit, T& value) {
  visit("name", value.name);
  visit("rule", value.rule);
  visit("kind", value.kind);
  visit("target", value.target);
  visit("on_fail", value.on_fail);
  visit("state", value.state);
  visit("since", value.since);
  visit("percent", value.percent);
  visit("last", value.last);
  visit("last_ok", value.last_ok);
  visit("duration_ms", value.duration_ms);
  visit("succeeded", value.succeeded);
  visit("failed", value.failed);
}

template <typename V, Either<BucketCounts> T>
void describe(V& visit, T& value) {
  visit("owned", value.owned);
  visit("dirty", value.dirty);
  visit("total", value.total);
}

template <typename V, Either<RuleStatus> T>
void describe(V& visit, T& value) {
  visit("rule", value.rule);
  visit("state", value.state);
  visit("reason", value.reason);
  visit("percent", value.percent);
  visit("mode", value.mode);
  visit("affinity", value.affinity);
  visit("vip", value.vip);
  visit("protocol", value.protocol);
  visit("ports", value.ports);
  visit("map_class", value.map_class);
  visit("weight", value.weight);
  visit("accepted", value.accepted);
  visit("dropped", value.dropped);
  visit("flows", value.flows);
  visit("buckets", value.buckets);
}

template <typename V, Either<Absence> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("owner", value.owner);
  visit("reason", value.reason);
}

template <typename V, Either<ExplainReply> T>
void describe(V& visit, T& value) {
  visit("rule", value.rule);
  visit("mode", value.mode);
  visit("affinity", value.affinity);
  visit("hashed", value.hashed);
  visit("bucket", value.bucket);
  visit("owner", value.owner);
  visit("verdict", value.verdict);
  visit("reason", value.reason);
  visit("tracked", value.tracked);
  visit("without", value.without);
}

template <typename V, Either<FrameCount> T>
void describe(V& visit, T& value) {
  visit("frames", value.frames);
  visit("bytes", value.bytes);
}

template <typename V, Either<PortStats> T>
void describe(V& visit, T& value) {
  visit("link_up", value.link_up);
  visit("rx_frames", value.rx_frames);
  visit("rx_bytes", value.rx_bytes);
  visit("rx_missed", value.rx_missed);
  visit("rx_errors", value.rx_errors);
  visit("tx_frames", value.tx_frames);
  visit("tx_bytes", value.tx_bytes);
  visit("tx_errors", value.tx_errors);
}

template <typename V, Either<WorkerStats> T>
void describe(V& visit, T& value) {
  visit("busy_pct", value.busy_pct);
  visit("cycles_per_packet", value.cycles_per_packet);
  visit("packets_per_poll", value.packets_per_poll);
  visit("packets", value.packets);
  visit("bursts", value.bursts);
  visit("loops", value.loops);
  visit("busy_cycles", value.busy_cycles);
  visit("idle_cycles", value.idle_cycles);
  visit("sleeps", value.sleeps);
}

template <typename V, Either<ControlStats> T>
void describe(V& visit, T& value) {
  visit("timers", value.timers);
  visit("late", value.late);
  visit("worst_us", value.worst_us);
  visit("worst_lately_us", value.worst_lately_us);
}

template <typename V, Either<HeartbeatStats> T>
void describe(V& visit, T& value) {
  visit("sent", value.sent);
  visit("send_failed", value.send_failed);
  visit("received", value.received);
  visit("fragments", value.fragments);
  visit("lost", value.lost);
  visit("refused", value.refused);
}

template <typename V, Either<CommandStats> T>
void describe(V& visit, T& value) {
  visit("sent", value.sent);
  visit("received", value.received);
  visit("obeyed", value.obeyed);
  visit("challenged", value.challenged);
  visit("repeated", value.repeated);
  visit("replayed", value.replayed);
  visit("limited", value.limited);
  visit("refused", value.refused);
}

template <typename V, Either<FlowStats> T>
void describe(V& visit, T& value) {
  visit("established", value.established);
  visit("half_open", value.half_open);
  visit("created", value.created);
  visit("expired", value.expired);
  visit("evicted", value.evicted);
  visit("untracked", value.untracked);
  visit("capacity", value.capacity);
}

template <typename V, Either<Stats> T>
void describe(V& visit, T& value) {
  visit("verdicts", value.verdicts);
  visit("ports", value.ports);
  visit("workers", value.workers);
  visit("control", value.control);
  visit("heartbeats", value.heartbeats);
  visit("commands", value.commands);
  visit("flows", value.flows);
}

template <typename V, Either<FlowRow> T>
void describe(V& visit, T& value) {
  visit("protocol", value.protocol);
  visit("source", value.source);
  visit("destination", value.destination);
  visit("state", value.state);
  visit("rule", value.rule);
  visit("bucket", value.bucket);
  visit("idle_ms", value.idle_ms);
}

template <typename V, Either<TraceRow> T>
void describe(V& visit, T& value) {
  visit("time", value.time);
  visit("after_us", value.after_us);
  visit("worker", value.worker);
  visit("direction", value.direction);
  visit("protocol", value.protocol);
  visit("source", value.source);
  visit("destination", value.destination);
  visit("flags", value.flags);
  visit("length", value.length);
  visit("fragment", value.fragment);
  visit("vlan", value.vlan);
  visit("verdict", value.verdict);
  visit("reason", value.reason);
  visit("rule", value.rule);
  visit("bucket", value.bucket);
  visit("owner", value.owner);
  visit("tracked", value.tracked);
  visit("flow", value.flow);
}

template <typename V, Either<TraceReply> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("ended", value.ended);
  visit("seen", value.seen);
  visit("packets", value.packets);
}

template <typename V, Either<BucketMap> T>
void describe(V& visit, T& value) {
  visit("rule", value.rule);
  visit("map_class", value.map_class);
  visit("owners", value.owners);
}

template <typename V, Either<BucketMaps> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("epoch", value.epoch);
  visit("maps", value.maps);
}

template <typename V, Either<HistoryRow> T>
void describe(V& visit, T& value) {
  visit("generation", value.generation);
  visit("began", value.began);
  visit("duration_ms", value.duration_ms);
  visit("trigger", value.trigger);
  visit("members", value.members);
  visit("moved_buckets", value.moved_buckets);
}

template <typename V, Either<EventRow> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("time", value.time);
  visit("event", value.event);
  visit("host", value.host);
  visit("detail", value.detail);
}

template <typename V, Either<ConfigReply> T>
void describe(V& visit, T& value) {
  visit("yaml", value.yaml);
}

template <typename V, Either<CommandRequest> T>
void describe(V& visit, T& value) {
  visit("verb", value.verb);
  visit("target", value.target);
  visit("value", value.value);
  visit("timeout_ms", value.timeout_ms);
  visit("host", value.host);
}

template <typename V, Either<HostAnswer> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("name", value.name);
  visit("ok", value.ok);
  visit("code", value.code);
  visit("text", value.text);
}

template <typename V, Either<CommandReply> T>
void describe(V& visit, T& value) {
  visit("ok", value.ok);
  visit("text", value.text);
  visit("code", value.code);
  visit("hosts", value.hosts);
}

template <typename V, Either<HeldKey> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("mark", value.mark);
}

template <typename V, Either<KeyHolder> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("name", value.name);
  visit("seals_with", value.seals_with);
  visit("keys", value.keys);
}

template <typename V, Either<KeyList> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("hosts", value.hosts);
}

template <typename V, Either<KeyRequest> T>
void describe(V& visit, T& value) {
  visit("verb", value.verb);
  visit("text", value.text);
  visit("id", value.id);
  visit("force", value.force);
}

template <typename V, Either<ConfigChange> T>
void describe(V& visit, T& value) {
  visit("path", value.path);
  visit("before", value.before);
  visit("after", value.after);
  visit("needs_restart", value.needs_restart);
  visit("text", value.text);
}

template <typename V, Either<ReloadReply> T>
void describe(V& visit, T& value) {
  visit("ok", value.ok);
  visit("text", value.text);
  visit("code", value.code);
  visit("changes", value.changes);
  visit("mistakes", value.mistakes);
}

template <typename V, Either<Finding> T>
void describe(V& visit, T& value) {
  visit("id", value.id);
  visit("severity", value.severity);
  visit("what", value.what);
  visit("where", value.where);
  visit("cure", value.cure);
}

template <typename V, Either<Diagnosis> T>
void describe(V& visit, T& value) {
  visit("host", value.host);
  visit("configuration", value.configuration);
  visit("faults", value.faults);
  visit("findings", value.findings);
}

template <typename V, Either<ErrorReply> T>
void describe(V& visit, T& value) {
  visit("error", value.error);
}

}  // namespace covey::api
