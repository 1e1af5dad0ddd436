// SPDX-License-Identifier: BSD-3-Clause
// What is asked and how it is answered; commands that need no daemon are in local_commands.cc.
#include "cli/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "cli/capture_command.h"
#include "cli/completion.h"
#include "cli/doctor_command.h"
#include "cli/endpoint.h"
#include "cli/explain_command.h"
#include "cli/key_commands.h"
#include "cli/live_values.h"
#include "cli/local_commands.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/watch_commands.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;
using Kind = Parameter::Kind;

/// What is shown is the view of the host that is asked: no other can be meant.
base::Result<void> check_host(const Context& context) {
  const std::string wanted = context.argument("HOST");
  if (wanted.empty()) return {};
  const auto status = context.client.ask<api::Status>("/v1/status");
  if (!status) return std::unexpected(status.error());
  const auto is_wanted = [&](const auto& host) {
    return wanted == host.name || wanted == fmt::format("{}", host.id);
  };
  const api::HostSummary& host = status->value.host;
  if (is_wanted(host)) return {};
  if (std::ranges::none_of(status->value.members, is_wanted)) {
    return fail(ErrorCode::invalid_argument, fmt::format("no host '{}' is known", wanted));
  }
  return fail(ErrorCode::refused,
              fmt::format("this is host {} ({}): run this command on host '{}' itself", host.id,
                          host.name, wanted));
}

base::Result<Exit> query(const Context& context) {
  if (const auto good = check_host(context); !good) return std::unexpected(good.error());
  const auto answer = context.client.ask<api::Status>("/v1/status");
  if (!answer) return std::unexpected(answer.error());
  print_line(context, context.json ? answer->json : show(answer->value, context.colours));
  return context.has("--check") && !answer->value.converged ? Exit::refused : Exit::ok;
}

base::Result<Exit> display(const Context& context) {
  return ask_and_show<api::ConfigReply>(
      context, "/v1/config", [](const api::ConfigReply& reply) { return printable(reply.yaml); });
}

base::Result<Exit> params(const Context& context) {
  return ask_and_show<std::vector<api::RuleStatus>>(
      context, "/v1/rules", [&](const auto& rules) { return show(rules, context.colours); });
}

base::Result<Exit> health(const Context& context) {
  return ask_and_show<std::vector<api::HealthRow>>(
      context, "/v1/health", [&](const auto& rows) { return show(rows, context.colours); });
}

bool may_be(const api::RuleStatus& rule, const PortTarget& target, std::string_view protocol) {
  if (rule.mode == "default" || !covers(rule.ports, target.port)) return false;
  if (!protocol.empty() && rule.protocol != "both" && rule.protocol != protocol) return false;
  if (rule.vip == "all" || !target.virtual_ip) return true;
  const auto vip = base::IpAddress::parse(rule.vip);
  return vip && *vip == *target.virtual_ip;
}

/// The rule for a port as the data plane chooses it: one of the virtual IP, else one of all, else
/// the default. Without a virtual IP, what holds for most addresses is meant.
const api::RuleStatus* find_rule(const std::vector<api::RuleStatus>& rules,
                                 const PortTarget& target, std::string_view protocol) {
  const api::RuleStatus* best = nullptr;
  for (const api::RuleStatus& rule : rules) {
    if (!may_be(rule, target, protocol)) continue;
    const bool is_preferred = (rule.vip == "all") != target.virtual_ip.has_value();
    if (best == nullptr || is_preferred) best = &rule;
    if (is_preferred) break;
  }
  if (best != nullptr) return best;
  const auto fallback =
      std::ranges::find(rules, std::string_view("default"), &api::RuleStatus::mode);
  return fallback == rules.end() ? nullptr : &*fallback;
}

base::Result<Exit> queryport(const Context& context) {
  const auto target = parse_port_target(context.argument("[VIP:]PORT"));
  if (!target) return std::unexpected(target.error());
  const auto rules = context.client.ask<std::vector<api::RuleStatus>>("/v1/rules");
  if (!rules) return std::unexpected(rules.error());
  const api::RuleStatus* rule = find_rule(rules->value, *target, context.argument("PROTOCOL"));
  if (rule == nullptr) return fail(ErrorCode::not_found, "no rule covers that port");
  print_line(context, context.json ? api::encode(*rule) : show(*rule));
  return Exit::ok;
}

