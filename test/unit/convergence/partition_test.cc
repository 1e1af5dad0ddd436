// SPDX-License-Identifier: BSD-3-Clause
// The partition policies, and what is told of other views.
#include <algorithm>
#include <catch2/catch.hpp>

#include "convergence/view.h"
#include "support/observed_cluster.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::ClassIndex;
using base::HostId;
using base::HostSet;
using convergence::EventKind;
using convergence::HostState;
using convergence::NodeConfig;
using convergence::PartitionPolicy;
using convergence::Verb;

HostSet hosts(std::initializer_list<HostId> list) {
  HostSet set;
  for (const HostId host : list)
    set.insert(host);
  return set;
}

void by_last_view(NodeConfig& config) {
  config.partition = PartitionPolicy::majority;
}
void of_five(NodeConfig& config) {
  config.partition = PartitionPolicy::majority;
  config.voters = hosts({kOne, kTwo, kThree, kFour, kFive});
}
void of_four(NodeConfig& config) {
  config.partition = PartitionPolicy::majority;
  config.voters = hosts({kOne, kTwo, kThree, kFour});
}
void by_gateway(NodeConfig& config) {
  config.partition = PartitionPolicy::gateway;
}

std::uint32_t spread_of(const ObservedCluster& cluster, std::initializer_list<HostId> list) {
  std::uint32_t total = 0;
  for (const HostId host : list)
    total += cluster.segment.buckets_of(host, kSpread);
  return total;
}

bool mentions(const ObservedCluster& cluster, HostId by, EventKind kind, const std::string& text) {
  for (const auto& [host, event] : cluster.events) {
    if (host == by && event.kind == kind && event.detail.find(text) != std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a majority is more than half, or half with the lowest voter") {
  using convergence::has_majority;
  CHECK(has_majority(hosts({kOne}), {}));
  CHECK(has_majority(hosts({kTwo, kThree}), hosts({kOne, kTwo, kThree})));
  CHECK_FALSE(has_majority(hosts({kOne}), hosts({kOne, kTwo, kThree})));
  CHECK(has_majority(hosts({kOne, kFive}), hosts({kOne, kTwo})));
  CHECK_FALSE(has_majority(hosts({kTwo, kFive}), hosts({kOne, kTwo})));
  CHECK_FALSE(has_majority({}, hosts({kOne})));
}

TEST_CASE("majority: the smaller side stops and the larger takes over") {
  for (const auto& configure : {by_last_view, of_five}) {
    ObservedCluster cluster(5, configure);
    cluster.check_whole({kOne, kTwo, kThree, kFour, kFive});
    cluster.split({kOne, kTwo}, {kThree, kFour, kFive});
    cluster.segment.run_for(2s);
    CHECK(spread_of(cluster, {kOne, kTwo}) == 0);
    CHECK(spread_of(cluster, {kThree, kFour, kFive}) == 64);
    CHECK(cluster.state(kOne) == HostState::isolated);
    CHECK(cluster.segment.status(kOne).reason ==
          "on the smaller side of a partition: 2 of 5 hosts are here, more than half needed");
    CHECK(mentions(cluster, kOne, EventKind::island_suspected, "2 of 5 hosts"));
    CHECK(mentions(cluster, kFour, EventKind::island_suspected, "hosts 1, 2 fell silent"));
    cluster.split({kOne, kTwo}, {kThree, kFour, kFive}, false);
    cluster.segment.run_for(2s);
    cluster.check_whole({kOne, kTwo, kThree, kFour, kFive});
  }
}

TEST_CASE("majority: of two halves the one with the lowest host goes on") {
  for (const auto& configure : {by_last_view, of_four}) {
    ObservedCluster cluster(4, configure);
    cluster.split({kOne, kFour}, {kTwo, kThree});
    cluster.segment.run_for(2s);
    CHECK(spread_of(cluster, {kOne, kFour}) == 64);
    CHECK(spread_of(cluster, {kTwo, kThree}) == 0);
    CHECK(cluster.segment.status(kTwo).reason ==
          "on the smaller side of a partition: 2 of 4 hosts are here, more than half needed, or "
          "half with host 1");
    CHECK(cluster.segment.violations().empty());
  }
}

TEST_CASE("majority: hosts that take their leave do not count any more") {
  ObservedCluster cluster(5, by_last_view);
  for (const HostId leaver : {kThree, kOne, kFive}) {
    cluster.obey(leaver, Verb::stop);
    cluster.segment.run_for(500ms);
  }
  cluster.check_whole({kTwo, kFour});
  cluster.obey(kTwo, Verb::stop);
  cluster.segment.run_for(500ms);
  cluster.check_whole({kFour});
}

TEST_CASE("majority: hosts that crash do count") {
  ObservedCluster cluster(5, by_last_view);
  cluster.segment.crash(kThree);
  cluster.segment.crash(kFour);
  cluster.segment.crash(kFive);
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kOne, kTwo}) == 0);
  cluster.boot(kFour, 44, by_last_view);
  cluster.segment.run_for(2s);
  cluster.check_whole({kOne, kTwo, kFour});
}

