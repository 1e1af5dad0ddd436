// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "doctor/checks.h"

namespace covey::doctor {
namespace {

// More than one in so many, since the daemon started, is more than an accident.
constexpr std::uint64_t kAccident = 1000;
// A burst is at most 64: a worker whose bursts are that full is at its limit.
constexpr double kFullBurst = 60;
constexpr std::uint64_t kEnoughBursts = 1000;

std::uint64_t frames_of(const api::Stats& stats, std::string_view verdict) {
  for (const auto& [name, count] : stats.verdicts) {
    if (name == verdict) return count.frames;
  }
  return 0;
}

std::uint64_t delivered(const api::Stats& stats) {
  std::uint64_t frames = 0;
  for (const auto& [name, count] : stats.verdicts) {
    if (name.starts_with("deliver_")) frames += count.frames;
  }
  return frames;
}

std::uint64_t value_of(const api::Named<std::uint64_t>& values, std::string_view wanted) {
  for (const auto& [name, value] : values) {
    if (name == wanted) return value;
  }
  return 0;
}

struct Refusal {
  std::string_view name;
  std::string_view meaning;
  std::string_view cure;
};
constexpr Refusal kRefusals[] = {
    {"not_ours", "are of another cluster, or of a host with another cluster.name",
     "if that is no neighbour, give all hosts the same cluster.name and key"},
    {"unknown_key", "are sealed with a key that this host does not hold",
     "covey key list; give the other host a member's key file"},
    {"bad_tag", "are forged, or of a host with another cluster key",
     "copy a member's key file to that host, and start it again"},
    {"bad_version", "are of a version that this one does not understand", "update the older hosts"},
    {"malformed", "cannot be read", "capture them: docs/operations.md, Heartbeats in Wireshark"},
};

/// Rising, or too large a part of what there was since the start.
bool is_much(std::uint64_t before, std::uint64_t after, std::uint64_t of) {
  return after > before || after * kAccident > of + kAccident;
}

/// The newest event that says what became of a host; null if there is none.
const api::EventRow* newest_about(unsigned host, const std::vector<api::EventRow>& events) {
  constexpr std::array<std::string_view, 4> kFates = {"host_joined", "host_left", "host_lost",
                                                      "host_refused"};
  const api::EventRow* newest = nullptr;
  for (const api::EventRow& event : events) {
    if (event.host == host && std::ranges::find(kFates, event.event) != kFates.end())
      newest = &event;
  }
  return newest;
}

/// Of a host that is heard, or was until a moment ago.
void check_member(const api::Member& member, const std::vector<api::EventRow>& events,
                  Findings& out) {
  const std::string who = fmt::format("host {} ({})", member.id, member.name);
  const api::EventRow* fate = newest_about(member.id, events);
  if (fate != nullptr && fate->event == "host_refused") {
    add_fault(out, "host_refused",
              {fmt::format("it is kept out: {}", fate->detail), who,
               "make the configurations equal (or the ids different), then restart it"});
    return;
  }
  add_fault(out, "host_silent",
            {fmt::format("it was heard {} s ago, and is not any more", member.age_ms / 1000), who,
             "see whether its daemon runs, and whether its frames get here"});
}

/// Then nobody is heard, and nothing can be sent.
bool is_cut_off(const Findings& findings) {
  return was_found(findings, "uplink_no_carrier") || was_found(findings, "uplink_down") ||
         was_found(findings, "uplink_missing");
}

}  // namespace

void check_peers(const Facts& facts, Findings& out) {
  const api::DaemonAnswers& daemon = *facts.about.daemon;
  if (is_cut_off(out)) return;
  if (daemon.status.islands > 0) {
    add_fault(
        out, "islands",
        {"two groups of hosts hear each other in part, and each takes itself for the cluster, "
         "with a default host of its own",
         "the segment", "look for links and switch ports that lose frames one way"});
  }
  unsigned defaults = 0;
  for (const api::Member& member : daemon.status.members) {
    defaults += member.is_default && member.in_view ? 1 : 0;
    if (member.id == daemon.status.host.id || member.in_view || member.state != "isolated")
      continue;
    check_member(member, daemon.events, out);
  }
  for (unsigned host = 1; host <= base::kMaxHosts; ++host) {
    const auto& members = daemon.status.members;
    if (std::ranges::find(members, host, &api::Member::id) != members.end()) continue;
    const api::EventRow* fate = newest_about(host, daemon.events);
    if (fate == nullptr || fate->event != "host_lost") continue;
    add_fault(out, "host_silent",
              {fmt::format("it was lost at {}, and has not come back", fate->time),
               fmt::format("host {}", host),
               "see whether its daemon runs, and whether its frames get here"});
  }
  if (defaults > 1) {
    add_fault(out, "two_default_hosts",
              {fmt::format("{} hosts take what no rule covers", defaults), "the cluster",
               "covey query on each host: the views must be equal"});
  }
}

void check_heartbeats(const Facts& facts, Findings& out) {
  if (is_cut_off(out)) return;
  const api::HeartbeatStats& before = facts.about.daemon->before.heartbeats;
  const api::HeartbeatStats& after = facts.about.daemon->after.heartbeats;
  for (const Refusal& refusal : kRefusals) {
    const std::uint64_t count =
        value_of(after.refused, refusal.name) - value_of(before.refused, refusal.name);
    if (count == 0) continue;
    add_fault(out, "heartbeats_refused",
              {fmt::format("{} heartbeats just now {}", count, refusal.meaning),
               fmt::format("{} of covey stats", refusal.name), std::string(refusal.cure)});
  }
  if (after.lost > before.lost || after.send_failed > before.send_failed) {
    add_fault(out, "heartbeats_lost",
              {"heartbeats are lost inside of this host: a queue was full", "covey stats",
               "a flood of heartbeat frames, or a worker or control thread without a processor"});
  }
  const std::uint64_t alien = frames_of(facts.about.daemon->after, "drop_alien_ack") -
                              frames_of(facts.about.daemon->before, "drop_alien_ack");
  constexpr std::uint64_t kSingleOnes = 3;  // there are some while a bucket moves
  if (alien < kSingleOnes) return;
  add_fault(out, "second_owner",
            {"clients acknowledge what another host answered in our buckets", "the segment",
             "covey query on all hosts: look for islands, and for a host that is not listed"});
}

void check_control(const Facts& facts, Findings& out) {
  if (!facts.config) return;
  const convergence::Timing& timing = facts.config->timing;
  const std::int64_t limit_us = base::to_ms(timing.interval) * 1000 * timing.tolerance / 2;
  const std::int64_t worst_us = facts.about.daemon->after.control.worst_lately_us;
  if (worst_us <= limit_us) return;
  add_fault(out, "control_late",
            {fmt::format("the control thread was {} ms late in the last minutes; beyond {} ms the "
                         "host doubts itself",
                         worst_us / 1000, limit_us / 1000),
             "workers.control_cpu",
             "give it a processor of its own, or a longer heartbeat on all hosts; look for pauses "
             "of the machine"});
}

void check_queues(const Facts& facts, Findings& out) {
  const api::Stats& before = facts.about.daemon->before;
  const api::Stats& after = facts.about.daemon->after;
  const auto full = [&](const char* verdict, std::uint64_t of) {
    return is_much(frames_of(before, verdict), frames_of(after, verdict), of);
  };
  const bool has_local = !was_found(out, "local_down") && !was_found(out, "local_missing");
  if (has_local && full("drop_local_full", delivered(after))) {
    add_fault(
        out, "local_queue_full",
        {fmt::format("the local stack did not take {} frames", frames_of(after, "drop_local_full")),
         "drop_local_full", "the services or the kernel need more processor time"});
  }
  if (!is_cut_off(out) && full("drop_uplink_full", frames_of(after, "send_uplink"))) {
    add_fault(
        out, "uplink_queue_full",
        {fmt::format("the uplink did not take {} frames", frames_of(after, "drop_uplink_full")),
         "drop_uplink_full", "the segment or the device is the limit"});
  }
  for (const auto& [name, port] : after.ports) {
    std::uint64_t earlier = port.rx_missed;
    for (const auto& [its_name, its] : before.ports)
      earlier = its_name == name ? its.rx_missed : earlier;
    if (!is_much(earlier, port.rx_missed, port.rx_frames)) continue;
    add_fault(out, "frames_missed",
              {fmt::format("{} frames came faster than they were fetched", port.rx_missed), name,
               "give Covey more processors: workers.cpus and ports.uplink.queues"});
  }
  for (std::size_t i = 0; i < std::min(before.workers.size(), after.workers.size()); ++i) {
    const std::uint64_t bursts = after.workers[i].bursts - before.workers[i].bursts;
    const std::uint64_t packets = after.workers[i].packets - before.workers[i].packets;
    if (bursts < kEnoughBursts ||
        static_cast<double>(packets) < kFullBurst * static_cast<double>(bursts))
      continue;
    add_fault(out, "worker_at_limit",
              {"the worker takes full bursts: it is at its limit", fmt::format("worker {}", i),
               "give Covey more processors: workers.cpus and ports.uplink.queues"});
  }
}

void check_flows(const Facts& facts, Findings& out) {
  const api::FlowStats& flows = facts.about.daemon->after.flows;
  if (flows.untracked == 0) return;
  add_fault(out, "flow_cache_full",
            {fmt::format("{} segments found no room among {} connections: theirs end when their "
                         "bucket moves",
                         flows.untracked, flows.capacity),
             "flows.capacity", "raise it"});
}

void check_state(const Facts& facts, Findings& out) {
  const api::DaemonAnswers& daemon = *facts.about.daemon;
  const api::HostSummary& host = daemon.status.host;
  if (host.state == "stopped" || host.state == "suspended" || host.state == "draining") {
    add_note(out, "host_not_serving",
             {fmt::format("this host is {}", host.state), fmt::format("host {}", host.id),
              host.state == "suspended" ? "covey resume, covey start" : "covey start"});
    return;
  }
  const bool is_explained =
      std::ranges::any_of(out, [](const api::Finding& it) { return it.severity == "fault"; });
  if (daemon.status.converged || daemon.was_converged || is_explained) return;
  add_fault(out, "not_converged",
            {fmt::format("the host is {}: {}", host.state, daemon.status.reason),
             fmt::format("host {}", host.id), "covey query on all hosts, covey events"});
}

}  // namespace covey::doctor
