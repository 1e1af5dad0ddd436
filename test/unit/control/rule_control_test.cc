// SPDX-License-Identifier: BSD-3-Clause
// The states of rules on their way to the core, over a real driver.
#include "control/rule_control.h"

#include <catch2/catch.hpp>

#include "segment.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

constexpr base::ClassIndex kWeb{2};

class Hosts {
 public:
  Hosts() {
    for (std::uint8_t id = 1; id <= 2; ++id)
      segment.start(id);
    REQUIRE(segment.run_until([&] { return segment.owned(1) == 32 && segment.owned(2) == 32; }));
  }
  ~Hosts() { CHECK(segment.close()); }
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  Segment segment{2};
  RuleControl control{segment.host(1).driver, segment.host(1).data_plane, {}};
};

api::RuleStatus completed(const RuleControl& control, int map_class,
                          convergence::HostState host = convergence::HostState::converged) {
  api::RuleStatus row;
  row.rule = "web";
  row.map_class = map_class;
  control.complete(row, host);
  return row;
}

}  // namespace

TEST_CASE("the core hears at once of what an operator or health says") {
  Hosts hosts;
  const convergence::Node& node = hosts.segment.host(1).driver.node();
  CHECK(hosts.control.set_health("web", 50));
  CHECK_FALSE(hosts.control.set_health("web", 50));
  CHECK(node.part(kWeb).percent == 50);
  CHECK(hosts.control.set({{"web", "default"}}, RuleState::disabled) ==
        std::vector<std::string>{"web", "default"});
  CHECK(node.part(kWeb).closed);
  CHECK(node.part(bucket::kDefaultHostClass).closed);
  CHECK_FALSE(node.part(bucket::kSpreadClass).closed);
  CHECK(hosts.segment.run_until([&] { return hosts.segment.owned(2) == 64; }));
  CHECK(hosts.control.set({{"web"}}, RuleState::disabled).empty());
  hosts.control.set({{"web"}}, RuleState::enabled);
  CHECK(node.part(kWeb).percent == 50);
  CHECK_FALSE(node.part(kWeb).closed);
  CHECK(hosts.segment.run_until([&] { return hosts.segment.owned(1) == 21; }));
}

TEST_CASE("where health holds back all hosts, each is the last resort") {
  Hosts hosts;
  CHECK(hosts.control.names() == std::vector<std::string>{"web", "default"});
  RuleControl other{hosts.segment.host(2).driver, hosts.segment.host(2).data_plane, {}};
  hosts.control.set_health({{"web", 0}});
  CHECK(hosts.segment.run_until([&] { return hosts.segment.owned(2) == 64; }));
  CHECK(hosts.control.last_resorts().empty());
  CHECK(other.last_resorts().empty());
  other.set_health({{"web", 0}});
  CHECK(hosts.segment.run_until([&] {
    return hosts.control.last_resorts().contains("web") && other.last_resorts().contains("web");
  }));
  CHECK(hosts.segment.owned(1) == 32);
  CHECK(hosts.control.last_resorts() == std::set<std::string>{"web"});
  other.set_health(std::map<std::string, std::uint8_t>{});  // of all rules: they are well
  CHECK(hosts.segment.run_until([&] { return hosts.segment.owned(2) == 64; }));
  CHECK(other.last_resorts().empty());
}

TEST_CASE("rules that another configuration does not have are forgotten, the others are not") {
  Hosts hosts;
  hosts.control.set({{"web", "gone"}}, RuleState::draining);
  hosts.control.follow();
  CHECK(hosts.control.states().kept() == RuleStates::Kept{{"web", RuleState::draining}});
}

TEST_CASE("a row says which state counts, and who wants it") {
  Hosts hosts;
  const auto check = [&](const api::RuleStatus& row, const std::string& state,
                         const std::string& reason, unsigned percent) {
    CHECK(row.state == state);
    CHECK(row.reason == reason);
    CHECK(row.percent == percent);
  };
  RuleControl& control = hosts.control;
  check(completed(control, 2), "enabled", "", 100);
  check(completed(control, -1), "disabled", "configuration", 0);
  check(completed(control, 2, convergence::HostState::draining), "draining", "host", 100);
  control.set_health("web", 30);
  check(completed(control, 2), "enabled", "health", 30);
  control.set_health("web", 0);
  check(completed(control, 2), "draining", "health", 0);
  control.set({{"web"}}, RuleState::draining);
  check(completed(control, 2, convergence::HostState::draining), "draining", "operator", 0);
  control.set({{"web"}}, RuleState::disabled);
  check(completed(control, 2), "disabled", "operator", 0);
}

TEST_CASE("a configuration is held back by the names of its rules") {
  RuleStates states;
  states.set("web", RuleState::disabled);
  states.set("db", RuleState::draining);
  std::vector<convergence::ClassConfig> classes(5);
  classes[4].percent = 7;
  hold_back(states, std::vector<std::string>{"default", "", "db", "web"}, classes);
  CHECK(classes[0].percent == 100);
  CHECK(classes[2].percent == 0);
  CHECK_FALSE(classes[2].closed);
  CHECK(classes[3].closed);
  CHECK(classes[4].percent == 7);
  CHECK(names_by_class(FakeDataPlane().rules(), 4) ==
        std::vector<std::string>{"default", "", "web", ""});
}
