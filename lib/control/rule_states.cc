// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_states.h"

#include <algorithm>
#include <utility>

namespace covey::control {

std::string_view name(RuleState state) {
  switch (state) {
    case RuleState::enabled:
      return "enabled";
    case RuleState::draining:
      return "draining";
    case RuleState::disabled:
      return "disabled";
  }
  return "";
}

RuleStates::RuleStates(const Kept& kept) {
  for (const auto& [rule, state] : kept)
    rules_[rule].by_operator = state;
}

bool RuleStates::set(std::string_view rule, RuleState state) {
  return std::exchange(rules_[std::string(rule)].by_operator, state) != state;
}

bool RuleStates::set_health(std::string_view rule, std::uint8_t percent) {
  const std::uint8_t health = std::min(percent, convergence::kWholePart);
  return std::exchange(rules_[std::string(rule)].health, health) != health;
}

RuleStates::Reasons RuleStates::reasons(std::string_view rule) const {
  const auto found = rules_.find(rule);
  return found == rules_.end() ? Reasons{} : found->second;
}

RuleState RuleStates::state(std::string_view rule) const {
  return reasons(rule).by_operator;
}

std::uint8_t RuleStates::health(std::string_view rule) const {
  return reasons(rule).health;
}

RulePart RuleStates::part(std::string_view rule) const {
  const Reasons reasons = this->reasons(rule);
  if (reasons.by_operator == RuleState::enabled)
    return {reasons.health, false, reasons.health == 0};
  return {0, reasons.by_operator == RuleState::disabled, false};
}

bool RuleStates::hold_anything() const {
  return std::ranges::any_of(rules_,
                             [this](const auto& known) { return part(known.first) != RulePart{}; });
}

RuleStates::Kept RuleStates::kept() const {
  Kept kept;
  for (const auto& [rule, reasons] : rules_) {
    if (reasons.by_operator != RuleState::enabled) kept.emplace(rule, reasons.by_operator);
  }
  return kept;
}

void RuleStates::forget_all_but(std::span<const std::string> rules) {
  std::erase_if(rules_,
                [rules](const auto& known) { return !std::ranges::count(rules, known.first); });
}

}  // namespace covey::control
