// SPDX-License-Identifier: BSD-3-Clause
// Rule commands: enable, disable and drain, for one port rule or all of them -> what to change and
// the reply.
//
// Owner: control. Thread: any; pure. As commands.h, whose words they share; nothing is changed
// here. A rule's state is the operator's will and independent of the host's: `enable` starts no
// host, `start` enables no rule, and what is said while the host is stopped counts from its next
// start on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/messages.h"
#include "control/commands.h"
#include "control/rule_states.h"

namespace covey::control {

[[nodiscard]] bool is_rule_verb(std::string_view verb);

struct InterpretedForRules {
  std::vector<std::string> rules;  // that are to be in the state; empty: nothing is to be done
  RuleState state = RuleState::enabled;
  api::CommandReply reply;
};

/// Of a request with such a verb. Its target is the name of a port rule, "default" (what no rule
/// covers), or "all" (every port rule, but not that).
[[nodiscard]] InterpretedForRules interpret_for_rules(const api::CommandRequest& request,
                                                      const CommandContext& context,
                                                      const RuleStates& states);

/// "rule web: draining", of several "rules app, web: enabled": the detail of an event.
[[nodiscard]] std::string change_text(const std::vector<std::string>& rules, RuleState state);

}  // namespace covey::control
