// SPDX-License-Identifier: BSD-3-Clause
#include "control/figures.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "api/numbers.h"

namespace covey::control {
namespace {

using telemetry::FigureList;
using telemetry::Figures;
using telemetry::FigureTable;

// A reply on that socket ends after 16 KiB.
constexpr std::size_t kRuleNamesPerAnswer = 128;

base::Error not_there(std::string_view what, std::string_view parameter) {
  return {base::ErrorCode::invalid_argument,
          "no " + std::string(what) + " \"" + std::string(parameter) + "\""};
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  return api::is_number(text, value) ? std::optional(value) : std::nullopt;
}

using Answer = base::Result<Figures> (*)(ApiService&, std::string_view parameter);

base::Result<Figures> cluster(ApiService& service, std::string_view) {
  const api::Status status = service.status();
  return FigureTable{{"cluster", status.cluster},
                     {"host", std::uint64_t{status.host.id}},
                     {"name", status.host.name},
                     {"state", status.host.state},
                     {"converged", std::uint64_t{status.converged}},
                     {"epoch", std::uint64_t{status.epoch}},
                     {"members", static_cast<std::uint64_t>(
                                     std::ranges::count_if(status.members, &api::Member::in_view))},
                     {"reason", status.reason}};
}

base::Result<Figures> hosts(ApiService& service, std::string_view) {
  FigureList ids;
  for (const api::Member& member : service.status().members)
    ids.emplace_back(std::uint64_t{member.id});
  return ids;
}

base::Result<Figures> host(ApiService& service, std::string_view parameter) {
  const api::Status status = service.status();
  const auto id = number(parameter);
  const auto found = std::ranges::find_if(
      status.members, [&](const api::Member& member) { return id && member.id == *id; });
  if (found == status.members.end()) return std::unexpected(not_there("host", parameter));
  return FigureTable{{"name", found->name},
                     {"state", found->state},
                     {"in_view", std::uint64_t{found->in_view}},
                     {"default_host", std::uint64_t{found->is_default}},
                     {"weight", std::uint64_t{found->weight}},
                     {"age_ms", static_cast<std::uint64_t>(found->age_ms)},
                     {"drained_rules", std::uint64_t{found->drains.size()}}};
}

base::Result<Figures> workers(ApiService& service, std::string_view) {
  FigureList numbers;
  for (std::size_t i = 0; i < service.stats().workers.size(); ++i)
    numbers.emplace_back(std::uint64_t{i});
  return numbers;
}

base::Result<Figures> worker(ApiService& service, std::string_view parameter) {
  const api::Stats stats = service.stats();
  const auto wanted = number(parameter);
  if (!wanted || *wanted >= stats.workers.size())
    return std::unexpected(not_there("worker", parameter));
  const api::WorkerStats& one = stats.workers[*wanted];
  return FigureTable{
      {"packets", one.packets},         {"bursts", one.bursts},           {"loops", one.loops},
      {"busy_cycles", one.busy_cycles}, {"idle_cycles", one.idle_cycles}, {"sleeps", one.sleeps}};
}

base::Result<Figures> ports(ApiService& service, std::string_view) {
  FigureList names;
  for (const auto& [name, port] : service.stats().ports)
    names.emplace_back(name);
  return names;
}

base::Result<Figures> port(ApiService& service, std::string_view parameter) {
  for (const auto& [name, one] : service.stats().ports) {
    if (name != parameter) continue;
    return FigureTable{{"link_up", std::uint64_t{one.link_up}},
                       {"rx_frames", one.rx_frames},
                       {"rx_bytes", one.rx_bytes},
                       {"rx_missed", one.rx_missed},
                       {"rx_errors", one.rx_errors},
                       {"tx_frames", one.tx_frames},
                       {"tx_bytes", one.tx_bytes},
                       {"tx_errors", one.tx_errors}};
  }
  return std::unexpected(not_there("port", parameter));
}

base::Result<Figures> verdicts(ApiService& service, std::string_view parameter) {
  const bool in_bytes = parameter == "bytes";
  if (!in_bytes && !parameter.empty()) return std::unexpected(not_there("count of", parameter));
  FigureTable table;
  for (const auto& [verdict, count] : service.stats().verdicts)
    table.emplace_back(verdict, in_bytes ? count.bytes : count.frames);
  return table;
}

base::Result<Figures> flows(ApiService& service, std::string_view) {
  const api::FlowStats counts = service.stats().flows;
  return FigureTable{{"established", counts.established}, {"half_open", counts.half_open},
                     {"created", counts.created},         {"expired", counts.expired},
                     {"evicted", counts.evicted},         {"untracked", counts.untracked},
                     {"capacity", counts.capacity}};
}

base::Result<Figures> heartbeats(ApiService& service, std::string_view) {
  const api::HeartbeatStats counts = service.stats().heartbeats;
  FigureTable table{{"sent", counts.sent},
                    {"send_failed", counts.send_failed},
                    {"received", counts.received},
                    {"fragments", counts.fragments},
                    {"lost", counts.lost}};
  for (const auto& [why, count] : counts.refused)
    table.emplace_back("refused_" + why, count);
  return table;
}

base::Result<Figures> rules(ApiService& service, std::string_view parameter) {
  const auto first = parameter.empty() ? std::optional<std::uint64_t>(0) : number(parameter);
  const std::vector<api::RuleStatus> all = service.rules();
  if (!first || *first >= all.size()) return std::unexpected(not_there("rule number", parameter));
  FigureList names;
  const std::size_t end = std::min(all.size(), *first + kRuleNamesPerAnswer);
  for (std::size_t i = *first; i < end; ++i)
    names.emplace_back(all[i].rule);
  return names;
}

base::Result<Figures> rule(ApiService& service, std::string_view parameter) {
  const std::vector<api::RuleStatus> all = service.rules();
  const auto found = std::ranges::find(all, parameter, &api::RuleStatus::rule);
  if (found == all.end()) return std::unexpected(not_there("rule", parameter));
  return FigureTable{{"state", found->state},
                     {"percent", std::uint64_t{found->percent}},
                     {"weight", std::uint64_t{found->weight}},
                     {"accepted", found->accepted},
                     {"dropped", found->dropped},
                     {"flows", found->flows},
                     {"buckets_owned", std::uint64_t{found->buckets.owned}},
                     {"buckets_dirty", std::uint64_t{found->buckets.dirty}},
                     {"buckets_total", std::uint64_t{found->buckets.total}}};
}

struct Command {
  std::string_view path;
  Answer answer;
  std::string_view help;
};

constexpr std::array kCommands{
    Command{"/covey/cluster", cluster, "This host in its cluster. Takes no parameters"},
    Command{"/covey/flows", flows, "Connections held, and what became of others. No parameters"},
    Command{"/covey/heartbeats", heartbeats, "Heartbeats sent, received, refused. No parameters"},
    Command{"/covey/host", host, "A host as this one sees it. Parameters: int host_id"},
    Command{"/covey/hosts", hosts, "Ids of the hosts that this one knows of. No parameters"},
    Command{"/covey/port", port, "Counters of a port. Parameters: string name"},
    Command{"/covey/ports", ports, "Names of the ports. Takes no parameters"},
    Command{"/covey/rule", rule, "Counters of a port rule. Parameters: string name"},
    Command{"/covey/rules", rules, "Names of 128 rules. Parameters: int first (optional)"},
    Command{"/covey/verdicts", verdicts, "Frames, or bytes, by verdict. Parameters: bytes or none"},
    Command{"/covey/worker", worker, "Counters of a worker. Parameters: int worker_id"},
    Command{"/covey/workers", workers, "Numbers of the workers. Takes no parameters"},
};

}  // namespace

std::vector<telemetry::FigureCommand> figure_commands() {
  std::vector<telemetry::FigureCommand> commands;
  for (const Command& command : kCommands)
    commands.push_back({std::string(command.path), std::string(command.help)});
  return commands;
}

base::Result<Figures> figures(ApiService& service, std::string_view path,
                              std::string_view parameter) {
  const auto found = std::ranges::find(kCommands, path, &Command::path);
  if (found == kCommands.end())
    return base::fail(base::ErrorCode::not_found, "no command " + std::string(path));
  return found->answer(service, parameter);
}

}  // namespace covey::control