TEST_CASE("majority: the view may shrink from one majority to the next") {
  ObservedCluster cluster(5, by_last_view);
  cluster.split({kFour, kFive}, {kOne, kTwo, kThree});
  cluster.segment.run_for(2s);
  cluster.split({kThree}, {kOne, kTwo});
  cluster.split({kThree}, {kFour, kFive}, false);
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kOne, kTwo}) == 64);
  CHECK(spread_of(cluster, {kThree, kFour, kFive}) == 0);  // three, but not of the last view
  CHECK(cluster.segment.violations().empty());
}

TEST_CASE("majority: nobody serves before a majority of the configured hosts is up") {
  ObservedCluster cluster(2, of_five);
  cluster.segment.run_for(3s);
  CHECK(spread_of(cluster, {kOne, kTwo}) == 0);
  CHECK(cluster.state(kOne) == HostState::isolated);
  cluster.boot(kFour, 4, of_five);
  cluster.segment.run_for(2s);
  cluster.check_whole({kOne, kTwo, kFour});
}

TEST_CASE("majority: a host that heard nothing and one that forgot it do not overtake the third") {
  const auto of_three = [](NodeConfig& config) {
    config.partition = PartitionPolicy::majority;
    config.voters = hosts({kOne, kTwo, kThree});
  };
  ObservedCluster cluster(3, of_three);
  cluster.segment.cut(kTwo, kOne);
  cluster.segment.cut(kThree, kOne);
  cluster.segment.run_for(1s);
  CHECK(spread_of(cluster, {kTwo, kThree}) == 64);
  cluster.segment.cut(kThree, kTwo);  // nobody hears host 3, whose lease host 2 has extended
  cluster.segment.cut(kTwo, kOne, false);
  cluster.segment.crash(kTwo);
  cluster.boot(kTwo, 2002, of_three);
  cluster.segment.run_for(2s);
  CHECK_THAT(cluster.segment.violations(), Catch::Matchers::Equals(std::vector<std::string>{}));
  CHECK(spread_of(cluster, {kOne, kTwo}) == 64);
}

TEST_CASE("majority: restarted hosts behind a cut do not found a second cluster") {
  ObservedCluster cluster(5, of_five);
  cluster.split({kFour, kFive}, {kOne, kTwo, kThree});
  cluster.segment.crash(kFour);
  cluster.segment.crash(kFive);
  cluster.segment.run_for(1s);
  cluster.boot(kFour, 44, of_five);
  cluster.boot(kFive, 55, of_five);
  cluster.segment.run_for(3s);
  CHECK(spread_of(cluster, {kOne, kTwo, kThree}) == 64);
  CHECK(spread_of(cluster, {kFour, kFive}) == 0);
  CHECK(cluster.segment.violations().empty());
}

