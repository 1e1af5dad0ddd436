// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_states.h"

#include <catch2/catch.hpp>
#include <vector>

namespace covey::control {

TEST_CASE("a rule of which nobody has said anything takes its whole part") {
  const RuleStates states;
  CHECK(states.state("web") == RuleState::enabled);
  CHECK(states.health("web") == 100);
  CHECK(states.part("web") == RulePart{100, false});
  CHECK(states.kept().empty());
}

TEST_CASE("the operator's state says what a rule takes") {
  RuleStates states;
  CHECK_FALSE(states.hold_anything());
  CHECK(states.set("web", RuleState::draining));
  CHECK_FALSE(states.set("web", RuleState::draining));
  CHECK(states.hold_anything());
  CHECK(states.part("web") == RulePart{0, false});
  CHECK(states.set("web", RuleState::disabled));
  CHECK(states.part("web") == RulePart{0, true});
  CHECK(states.part("mail") == RulePart{100, false});
  CHECK(states.set("web", RuleState::enabled));
  CHECK(states.part("web") == RulePart{100, false});
  CHECK_FALSE(states.hold_anything());
}

TEST_CASE("health counts where the operator takes nothing away, and is kept beneath") {
  RuleStates states;
  CHECK(states.set_health("web", 30));
  CHECK_FALSE(states.set_health("web", 30));
  CHECK(states.part("web") == RulePart{30, false});
  states.set("web", RuleState::disabled);
  CHECK(states.part("web") == RulePart{0, true});
  states.set_health("web", 40);
  CHECK(states.part("web") == RulePart{0, true});
  states.set("web", RuleState::enabled);
  CHECK(states.part("web") == RulePart{40, false});
  states.set_health("web", 0);
  CHECK(states.part("web") == RulePart{0, false, /*last_resort=*/true});
  states.set("web", RuleState::draining);  // and if it is everywhere, nobody takes any
  CHECK(states.part("web") == RulePart{0, false});
  states.set_health("web", 255);
  CHECK(states.health("web") == 100);
}

TEST_CASE("what the operator said is kept, what health said is not") {
  RuleStates states;
  states.set("web", RuleState::disabled);
  states.set("mail", RuleState::draining);
  states.set("db", RuleState::enabled);
  states.set_health("mail", 0);
  const RuleStates::Kept kept = states.kept();
  CHECK(kept == RuleStates::Kept{{"mail", RuleState::draining}, {"web", RuleState::disabled}});
  const RuleStates later(kept);
  CHECK(later.state("web") == RuleState::disabled);
  CHECK(later.state("mail") == RuleState::draining);
  CHECK(later.health("mail") == 100);
}

TEST_CASE("rules that there are no more are forgotten") {
  RuleStates states;
  states.set("web", RuleState::disabled);
  states.set("mail", RuleState::draining);
  states.forget_all_but(std::vector<std::string>{"mail", "new"});
  CHECK(states.kept() == RuleStates::Kept{{"mail", RuleState::draining}});
  CHECK(states.part("web") == RulePart{100, false});
}

}  // namespace covey::control
