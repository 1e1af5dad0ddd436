// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_control.h"

#include <algorithm>

namespace covey::control {

void hold_back(const RuleStates& states, std::span<const std::string> rules,
               std::vector<convergence::ClassConfig>& classes) {
  for (std::size_t c = 0; c < std::min(classes.size(), rules.size()); ++c) {
    const RulePart part = rules[c].empty() ? RulePart{} : states.part(rules[c]);
    classes[c].percent = part.percent;
    classes[c].closed = part.closed;
    classes[c].last_resort = part.last_resort;
  }
}

std::vector<std::string> names_by_class(const std::vector<api::RuleStatus>& rules,
                                        std::size_t classes) {
  std::vector<std::string> names(classes);
  for (const api::RuleStatus& rule : rules) {
    const auto c = static_cast<std::size_t>(rule.map_class);
    if (rule.map_class >= 0 && c < classes) names[c] = rule.rule;
  }
  return names;
}

std::vector<std::string> RuleControl::set(std::span<const std::string> rules, RuleState state) {
  std::vector<std::string> changed;
  for (const std::string& rule : rules) {
    if (states_.set(rule, state)) changed.push_back(rule);
  }
  tell();
  return changed;
}

bool RuleControl::set_health(std::string_view rule, std::uint8_t percent) {
  const bool is_new = states_.set_health(rule, percent);
  if (is_new) tell();
  return is_new;
}

void RuleControl::set_health(const std::map<std::string, std::uint8_t>& shares) {
  bool is_new = false;
  for (const std::string& rule : names()) {
    if (!shares.contains(rule))
      is_new = states_.set_health(rule, convergence::kWholePart) || is_new;
  }
  for (const auto& [rule, percent] : shares)
    is_new = states_.set_health(rule, percent) || is_new;
  if (is_new) tell();
}

std::vector<std::string> RuleControl::names() const {
  std::vector<std::string> names;
  for (const api::RuleStatus& rule : view_.rules()) {
    if (rule.map_class >= 0) names.push_back(rule.rule);
  }
  return names;
}

std::set<std::string> RuleControl::last_resorts() const {
  std::set<std::string> found;
  if (!driver_.status().converged) return found;
  for (const api::RuleStatus& rule : view_.rules()) {
    if (rule.map_class < 0) continue;
    const base::ClassIndex map_class{static_cast<std::uint16_t>(rule.map_class)};
    const convergence::ClassConfig& part = driver_.node().part(map_class);
    if (part.percent == 0 && part.last_resort && driver_.node().claims(map_class).count() > 0)
      found.insert(rule.rule);
  }
  return found;
}

void RuleControl::follow() {
  std::vector<std::string> names;
  for (const api::RuleStatus& rule : view_.rules())
    names.push_back(rule.rule);
  states_.forget_all_but(names);
  tell();
}

void RuleControl::tell() {
  const std::size_t classes = driver_.node().configuration().classes.size();
  const std::vector<std::string> names = names_by_class(view_.rules(), classes);
  for (std::uint16_t c = 0; c < names.size(); ++c) {
    if (names[c].empty()) continue;
    const RulePart part = states_.part(names[c]);
    const convergence::ClassConfig& present = driver_.node().part({c});
    if (RulePart{present.percent, present.closed, present.last_resort} == part) continue;
    driver_.command({.verb = convergence::Verb::hold_back,
                     .map_class = {c},
                     .percent = part.percent,
                     .closed = part.closed,
                     .last_resort = part.last_resort});
  }
}

void RuleControl::complete(api::RuleStatus& rule, convergence::HostState host) const {
  const RuleState state = states_.state(rule.rule);
  const RulePart part = states_.part(rule.rule);
  rule.percent = rule.map_class < 0 ? 0 : part.percent;
  if (rule.map_class < 0) {
    rule.state = name(RuleState::disabled);
    rule.reason = "configuration";
  } else if (state != RuleState::enabled) {
    rule.state = name(state);
    rule.reason = "operator";
  } else if (host == convergence::HostState::draining) {
    rule.state = name(RuleState::draining);
    rule.reason = "host";
  } else {
    rule.state = name(part.percent == 0 ? RuleState::draining : RuleState::enabled);
    rule.reason = part.percent < convergence::kWholePart ? "health" : "";
  }
}

}  // namespace covey::control
