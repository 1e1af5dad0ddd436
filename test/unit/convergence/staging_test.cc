// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/staging.h"

#include <catch2/catch.hpp>

#include "convergence/digest.h"
#include "convergence/ownership.h"
#include "support/observed_cluster.h"

namespace covey::convergence {

namespace {

using base::BucketIndex;
using heartbeat::kNotCarried;

const Configuration kOld{.digest = 1,
                         .shared_settings = {},
                         .classes = {{.buckets = 1, .identity = 10},
                                     {.buckets = 8, .identity = 11},
                                     {.buckets = 8, .identity = 12}}};
const Configuration kNew{.digest = 2,
                         .shared_settings = {},
                         .classes = {{.buckets = 1, .weight = 0, .priority = 7, .identity = 10},
                                     {.buckets = 16, .weight = 30, .priority = 0, .identity = 11},
                                     {.buckets = 8, .weight = 40, .priority = 0, .identity = 13},
                                     {.buckets = 8, .weight = 50, .priority = 0, .identity = 12}}};

Bitmaps old_claims() {
  Bitmaps claims = no_buckets({1, 8, 8});
  claims[0].set(BucketIndex{0});
  claims[1].set(BucketIndex{5});
  claims[2].set(BucketIndex{3});
  return claims;
}

Part part_of_old_host() {
  const std::vector<std::uint16_t> origins = carried_from(kOld, kNew);
  Part part{.offer = {.present = 1, .staged = 2},
            .classes = statements_of(kOld.classes),
            .staged_classes = {},
            .draining = false,
            .claims = old_claims()};
  for (std::size_t c = 0; c < origins.size(); ++c) {
    const ClassConfig& map_class = kNew.classes[c];
    part.staged_classes.push_back({map_class.weight, map_class.priority, origins[c]});
  }
  return part;
}

}  // namespace

TEST_CASE("a class is found again by its identity and size, wherever it stands") {
  CHECK(carried_from(kOld, kNew) == std::vector<std::uint16_t>{0, kNotCarried, kNotCarried, 2});
  CHECK(carried_from(kNew, kOld) == std::vector<std::uint16_t>{0, kNotCarried, 3});
}

TEST_CASE("the configuration of a generation is what all want next, else what all have") {
  const Offer old{.present = 1};
  const Offer staged{.present = 1, .staged = 2};
  const Offer switching{.present = 1, .staged = 2, .switching = true};
  const Offer fresh{.present = 2};
  const Offer beyond{.present = 2, .staged = 3};
  const Offer other{.present = 1, .staged = 3};
  CHECK(common_configuration({old, old}) == 1);
  CHECK(common_configuration({staged, staged}) == 2);
  CHECK(common_configuration({staged, fresh}) == 2);
  CHECK(common_configuration({staged, old}) == 1);
  CHECK(common_configuration({staged, other}) == 1);
  CHECK(common_configuration({staged, beyond}) == 2);
  CHECK(common_configuration({beyond, staged}) == 2);
  CHECK(common_configuration({switching, staged}) == 2);
  CHECK(common_configuration({switching, beyond}) == 2);
  CHECK_FALSE(common_configuration({switching, old}).has_value());
  CHECK_FALSE(common_configuration({old, fresh}).has_value());
  CHECK_FALSE(common_configuration({old, staged, fresh}).has_value());
}

TEST_CASE("an unchanged class keeps its claims, in any other anything may be accepted") {
  const Shape shape = shape_of(kNew);
  CHECK(shape.residual_buckets == 16);
  const Part part = part_of_old_host();
  const Statement statement = statement_in(shape, part);
  REQUIRE(statement.claims.size() == 4);
  CHECK(statement.claims[0].count() == 1);
  CHECK(statement.claims[1].none());
  CHECK(statement.claims[2].none());
  CHECK(statement.claims[3] == part.claims[2]);
  CHECK(statement.unaccounted == std::vector<bool>{false, true, true, false});
  CHECK(statement.classes[3].weight == 50);
  CHECK(statement.classes[0].priority == 7);
  const Bitmaps all = claims_in(shape, part.offer, part.staged_classes, part.claims, true);
  CHECK(all[1].count() == 16);
  CHECK(all[2].count() == 8);
  CHECK(all[3] == part.claims[2]);
}

TEST_CASE("a part in the present configuration is taken as it is") {
  const Part part = part_of_old_host();
  const Statement statement = statement_in(shape_of(kOld), part);
  CHECK(statement.claims == part.claims);
  CHECK(statement.unaccounted.empty());
}

TEST_CASE("a carried class that does not exist or has another size is not believed") {
  Part part = part_of_old_host();
  part.staged_classes[0].from = 1;   // of 8 buckets, not of 1
  part.staged_classes[3].from = 77;  // none
  const Statement statement = statement_in(shape_of(kNew), part);
  CHECK(statement.claims[0].none());
  CHECK(statement.claims[3].none());
  CHECK(statement.unaccounted == std::vector<bool>{true, true, true, true});
}

TEST_CASE("bitmaps and owners move with their class") {
  const Bitmaps moved = carried(old_claims(), kOld, kNew);
  CHECK(moved[1].size() == 16);
  CHECK(moved[1].none());
  CHECK(moved[3] == old_claims()[2]);
  ClusterMap map;
  for (const ClassConfig& map_class : kOld.classes)
    map.owners.emplace_back(map_class.buckets, base::HostId{4});
  const ClusterMap after = carried(map, kOld, kNew);
  CHECK(after.owners[0] == map.owners[0]);
  CHECK(after.owners[2] == std::vector(8, base::kNobody));
  CHECK(after.owners[3] == map.owners[2]);
}

TEST_CASE("a message fits a configuration that it stages by the number of classes") {
  heartbeat::Message message;
  message.config_digest = 9;
  message.classes.resize(1);
  message.staged_digest = 2;
  message.staged_classes.resize(4);
  CHECK(fits(message, shape_of(kNew)));
  message.staged_classes.resize(3);
  CHECK_FALSE(fits(message, shape_of(kNew)));
}

}  // namespace covey::convergence

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using convergence::EventKind;
using sim::Variant;

