// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_commands.h"

#include <catch2/catch.hpp>

namespace covey::control {

namespace {

using convergence::HostState;
using Names = std::vector<std::string>;

api::RuleStatus rule(const std::string& name, const std::string& mode, int map_class) {
  api::RuleStatus row;
  row.rule = name;
  row.mode = mode;
  row.map_class = map_class;
  return row;
}

InterpretedForRules ask(const std::string& verb, const std::string& target,
                        HostState state = HostState::converged, const RuleStates& states = {}) {
  static const std::vector<api::RuleStatus> rules = {
      rule("web", "multiple", 2), rule("db", "single", 3), rule("block", "disabled", -1),
      rule("default", "default", 0)};
  return interpret_for_rules({verb, target, "", 0, ""}, {"web1", state, rules}, states);
}

}  // namespace

TEST_CASE("only these three verbs are about rules") {
  CHECK(is_rule_verb("enable"));
  CHECK(is_rule_verb("disable"));
  CHECK(is_rule_verb("drain"));
  CHECK_FALSE(is_rule_verb("drainstop"));
  CHECK_FALSE(is_rule_verb(""));
}

TEST_CASE("a rule of mode multiple or single can be drained, disabled and enabled") {
  const InterpretedForRules drain = ask("drain", "web");
  CHECK(drain.rules == Names{"web"});
  CHECK(drain.state == RuleState::draining);
  CHECK(drain.reply.ok);
  CHECK(drain.reply.text == "host web1 takes no new connections of rule web");
  const InterpretedForRules disable = ask("disable", "db");
  CHECK(disable.state == RuleState::disabled);
  CHECK(disable.reply.text == "host web1 drops everything of rule db");
  RuleStates states;
  states.set("web", RuleState::disabled);
  const InterpretedForRules enable = ask("enable", "web", HostState::converged, states);
  CHECK(enable.rules == Names{"web"});
  CHECK(enable.reply.text == "host web1 takes new connections of rule web");
}

TEST_CASE("what is so already is no change, and succeeds") {
  RuleStates states;
  states.set("web", RuleState::draining);
  const InterpretedForRules again = ask("drain", "web", HostState::converged, states);
  CHECK(again.rules.empty());
  CHECK(again.reply.ok);
  CHECK(again.reply.text == "rule web on host web1: draining already");
  CHECK(ask("enable", "db").reply.text == "rule db on host web1: enabled already");
}

TEST_CASE("all means every port rule that has connections, but not what no rule covers") {
  RuleStates states;
  states.set("db", RuleState::draining);
  states.set("default", RuleState::draining);
  const InterpretedForRules all = ask("drain", "all", HostState::converged, states);
  CHECK(all.rules == Names{"web"});
  CHECK(all.reply.text == "host web1 takes no new connections of rules web, db");
  CHECK(ask("enable", "all", HostState::converged, states).rules == Names{"db"});
  CHECK(ask("drain", "default").rules == Names{"default"});
  const std::vector<api::RuleStatus> blocked = {rule("block", "disabled", -1),
                                                rule("default", "default", 0)};
  const InterpretedForRules none =
      interpret_for_rules({"drain", "all", "", 0, ""}, {"web1", HostState::converged, blocked}, {});
  CHECK(none.reply.code == kRefused);
  CHECK(none.rules.empty());
}

TEST_CASE("a rule that is disabled on all hosts, or not there, is refused") {
  const InterpretedForRules block = ask("enable", "block");
  CHECK(block.rules.empty());
  CHECK(block.reply.code == kRefused);
  CHECK(block.reply.text ==
        "rule block is of mode disabled on all hosts: only a changed configuration can enable it");
  for (const char* target : {"wbe", "", "80"}) {
    const InterpretedForRules unknown = ask("drain", target);
    CHECK_FALSE(unknown.reply.ok);
    CHECK(unknown.reply.code == kUsage);
    CHECK(unknown.reply.text ==
          std::string("no port rule is named \"").append(target).append("\""));
  }
}

TEST_CASE("a rule's state is independent of the host's, and the answer says what counts") {
  CHECK(ask("enable", "web", HostState::stopped).rules.empty());
  const InterpretedForRules stopped = ask("drain", "web", HostState::stopped);
  CHECK(stopped.rules == Names{"web"});
  CHECK(stopped.reply.text ==
        "host web1 takes no new connections of rule web; it counts when the host is started, "
        "which is stopped");
  CHECK(ask("drain", "web", HostState::suspended).reply.text.ends_with("which is suspended"));
  RuleStates states;
  states.set("web", RuleState::draining);
  CHECK(ask("enable", "web", HostState::draining, states).reply.text ==
        "host web1 takes new connections of rule web; but the host drains");
  CHECK(ask("disable", "web", HostState::draining).reply.text ==
        "host web1 drops everything of rule web");
  states.set_health("web", 0);
  CHECK(ask("enable", "web", HostState::converged, states).reply.text ==
        "host web1 takes new connections of rule web; but its service is not well");
  CHECK(ask("disable", "web", HostState::converged, states).reply.text ==
        "host web1 drops everything of rule web");
}

TEST_CASE("a sentence names so many rules, and the rest by number") {
  Names many;
  for (int i = 0; i < 10; ++i)
    many.push_back(std::string("r").append(std::to_string(i)));
  CHECK(change_text({"web"}, RuleState::draining) == "rule web: draining");
  CHECK(change_text(many, RuleState::enabled) ==
        "rules r0, r1, r2, r3, r4, r5, r6, r7 and 2 more: enabled");
}

}  // namespace covey::control