TEST_CASE("gateway: nobody serves before the gateway answers") {
  ObservedCluster cluster(2, by_gateway);
  cluster.segment.run_for(3s);
  CHECK(cluster.segment.owned_buckets(kSpread) == 0);
  CHECK(cluster.segment.status(kOne).reason == "the gateway does not answer");
  cluster.segment.gateway(kTwo, true);
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kTwo}) == 64);
  cluster.segment.gateway(kOne, true);
  cluster.segment.run_for(2s);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("gateway: the side without it stops at once and comes back with it") {
  ObservedCluster cluster(3, by_gateway);
  for (const HostId host : {kOne, kTwo, kThree})
    cluster.segment.gateway(host, true);
  cluster.segment.run_for(2s);
  cluster.check_whole({kOne, kTwo, kThree});
  cluster.split({kOne}, {kTwo, kThree});
  cluster.segment.gateway(kOne, false);
  CHECK(spread_of(cluster, {kOne}) == 0);
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kOne}) == 0);
  CHECK(spread_of(cluster, {kTwo, kThree}) == 64);
  cluster.split({kOne}, {kTwo, kThree}, false);
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kOne}) == 0);  // it hears the others, but clients cannot reach it
  cluster.segment.gateway(kOne, true);
  cluster.segment.run_for(2s);
  cluster.check_whole({kOne, kTwo, kThree});
  CHECK(mentions(cluster, kOne, EventKind::gateway_changed, "not answer any more"));
}

TEST_CASE("serve: both sides of a healed cut report the island") {
  ObservedCluster cluster(5);
  cluster.split({kOne, kTwo}, {kThree, kFour, kFive});
  cluster.segment.run_for(2s);
  CHECK(spread_of(cluster, {kOne, kTwo}) == 64);
  CHECK(spread_of(cluster, {kThree, kFour, kFive}) == 64);
  CHECK(mentions(cluster, kOne, EventKind::island_suspected, "fell silent together"));
  CHECK(mentions(cluster, kFive, EventKind::island_suspected, "fell silent together"));
  cluster.split({kOne, kTwo}, {kThree, kFour, kFive}, false);
  cluster.segment.run_for(2s);
  CHECK(mentions(cluster, kFive, EventKind::island_suspected,
                 "hosts 1, 2 had a view of their own, without hosts 3, 4, 5"));
  CHECK(mentions(cluster, kTwo, EventKind::island_suspected,
                 "hosts 3, 4, 5 had a view of their own, without hosts 1, 2"));
  CHECK(cluster.segment.owned_buckets(kSpread) == 64);
}

TEST_CASE("a joiner does not call the view that it hears an island") {
  ObservedCluster cluster(2);
  cluster.boot(kThree, 3, {});
  cluster.segment.run_for(120ms);
  CHECK(cluster.state(kThree) == HostState::joining);
  CHECK(cluster.segment.status(kThree).islands == 0);
}

TEST_CASE("a second owner is suspected when several handshakes at once were answered elsewhere") {
  convergence::Node node(test_config(1, 1), {});
  convergence::Effects effects;
  const auto alarms_after = [&](base::Duration at, std::uint64_t total) {
    effects.clear();
    node.step(base::TimePoint{} + at, convergence::FlowCensus{{}, 0, total}, effects);
    return std::count_if(effects.begin(), effects.end(), [](const convergence::Effect& effect) {
      const auto* raised = std::get_if<convergence::RaiseEvent>(&effect);
      return raised != nullptr && raised->event.kind == EventKind::second_owner_suspected;
    });
  };
  CHECK(alarms_after(0ms, 0) == 0);
  CHECK(alarms_after(50ms, 4) == 0);  // a bucket that moves
  CHECK(alarms_after(100ms, 5) == 1);
  CHECK(alarms_after(150ms, 80) == 0);  // told once
  CHECK(alarms_after(400ms, 82) == 0);  // a new span
  CHECK(alarms_after(450ms, 87) == 1);
}

}  // namespace covey::test