convergence::Configuration with_weight(base::HostId host, Variant variant, std::uint16_t weight) {
  convergence::Configuration config = sim::configuration(kCluster, host, variant);
  config.classes[kSpread.value].weight = weight;
  return config;
}

}  // namespace

TEST_CASE("a part that is held back is rounded up, and none of it is a withdrawal") {
  const auto statement = [](std::uint32_t buckets, std::uint16_t weight, std::uint8_t percent) {
    return convergence::statement_of(
        {.buckets = buckets, .weight = weight, .priority = 7, .identity = 1, .percent = percent});
  };
  CHECK(statement(64, 50, 100).weight == 50);
  CHECK(statement(64, 50, 99).weight == 50);
  CHECK(statement(64, 50, 51).weight == 26);
  CHECK(statement(64, 1, 1).weight == 1);
  CHECK(statement(64, 0, 50).weight == 0);
  CHECK_FALSE(statement(64, 0, 50).is_withdrawn());
  CHECK(statement(64, 50, 0).is_withdrawn());
  CHECK(statement(64, 50, 0).weight == 0);
  CHECK(statement(1, 50, 1) == heartbeat::ClassStatement{.weight = 50, .priority = 7});
  CHECK(statement(1, 50, 0).is_withdrawn());
}

TEST_CASE("a part that is held back as the last resort is said beside a weight of nothing") {
  const auto statement = [](std::uint32_t buckets, std::uint16_t weight, std::uint8_t percent) {
    return convergence::statement_of({.buckets = buckets,
                                      .weight = weight,
                                      .priority = 7,
                                      .identity = 1,
                                      .percent = percent,
                                      .last_resort = true});
  };
  CHECK(statement(64, 50, 0).weight == 0);
  CHECK(statement(64, 50, 0).is_last_resort());
  CHECK_FALSE(statement(64, 50, 0).is_withdrawn());
  CHECK(statement(64, 50, 0).reserve() == 50);
  CHECK(statement(64, 0, 0).reserve() == 0);
  CHECK(statement(64, 0xffff, 0).reserve() == heartbeat::kMaxReserve);
  CHECK_FALSE(statement(64, 0xffff, 0).is_withdrawn());
  CHECK(statement(1, 50, 0).reserve() == 7);
  CHECK(statement(64, 50, 10) == heartbeat::ClassStatement{.weight = 5, .priority = 7});
  CHECK_FALSE(statement(64, 50, 10).is_last_resort());
  CHECK(statement(64, 50, 10).reserve() == 0);
}

TEST_CASE("staging the present configuration takes its weights") {
  ObservedCluster cluster(2);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::first, 50));
  cluster.segment.run_for(100ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 21);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 43);
  CHECK(cluster.count(EventKind::configuration_staged, kOne) == 0);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a weight set while a configuration is staged outlives the switch") {
  ObservedCluster cluster(2);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::rule_changed, 100));
  cluster.segment.run_for(100ms);
  cluster.segment.command(kOne, sim::weight_command(50));
  cluster.segment.run_for(100ms);
  cluster.segment.stage(kTwo, with_weight(kTwo, Variant::rule_changed, 100));
  cluster.segment.run_for(100ms);
  CHECK(cluster.segment.node(kOne).part(kSpread).weight == 50);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 21);
  CHECK(cluster.count(EventKind::configuration_switched, kOne) == 1);
}

