// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_commands.h"

#include <algorithm>
#include <array>
#include <span>

namespace covey::control {

namespace {

using convergence::HostState;

constexpr std::string_view kAllRules = "all";
constexpr std::size_t kMostNamed = 8;  // in one sentence

struct RuleVerb {
  std::string_view verb;
  RuleState state;
  std::string_view effect;  // of the host, on a rule
};
constexpr std::array<RuleVerb, 3> kVerbs = {{
    {"enable", RuleState::enabled, " takes new connections of "},
    {"disable", RuleState::disabled, " drops everything of "},
    {"drain", RuleState::draining, " takes no new connections of "},
}};

InterpretedForRules refuse(int code, std::string text) {
  return {{}, {}, {false, std::move(text), code, {}}};
}

/// "rule web", "rules app, web", "rules a, b, c, d, e, f, g, h and 4 more".
std::string names_text(std::span<const std::string> rules) {
  std::string text = rules.size() == 1 ? "rule " : "rules ";
  for (std::size_t i = 0; i < std::min(rules.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : ", ") + rules[i];
  if (rules.size() > kMostNamed)
    text += " and " + std::to_string(rules.size() - kMostNamed) + " more";
  return text;
}

/// Why the new state of a rule is not all that counts.
std::string reservation(RuleState state, HostState host) {
  switch (host) {
    case HostState::stopped:
    case HostState::suspended:
      return "; it counts when the host is started, which is " + std::string(name(host));
    case HostState::draining:
      return state == RuleState::enabled ? "; but the host drains" : "";
    case HostState::joining:
    case HostState::converging:
    case HostState::converged:
    case HostState::isolated:
      break;
  }
  return "";
}

std::vector<std::string> rules_with_buckets(std::span<const api::RuleStatus> rules) {
  std::vector<std::string> names;
  for (const api::RuleStatus& rule : rules) {
    if (rule.map_class >= 0 && rule.mode != "default") names.push_back(rule.rule);
  }
  return names;
}

}  // namespace

bool is_rule_verb(std::string_view verb) {
  return std::ranges::count(kVerbs, verb, &RuleVerb::verb) > 0;
}

std::string change_text(const std::vector<std::string>& rules, RuleState state) {
  return names_text(rules) + ": " + std::string(name(state));
}

InterpretedForRules interpret_for_rules(const api::CommandRequest& request,
                                        const CommandContext& context, const RuleStates& states) {
  const RuleVerb& verb = *std::ranges::find(kVerbs, request.verb, &RuleVerb::verb);
  InterpretedForRules result{{}, verb.state, {true, "", kDone, {}}};
  if (request.target == kAllRules) {
    result.rules = rules_with_buckets(context.rules);
    if (result.rules.empty()) return refuse(kRefused, "there are no port rules with connections");
  } else {
    const auto rule = std::ranges::find(context.rules, request.target, &api::RuleStatus::rule);
    if (rule == context.rules.end()) {
      return refuse(kUsage, "no port rule is named \"" + request.target + "\"");
    }
    if (rule->map_class < 0) {
      return refuse(kRefused, "rule " + rule->rule + " is of mode " + rule->mode +
                                  " on all hosts: only a changed configuration can enable it");
    }
    result.rules = {rule->rule};
  }
  const std::string names = names_text(result.rules);
  const std::string host = "host " + context.host_name;
  std::erase_if(result.rules,
                [&](const std::string& rule) { return states.state(rule) == verb.state; });
  const std::string text = result.rules.empty() ? names + " on " + host + ": " +
                                                      std::string(name(verb.state)) + " already"
                                                : host + std::string(verb.effect) + names;
  result.reply.text = text + reservation(verb.state, context.state);
  const bool is_kept_out = verb.state == RuleState::enabled && request.target != kAllRules &&
                           states.health(request.target) == 0;
  if (is_kept_out) result.reply.text += "; but its service is not well";
  return result;
}

}  // namespace covey::control
