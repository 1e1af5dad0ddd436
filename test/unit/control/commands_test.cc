// SPDX-License-Identifier: BSD-3-Clause
#include "control/commands.h"

#include <catch2/catch.hpp>

using namespace covey;
using namespace covey::control;
using convergence::HostState;
using convergence::Verb;

namespace {

const std::vector<api::RuleStatus>& some_rules() {
  static const std::vector<api::RuleStatus> rules = [] {
    std::vector<api::RuleStatus> made(3);
    made[0].rule = "web";
    made[0].mode = "multiple";
    made[0].map_class = 2;
    made[1].rule = "db";
    made[1].mode = "single";
    made[1].map_class = 3;
    made[2].rule = "block";
    made[2].mode = "disabled";
    return made;
  }();
  return rules;
}

Interpreted ask(const api::CommandRequest& request, HostState state = HostState::converged) {
  return interpret(request, {"web1", state, some_rules()});
}

void check_order(const Interpreted& result, Verb verb) {
  REQUIRE(result.order.has_value());
  CHECK(result.order->verb == verb);
  CHECK(result.reply.ok);
  CHECK(result.reply.code == kDone);
}

void check_no_order(const Interpreted& result, int code) {
  CHECK_FALSE(result.order.has_value());
  CHECK(result.reply.ok == (code == kDone));
  CHECK(result.reply.code == code);
  CHECK_FALSE(result.reply.text.empty());
}

}  // namespace

TEST_CASE("a running host can be stopped, drained and suspended") {
  check_order(ask({"stop", "", "", 0, ""}), Verb::stop);
  check_order(ask({"suspend", "", "", 0, ""}), Verb::suspend);
  const Interpreted drain = ask({"drainstop", "", "", 5000, ""});
  check_order(drain, Verb::drainstop);
  CHECK(drain.order->drain_timeout == std::chrono::seconds(5));
}

TEST_CASE("a stopped or draining host can be started, a suspended one only resumed") {
  check_order(ask({"start", "", "", 0, ""}, HostState::stopped), Verb::start);
  check_order(ask({"start", "", "", 0, ""}, HostState::draining), Verb::start);
  check_no_order(ask({"start", "", "", 0, ""}, HostState::suspended), kRefused);
  check_order(ask({"resume", "", "", 0, ""}, HostState::suspended), Verb::resume);
}

TEST_CASE("a command that would change nothing succeeds without an order") {
  check_no_order(ask({"start", "", "", 0, ""}), kDone);
  check_no_order(ask({"stop", "", "", 0, ""}, HostState::stopped), kDone);
  check_no_order(ask({"drainstop", "", "", 0, ""}, HostState::stopped), kDone);
  check_no_order(ask({"suspend", "", "", 0, ""}, HostState::suspended), kDone);
  check_no_order(ask({"resume", "", "", 0, ""}), kDone);
}

TEST_CASE("a weight is a number up to 100 or equal, for a rule of mode multiple") {
  const Interpreted number = ask({"weight", "web", "20", 0, ""});
  check_order(number, Verb::set_weight);
  CHECK(number.order->map_class == base::ClassIndex{2});
  CHECK(number.order->weight == 20);
  CHECK(ask({"weight", "web", "equal", 0, ""}).order->weight == 50);
  CHECK(ask({"weight", "web", "0", 0, ""}).order->weight == 0);
  for (const char* wrong : {"", "101", "-1", "1.5", "20 ", "70000", "Equal"}) {
    check_no_order(ask({"weight", "web", wrong, 0, ""}), kUsage);
  }
  check_no_order(ask({"weight", "nothing", "20", 0, ""}), kUsage);
  check_no_order(ask({"weight", "", "20", 0, ""}), kUsage);
  check_no_order(ask({"weight", "db", "20", 0, ""}), kRefused);
  check_no_order(ask({"weight", "block", "20", 0, ""}), kRefused);
}

TEST_CASE("an unknown verb and an impossible drain time are usage errors") {
  check_no_order(ask({"", "", "", 0, ""}), kUsage);
  check_no_order(ask({"STOP", "", "", 0, ""}), kUsage);
  check_no_order(ask({"drainstop", "", "", -1, ""}), kUsage);
  check_no_order(ask({"drainstop", "", "", INT64_MAX, ""}), kUsage);
}

TEST_CASE("what does not go with a verb is told by its name") {
  for (const char* verb : {"start", "stop", "suspend", "resume", "drainstop"}) {
    const std::string with = std::string(": not with ") + verb;
    CHECK(superfluous({verb, "", "", 0, "2"}).empty());
    CHECK(superfluous({verb, "web", "", 0, ""}) == "target" + with);
    CHECK(superfluous({verb, "", "20", 0, ""}) == "value" + with);
  }
  for (const char* verb : {"enable", "disable", "drain"}) {
    const std::string with = std::string(": not with ") + verb;
    CHECK(superfluous({verb, "web", "", 0, "all"}).empty());
    CHECK(superfluous({verb, "web", "20", 0, ""}) == "value" + with);
    CHECK(superfluous({verb, "web", "", -1, ""}) == "timeout_ms" + with);
  }
  CHECK(superfluous({"drainstop", "", "", 5000, ""}).empty());
  CHECK(superfluous({"weight", "web", "20", 0, ""}).empty());
  CHECK(superfluous({"weight", "web", "20", 1, ""}) == "timeout_ms: not with weight");
  CHECK(superfluous({"fly", "web", "20", 1, ""}).empty());
}