base::Result<Exit> buckets(const Context& context) {
  const std::string rule = context.argument("RULE");
  const std::string target =
      rule.empty() ? "/v1/buckets" : fmt::format("/v1/buckets?rule={}", api::percent_encode(rule));
  const auto shown = [&](const api::BucketMaps& maps) {
    std::string text = show(maps, context.colours);
    if (!rule.empty()) {
      for (const api::BucketMap& map : maps.maps)
        text.append("\n").append(show_owners(map, context.colours));
    }
    return text;
  };
  return named_by_user(ask_and_show<api::BucketMaps>(context, target, shown));
}

base::Result<api::TraceRequest> trace_request(const Context& context) {
  api::TraceRequest request;
  if (context.has("N")) {
    const auto count = parse_number(context.argument("N"), "N", api::kMaxTraced);
    if (!count) return std::unexpected(count.error());
    request.count = *count;
  }
  if (context.has("--timeout")) {
    const auto timeout = base::parse_duration(context.argument("--timeout"));
    if (!timeout) return base::wrap("--timeout", timeout.error());
    request.timeout_ms = base::to_ms(*timeout);
  }
  request.verdict = context.argument("--verdict");
  if (context.has("--host")) {
    const auto host = base::IpAddress::parse(context.argument("--host"));
    if (!host) return base::wrap("--host", host.error());
    request.host = *host;
  }
  return request;
}

base::Result<Exit> trace(const Context& context) {
  const auto request = trace_request(context);
  if (!request) return std::unexpected(request.error());
  const auto answer =
      context.client.ask<api::TraceReply>(fmt::format("/v1/trace?{}", api::to_query(*request)),
                                          std::chrono::milliseconds(request->timeout_ms));
  if (!answer) return std::unexpected(answer.error());
  print_line(context,
             context.json ? answer->json : show(answer->value, request->count, context.colours));
  return Exit::ok;
}

base::Result<Exit> flows(const Context& context) {
  api::FlowsRequest request;
  if (context.has("--limit")) {
    const auto limit = parse_number(context.argument("--limit"), "--limit", api::kMaxFlowRows);
    if (!limit) return std::unexpected(limit.error());
    request.limit = *limit;
  }
  if (context.has("--bucket")) {
    const auto bucket =
        parse_number(context.argument("--bucket"), "--bucket", base::kMaxBuckets - 1);
    if (!bucket) return std::unexpected(bucket.error());
    request.bucket = static_cast<std::uint32_t>(*bucket);
  }
  request.rule = context.argument("--rule");
  return named_by_user(ask_and_show<std::vector<api::FlowRow>>(
      context, fmt::format("/v1/flows?{}", api::to_query(request)),
      [&](const auto& rows) { return show(rows, context.colours); }));
}

base::Result<Exit> history(const Context& context) {
  return ask_and_show<std::vector<api::HistoryRow>>(
      context, "/v1/history", [&](const auto& rows) { return show(rows, context.colours); });
}

base::Result<Exit> order(const Context& context, const api::CommandRequest& request) {
  return finish_order(context, context.client.command(request));
}

base::Result<Exit> start(const Context& context) {
  return order(context, {"start", "", "", 0, context.argument("HOST")});
}
base::Result<Exit> stop(const Context& context) {
  return order(context, {"stop", "", "", 0, context.argument("HOST")});
}
base::Result<Exit> suspend(const Context& context) {
  return order(context, {"suspend", "", "", 0, context.argument("HOST")});
}
base::Result<Exit> resume(const Context& context) {
  return order(context, {"resume", "", "", 0, context.argument("HOST")});
}

base::Result<Exit> drainstop(const Context& context) {
  api::CommandRequest request{"drainstop", "", "", 0, context.argument("HOST")};
  if (context.has("--timeout")) {
    const auto timeout = base::parse_duration(context.argument("--timeout"));
    if (!timeout) return base::wrap("--timeout", timeout.error());
    request.timeout_ms = base::to_ms(*timeout);
  }
  return order(context, request);
}

