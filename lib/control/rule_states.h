// SPDX-License-Identifier: BSD-3-Clause
// RuleStates: how far this host is held back in each port rule, merged from all who may say so: the
// operator (enable, drain, disable) and the health of the service behind the rule.
//
// Owner: control. Thread: any, one at a time; pure. Rules are known by their names, so that a state
// outlives a reload that changes the rule; "default" is what no rule covers. Whoever says less is
// heard: a rule that the operator drains stays so however healthy it is.
// Health comes in by set_health(rule, percent): 0 takes no new connections unless all other hosts
// are ill as well, while what the operator drains is drained everywhere; 100 takes all of the
// share, which is also what counts while nobody has said anything. Nothing is kept of it over a
// restart. What is to be told to the core is part(); RuleControl (rule_control.h) does so, and has
// a set_health() of its own for that.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "convergence/staging.h"

namespace covey::control {

/// The operator's will.
enum class RuleState : std::uint8_t {
  enabled,
  draining,  // no new connections; those that there are go on
  disabled,  // none at all on this host
};
[[nodiscard]] std::string_view name(RuleState state);

/// What the core is to be told, see convergence::ClassConfig.
struct RulePart {
  std::uint8_t percent = convergence::kWholePart;
  bool closed = false;
  bool last_resort = false;  // the service is ill: takes its part where nobody else takes any
  friend bool operator==(const RulePart&, const RulePart&) = default;
};

class RuleStates {
 public:
  using Kept = std::map<std::string, RuleState, std::less<>>;

  RuleStates() = default;
  /// As they were kept before a restart.
  explicit RuleStates(const Kept& kept);

  /// True if that changes the operator's state of the rule.
  bool set(std::string_view rule, RuleState state);
  /// True if that changes the rule's health. More than 100 is 100.
  bool set_health(std::string_view rule, std::uint8_t percent);

  [[nodiscard]] RuleState state(std::string_view rule) const;
  [[nodiscard]] std::uint8_t health(std::string_view rule) const;
  [[nodiscard]] RulePart part(std::string_view rule) const;

  /// Whether there is a rule that does not take its whole part.
  [[nodiscard]] bool hold_anything() const;
  /// The operator's states that are not `enabled`.
  [[nodiscard]] Kept kept() const;
  /// Forgets rules that there are no more.
  void forget_all_but(std::span<const std::string> rules);

 private:
  struct Reasons {
    RuleState by_operator = RuleState::enabled;
    std::uint8_t health = convergence::kWholePart;
  };
  [[nodiscard]] Reasons reasons(std::string_view rule) const;

  std::map<std::string, Reasons, std::less<>> rules_;
};

}  // namespace covey::control