TEST_CASE("a class that is the same one stays held back over a switch, a new one as it is staged") {
  ObservedCluster cluster(2);
  cluster.segment.command(kOne, sim::hold_command(kSpread, 0, /*closed=*/true));
  cluster.segment.command(kTwo, sim::hold_command(sim::kSingleHost, 0));
  cluster.segment.run_for(200ms);
  for (const base::HostId host : {kOne, kTwo}) {
    convergence::Configuration next = with_weight(host, Variant::rule_changed, 100);
    next.classes[2].percent = host == kOne ? 0 : convergence::kWholePart;
    cluster.segment.stage(host, next);
  }
  cluster.segment.run_for(200ms);
  REQUIRE(cluster.count(EventKind::configuration_switched, kOne) == 1);
  CHECK(cluster.segment.table(kOne).closed == std::vector{kSpread});
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 64);
  CHECK(cluster.segment.buckets_of(kTwo, sim::kChangedSingleHost) == 1);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("what is held back while a configuration is staged outlives the switch") {
  ObservedCluster cluster(2);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::rule_added, 100));
  cluster.segment.run_for(100ms);
  cluster.segment.command(kOne, sim::hold_command(kSpread, 50));
  cluster.segment.run_for(100ms);
  cluster.segment.stage(kTwo, with_weight(kTwo, Variant::rule_added, 100));
  cluster.segment.run_for(100ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 21);
  CHECK(cluster.count(EventKind::configuration_switched, kOne) == 1);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::rule_added, 60));
  cluster.segment.run_for(100ms);
  CHECK(cluster.segment.node(kOne).part(kSpread).percent == 50);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 15);  // 30 of 130
}

TEST_CASE(
    "a last resort stays one over a switch, and the workers of an ill host take nothing new") {
  ObservedCluster cluster(2);
  cluster.segment.command(kOne, sim::hold_command(kSpread, 0, false, /*last_resort=*/true));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 0);
  for (const base::HostId host : {kOne, kTwo})
    cluster.segment.stage(host, with_weight(host, Variant::rule_changed, 100));
  cluster.segment.run_for(200ms);
  REQUIRE(cluster.count(EventKind::configuration_switched, kOne) == 1);
  CHECK(cluster.segment.node(kOne).part(kSpread).last_resort);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 64);
  cluster.segment.command(kTwo, sim::hold_command(kSpread, 0, false, /*last_resort=*/true));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 32);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 32);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a host alone switches by itself") {
  ObservedCluster cluster(1);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::buckets_doubled, 100));
  cluster.segment.run_for(100ms);
  CHECK(cluster.segment.buckets_of(kOne, sim::kDoubledSpread) == 128);
  CHECK(cluster.segment.violations().empty());
}

TEST_CASE("what is staged while the others may have switched already waits for the commit") {
  ObservedCluster cluster(2);
  cluster.segment.stage(kOne, with_weight(kOne, Variant::rule_changed, 100));
  cluster.segment.stage(kTwo, with_weight(kTwo, Variant::rule_changed, 100));
  const std::uint64_t old = cluster.segment.node(kTwo).configuration().digest;
  const auto has_committed = [&](base::HostId host) {
    return cluster.segment.node(host).committed_configuration().digest != old;
  };
  while (!has_committed(kOne) && !has_committed(kTwo))
    cluster.segment.run_for(1us);
  const base::HostId first = has_committed(kOne) ? kOne : kTwo;
  const base::HostId second = first == kOne ? kTwo : kOne;
  REQUIRE_FALSE(has_committed(second));
  cluster.segment.stage(second, with_weight(second, Variant::first, 100));
  cluster.segment.run_for(200ms);
  CHECK(cluster.count(EventKind::configuration_switched, second) == 1);
  CHECK(cluster.segment.status(second).staging ==
        "host " + std::to_string(first.value) + " has not staged the new configuration");
  cluster.segment.stage(first, with_weight(first, Variant::first, 100));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.node(kOne).configuration().digest == old);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a host that slept through the switch yields to those that went on without it") {
  ObservedCluster cluster(3);
  cluster.segment.stall_host(kThree, 3s);
  cluster.segment.run_for(1s);
  for (const base::HostId host : {kOne, kTwo})
    cluster.segment.stage(host, with_weight(host, Variant::rule_changed, 100));
  cluster.segment.run_for(3s);
  CHECK(cluster.segment.buckets_of(kThree, kSpread) == 0);
  CHECK(cluster.state(kThree) == convergence::HostState::isolated);
  cluster.check_whole({kOne, kTwo});
}

}  // namespace covey::test
