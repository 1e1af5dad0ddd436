// SPDX-License-Identifier: BSD-3-Clause
#include "control/commands.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "control/rule_commands.h"

namespace covey::control {

namespace {

using convergence::HostState;
using convergence::OperatorCommand;
using convergence::Verb;

constexpr std::uint16_t kEqualWeight = 50;  // what `equal` stands for, as in NLB
constexpr std::uint16_t kMaxWeight = 100;
constexpr std::int64_t kMaxDrainMs = 7LL * 24 * 3600 * 1000;  // a drain of weeks is a typing error

Interpreted answer(int code, std::string text) {
  return {std::nullopt, {code == kDone, std::move(text), code, {}}};
}

Interpreted order(OperatorCommand command, std::string text) {
  return {command, {true, std::move(text), kDone, {}}};
}

std::string me(const CommandContext& context) {
  return "host " + context.host_name;
}

Interpreted start(const api::CommandRequest&, const CommandContext& context) {
  if (context.state == HostState::suspended) {
    return answer(kRefused, me(context) + " is suspended: resume it first");
  }
  // A draining host goes back to taking its full part.
  if (context.state != HostState::stopped && context.state != HostState::draining) {
    return answer(kDone, me(context) + " is started already");
  }
  return order({Verb::start, {}, 0, {}}, me(context) + " starts");
}

Interpreted stop(const api::CommandRequest&, const CommandContext& context) {
  if (context.state == HostState::stopped || context.state == HostState::suspended) {
    return answer(kDone, me(context) + " is stopped already");
  }
  return order({Verb::stop, {}, 0, {}}, me(context) + " stops");
}

Interpreted drainstop(const api::CommandRequest& request, const CommandContext& context) {
  if (request.timeout_ms < 0 || request.timeout_ms > kMaxDrainMs) {
    return answer(kUsage, "timeout: not between 0 and 7 days");
  }
  if (context.state == HostState::stopped || context.state == HostState::suspended) {
    return answer(kDone, me(context) + " is stopped already");
  }
  return order({Verb::drainstop, {}, 0, std::chrono::milliseconds(request.timeout_ms)},
               me(context) + " takes no new connections and stops when the last one has ended");
}

Interpreted suspend(const api::CommandRequest&, const CommandContext& context) {
  if (context.state == HostState::suspended) {
    return answer(kDone, me(context) + " is suspended already");
  }
  return order({Verb::suspend, {}, 0, {}}, me(context) + " is suspended");
}

Interpreted resume(const api::CommandRequest&, const CommandContext& context) {
  if (context.state != HostState::suspended) {
    return answer(kDone, me(context) + " is not suspended");
  }
  return order({Verb::resume, {}, 0, {}}, me(context) + " is resumed");
}

std::optional<std::uint16_t> weight_from(const std::string& text) {
  if (text == "equal") return kEqualWeight;
  std::uint16_t weight = 0;
  const char* end = text.data() + text.size();
  const auto [stop_at, error] = std::from_chars(text.data(), end, weight);
  if (error != std::errc() || stop_at != end || weight > kMaxWeight) return std::nullopt;
  return weight;
}

Interpreted weight(const api::CommandRequest& request, const CommandContext& context) {
  const auto rule = std::ranges::find(context.rules, request.target, &api::RuleStatus::rule);
  if (rule == context.rules.end()) {
    return answer(kUsage, "no port rule is named \"" + request.target + "\"");
  }
  if (rule->mode != "multiple" || rule->map_class < 0) {
    return answer(kRefused, "rule " + rule->rule + " is of mode " + rule->mode +
                                ": only rules of mode multiple have a weight");
  }
  const auto value = weight_from(request.value);
  if (!value) {
    return answer(kUsage, "not a weight: \"" + request.value + "\" (allowed: 0 to 100, or equal)");
  }
  return order(
      {.verb = Verb::set_weight,
       .map_class = base::ClassIndex{static_cast<std::uint16_t>(rule->map_class)},
       .weight = *value},
      "weight of " + me(context) + " for rule " + rule->rule + " is " + std::to_string(*value));
}

/// What a verb takes beside the host.
struct Takes {
  bool target = false;
  bool value = false;
  bool timeout = false;
};
constexpr Takes kRuleVerbTakes{.target = true};

struct Command {
  std::string_view verb;
  Interpreted (*interpret)(const api::CommandRequest& request, const CommandContext& context);
  Takes takes;
};
constexpr std::array<Command, 6> kCommands = {{
    {"start", start, {}},
    {"stop", stop, {}},
    {"drainstop", drainstop, {.timeout = true}},
    {"suspend", suspend, {}},
    {"resume", resume, {}},
    {"weight", weight, {.target = true, .value = true}},
}};

}  // namespace

std::string superfluous(const api::CommandRequest& request) {
  const auto command = std::ranges::find(kCommands, request.verb, &Command::verb);
  const bool is_for_rules = is_rule_verb(request.verb);
  if (command == kCommands.end() && !is_for_rules) return "";
  const Takes takes = is_for_rules ? kRuleVerbTakes : command->takes;
  const std::string with = ": not with " + request.verb;
  if (!request.target.empty() && !takes.target) return "target" + with;
  if (!request.value.empty() && !takes.value) return "value" + with;
  if (request.timeout_ms != 0 && !takes.timeout) return "timeout_ms" + with;
  return "";
}

Interpreted interpret(const api::CommandRequest& request, const CommandContext& context) {
  const auto command = std::ranges::find(kCommands, request.verb, &Command::verb);
  if (command == kCommands.end()) {
    return answer(kUsage,
                  "no such command: \"" + request.verb +
                      "\" (allowed: start, stop, drainstop, suspend, resume, weight, enable, "
                      "disable, drain)");
  }
  return command->interpret(request, context);
}

}  // namespace covey::control