base::Result<Exit> weight(const Context& context) {
  return order(context, {"weight", context.argument("RULE"), context.argument("WEIGHT"), 0,
                         context.argument("HOST")});
}

/// Of a port, the one rule that covers it; whatever else it is, the daemon judges it.
base::Result<std::string> rule_meant(const Context& context) {
  const std::string given = context.argument("RULE|[VIP:]PORT");
  const auto target = parse_port_target(given);
  if (!target) return given;
  const auto rules = context.client.ask<std::vector<api::RuleStatus>>("/v1/rules");
  if (!rules) return std::unexpected(rules.error());
  const auto is_named = [&](const api::RuleStatus& rule) { return rule.rule == given; };
  if (std::ranges::any_of(rules->value, is_named)) return given;
  std::vector<std::string_view> names;
  for (const std::string_view protocol : {"tcp", "udp"}) {
    const api::RuleStatus* rule = find_rule(rules->value, *target, protocol);
    const bool is_new = rule != nullptr && rule->mode != "default" &&
                        std::ranges::find(names, rule->rule) == names.end();
    if (is_new) names.emplace_back(rule->rule);
  }
  if (names.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("no port rule covers {}", given));
  }
  if (names.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is covered by rules {}: name one", given, fmt::join(names, ", ")));
  }
  return std::string(names.front());
}

base::Result<Exit> order_for_rule(const Context& context, const std::string& verb) {
  const auto rule = rule_meant(context);
  if (!rule) return std::unexpected(rule.error());
  return order(context, {verb, *rule, "", 0, context.argument("HOST")});
}
base::Result<Exit> enable(const Context& context) {
  return order_for_rule(context, "enable");
}
base::Result<Exit> disable(const Context& context) {
  return order_for_rule(context, "disable");
}
base::Result<Exit> drain(const Context& context) {
  return order_for_rule(context, "drain");
}

base::Result<Exit> reload(const Context& context) {
  const auto answer = context.client.reload();
  if (!answer) return std::unexpected(answer.error());
  print_line(context, context.json ? answer->json : show(answer->value));
  return status_of(answer->value);
}

constexpr Parameter kHost{Kind::optional, "HOST",
                          "id, name or all; left out: the host that is asked", Values::host, "all"};
constexpr Parameter kRule{Kind::required, "RULE|[VIP:]PORT",
                          "a rule, or a port of one; all: every rule; default: no rule",
                          Values::rule, "all default"};
constexpr Parameter kProtocol{Kind::required, "PROTOCOL", "tcp or udp", Values::only_words,
                              "tcp udp"};

