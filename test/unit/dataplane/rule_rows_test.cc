// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_rows.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "forwarding/policy.h"

using namespace covey;
using dataplane::RuleCount;
using dataplane::RuleRows;

namespace {

forwarding::Policy policy(const std::vector<std::string>& names) {
  forwarding::Settings settings;
  settings.self = base::HostId{1};
  settings.buckets = 64;
  settings.virtual_ips = {*base::IpPrefix::parse("10.77.0.50/24")};
  std::uint16_t port = 1;
  for (const std::string& name : names) {
    forwarding::PortRule rule;
    rule.name = name;
    rule.ports = {{port, port}};
    ++port;
    settings.rules.push_back(rule);
  }
  return forwarding::Policy(settings, {}, {});
}

RuleCount nothing(std::size_t) {
  return {};
}

}  // namespace

TEST_CASE("a rule keeps its row and its counts when others come, go and change places") {
  const RuleRows first(policy({"web", "app", "db"}));
  const RuleRows second(first, policy({"db", "new", "web"}), nothing);
  CHECK(second.of(0) == first.of(2));
  CHECK(second.of(2) == first.of(0));
  CHECK(second.of(forwarding::kDefaultRule) == first.of(forwarding::kDefaultRule));
  CHECK(second.count(2, {7, 3}) == RuleCount{7, 3});
}

TEST_CASE("a new rule gets no row of the configuration before, and begins at zero") {
  const RuleRows first(policy({"web", "app"}));
  const RuleRows second(first, policy({"web", "ssh"}), nothing);
  CHECK(std::set{first.of(0), first.of(1)}.count(second.of(1)) == 0);
  // The row that "app" had is free again one configuration later.
  std::map<std::size_t, RuleCount> rows = {{first.of(1), {100, 50}}};
  const RuleRows third(second, policy({"web", "ssh", "late"}),
                       [&](std::size_t row) { return rows[row]; });
  REQUIRE(third.of(2) == first.of(1));
  CHECK(third.count(2, {100, 50}) == RuleCount{0, 0});
  CHECK(third.count(2, {109, 51}) == RuleCount{9, 1});
}

TEST_CASE("there are rows for as many new rules as there can be") {
  std::vector<std::string> old_names;
  std::vector<std::string> new_names;
  for (unsigned i = 0; i < base::kMaxRules; ++i) {
    old_names.push_back("old" + std::to_string(i));
    new_names.push_back("new" + std::to_string(i));
  }
  const RuleRows before(policy(old_names));
  const RuleRows after(before, policy(new_names), nothing);
  std::set<std::size_t> rows = {RuleRows::kDefaultRow};
  for (unsigned i = 0; i < base::kMaxRules; ++i) {
    const auto rule = static_cast<forwarding::RuleIndex>(i);
    rows.insert(before.of(rule));
    rows.insert(after.of(rule));
  }
  CHECK(rows.size() == RuleRows::kRows);
  CHECK(*rows.rbegin() == RuleRows::kDefaultRow);
}
