// SPDX-License-Identifier: BSD-3-Clause
// RuleControl: keeps the states of this host's port rules and tells the core of what changes, also
// when the classes are those of another configuration.
//
// Owner: control. Thread: the control thread. Whoever says something about a rule (commands, health
// checks) calls set() or set_health() here; the core hears of it at once. Names become map classes
// here and nowhere else.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/messages.h"
#include "control/convergence_driver.h"
#include "control/ports.h"
#include "control/rule_states.h"

namespace covey::control {

/// What `classes` are held back by, as the states say. `rules` by class: a name, or nothing.
void hold_back(const RuleStates& states, std::span<const std::string> rules,
               std::vector<convergence::ClassConfig>& classes);
[[nodiscard]] std::vector<std::string> names_by_class(const std::vector<api::RuleStatus>& rules,
                                                      std::size_t classes);

class RuleControl {
 public:
  RuleControl(ConvergenceDriver& driver, const DataPlaneView& view, RuleStates states)
      : driver_(driver), view_(view), states_(std::move(states)) {}

  /// Which of the rules were in another state.
  std::vector<std::string> set(std::span<const std::string> rules, RuleState state);
  /// True if that changes the rule's health.
  bool set_health(std::string_view rule, std::uint8_t percent);
  /// Of all rules: per cent by name, the whole where there is none.
  void set_health(const std::map<std::string, std::uint8_t>& shares);
  /// The workers follow another configuration: its rules are held back as their names were, and
  /// names that are gone are forgotten.
  void follow();

  [[nodiscard]] const RuleStates& states() const { return states_; }
  /// Of all rules with buckets; "default" is what no rule covers.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Rules that are held back wholly and have new connections here, since no other host takes them.
  [[nodiscard]] std::set<std::string> last_resorts() const;
  /// State, reason and per cent of a row, of a host in that state.
  void complete(api::RuleStatus& rule, convergence::HostState host) const;

 private:
  void tell();

  ConvergenceDriver& driver_;
  const DataPlaneView& view_;
  RuleStates states_;
};

}  // namespace covey::control