constexpr auto kCommands = std::to_array<Command>({
    {"query",
     "state of the cluster, and why it is not converged",
     query,
     {{{Kind::optional, "HOST", "its id or name, to be sure which host answers", Values::host},
       {Kind::flag, "--check", "exit with 5 unless the host is converged"}}}},
    {"display", "effective configuration, as YAML", display},
    {"params", "port rules the data plane runs with", params},
    {"health", "health checks: what was answered, and what follows from it", health},
    {"queryport",
     "rule of a port: its state, counters, buckets",
     queryport,
     {{{Kind::required, "[VIP:]PORT", "such as 80, 10.77.0.50:80 or [2001:db8::50]:80",
        Values::service},
       {Kind::optional, "PROTOCOL", "tcp or udp, where they have different rules",
        Values::only_words, "tcp udp"}}}},
    {"explain",
     "what would happen to a packet, and why",
     explain,
     {{kProtocol,
       {Kind::required, "SOURCE:PORT", "such as 10.77.0.100:40000"},
       {Kind::required, "DESTINATION:PORT", "such as 10.77.0.50:80", Values::service},
       {Kind::option, "--flags", "TCP flags, such as syn (the default) or ack or syn,ack",
        Values::free, "syn ack syn,ack rst fin,ack"},
       {Kind::option, "--without", "and who would own the bucket if this host were gone",
        Values::host},
       {Kind::option, "-f", "answer from this configuration file, without a daemon", Values::file},
       {Kind::option, "--own", "with -f: the host that judges; else host.id of the file"},
       {Kind::option, "--hosts", "with -f: who shares the buckets, such as 1-3; else that host"},
       {Kind::flag, "--no-key", "with -f: without the key, so not with the true bucket"}}}},
    {"stats",
     "counters: verdicts, ports, workers, heartbeats, flows",
     stats,
     {{{Kind::flag, "--all", "verdicts that never happened, too"},
       {Kind::flag, "--rate", "per second, of what happens from now on"},
       {Kind::option, "--interval", "with --rate: for so long, 10ms..1h (1s)"}}}},
    {"buckets",
     "how many buckets each host owns; of one rule, which",
     buckets,
     {{{Kind::optional, "RULE", "a port rule, or default, or spread", Values::rule,
        "default spread"}}}},
    {"flows",
     "connections this host holds",
     flows,
     {{{Kind::option, "--bucket", "only those in the bucket of this number"},
       {Kind::option, "--rule", "only those of this rule, or of default", Values::rule, "default"},
       {Kind::option, "--limit", "show at most so many (100)"}}}},
    {"trace",
     "the next packets, and what is done with each of them, and why",
     trace,
     {{{Kind::optional, "N", "so many packets, 1..10000 (10)"},
       {Kind::option, "--timeout", "show what came until then, such as 1m (10s)"},
       {Kind::option, "--verdict", "only packets with this one, such as drop_not_owner",
        Values::verdict},
       {Kind::option, "--host", "only IP packets from or to this address"}}}},
    {"capture",
     "packets with the verdict of each, for Wireshark, until Ctrl-C",
     capture,
     {{{Kind::required, "FILE", "new pcapng file; - is the standard output", Values::file},
       {Kind::optional, "FILTER", "which packets, as tcpdump says it: 'tcp port 80'"},
       {Kind::option, "--count", "end after so many packets"},
       {Kind::option, "--time", "end after this time, such as 10s (24h)"}}}},
    {"doctor",
     "what is wrong with the daemon or this machine, and how to cure it",
     doctor,
     {{{Kind::option, "-f", "judge by this configuration file, with or without a daemon",
        Values::file},
       {Kind::option, "--time", "watch the counters for so long, 0s..1m (1s)"}}}},
    {"history", "past convergences", history},
    {"events",
     "what happened lately, or as it happens",
     events,
     {{{Kind::flag, "--follow", "and what happens from now on, until Ctrl-C"},
       {Kind::option, "--since", "only events with a number above this one"}}}},
    {"top",
     "the cluster and this host's load, live; q ends it",
     top,
     {{{Kind::flag, "--once", "print it once instead, without a terminal"},
       {Kind::option, "--interval", "between two looks, 10ms..1h (1s)"}}}},
    {"start", "join the cluster", start, {{kHost}}},
    {"stop", "leave now; connections end", stop, {{kHost}}},
    {"drainstop",
     "take no new connections, leave when the last one has ended",
     drainstop,
     {{kHost, {Kind::option, "--timeout", "leave anyhow after this time, such as 10m"}}}},
    {"suspend", "stop, and refuse to start until resumed", suspend, {{kHost}}},
    {"resume", "end a suspension", resume, {{kHost}}},
    {"weight",
     "change a host's share of a rule at run time",
     weight,
     {{{Kind::required, "RULE", "a port rule of mode multiple", Values::rule},
       {Kind::required, "WEIGHT", "0..100 or equal", Values::free, "equal"},
       kHost}}},
    {"enable", "take a port rule again, all of this host's part", enable, {{kRule, kHost}}},
    {"disable", "drop everything of a port rule, also its connections", disable, {{kRule, kHost}}},
    {"drain",
     "take no new connections of a port rule; those there are go on",
     drain,
     {{kRule, kHost}}},
    {"reload", "read the configuration file again; a bad one changes nothing", reload},
    {"ip2mac",
     "cluster MACs of the three modes",
     ip2mac,
     {{{Kind::optional, "IP", "left out: the first virtual IP of the daemon",
        Values::virtual_ip}}}},
    {"keygen",
     "make a cluster key",
     keygen,
     {{{Kind::optional, "FILE", "new file of mode 0600; left out: print it", Values::file}}}},
    {"key",
     "change the cluster key: list, add FILE, add --generate, retire ID",
     key,
     {{{Kind::required, "ACTION", "list (who holds which), add or retire", Values::only_words,
        "list add retire"},
       {Kind::optional, "FILE|ID", "add: a file with the new key; retire: the old key's number",
        Values::file},
       {Kind::flag, "--generate", "add: a key that the daemon makes, into its key file"},
       {Kind::flag, "--force", "retire: although another host needs the key"}}}},
    {"completion",
     "a script that completes command lines in a shell",
     completion,
     {{{Kind::required, "SHELL", "bash, zsh or fish", Values::only_words, "bash zsh fish"}}}},
    {"version", "version of this program", version},
    {"__complete",
     "what the daemon knows, for the scripts of `covey completion`",
     complete,
     {{{Kind::required, "KIND", "of value", Values::only_words,
        "host rule virtual_ip service verdict"}}}},
});

static_assert(kDefaultSocket == "/run/covey/coveyd.sock", "the help of --socket names it");
constexpr auto kCommonOptions = std::to_array<CommonOption>({
    {"-s",
     "SOCKET",
     {Kind::option, "--socket", "of the daemon (/run/covey/coveyd.sock)", Values::file}},
    {"", "", {Kind::flag, "--json", "the daemon's answer, for programs"}},
    {"", "", {Kind::flag, "--no-color", "no colours at a terminal, as the environment's NO_COLOR"}},
    {"-h", "", {Kind::flag, "--help", "how it is used; of a command: covey COMMAND --help"}},
});

constexpr auto kExitStatuses = std::to_array<ExitStatus>({
    {Exit::ok, "done"},
    {Exit::failed, "failed, for another reason than those below; doctor: found a fault"},
    {Exit::usage, "the command line is wrong, or names what is not there"},
    {Exit::invalid_configuration, "reload, explain -f: the configuration file has mistakes"},
    {Exit::unreachable, "the daemon cannot be reached"},
    {Exit::refused, "refused; query --check: not converged"},
    {Exit::timed_out, "no answer in time"},
});

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::span<const CommonOption> common_options() {
  return kCommonOptions;
}

std::span<const ExitStatus> exit_statuses() {
  return kExitStatuses;
}

std::span<const Parameter> Command::given() const {
  const auto end = std::ranges::find_if(parameters, &std::string_view::empty, &Parameter::name);
  return {parameters.begin(), end};
}

std::string usage_of(const Command& command) {
  std::string text(command.name);
  for (const Parameter& parameter : command.given()) {
    switch (parameter.kind) {
      case Parameter::Kind::required:
        text += fmt::format(" {}", parameter.name);
        break;
      case Parameter::Kind::optional:
        text += fmt::format(" [{}]", parameter.name);
        break;
      case Parameter::Kind::option:
        text += fmt::format(" [{} VALUE]", parameter.name);
        break;
      case Parameter::Kind::flag:
        text += fmt::format(" [{}]", parameter.name);
        break;
    }
  }
  return text;
}

std::vector<std::string_view> words_of(const Parameter& parameter) {
  std::vector<std::string_view> words;
  for (std::string_view rest = parameter.words; !rest.empty();) {
    words.push_back(rest.substr(0, rest.find(' ')));
    rest.remove_prefix(std::min(words.back().size() + 1, rest.size()));
  }
  return words;
}

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return Exit::usage;
    case ErrorCode::unavailable:
      return Exit::unreachable;
    case ErrorCode::refused:
      return Exit::refused;
    case ErrorCode::timed_out:
      return Exit::timed_out;
    case ErrorCode::not_found:
    case ErrorCode::permission_denied:
    case ErrorCode::io:
    case ErrorCode::unsupported:
    case ErrorCode::corrupt:
      return Exit::failed;
  }
  return Exit::failed;
}

}  // namespace covey::cli
