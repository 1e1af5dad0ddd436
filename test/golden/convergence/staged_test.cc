// SPDX-License-Identifier: BSD-3-Clause
// Golden conversations about a change of configuration: it waits for all members, it is switched in
// one generation, and no flow belongs to two hosts meanwhile.
#include <catch2/catch.hpp>
#include <string>

#include "story.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::HostId;
using sim::Variant;

void stage(Story& story, HostId host, Variant variant) {
  story.segment.stage(host, sim::configuration(kCluster, host, variant));
}

std::uint64_t digest_of(Variant variant) {
  return sim::configuration(kCluster, kOne, variant).digest;
}

bool follow(const Story& story, std::initializer_list<HostId> hosts, Variant variant) {
  return std::ranges::all_of(hosts, [&](HostId host) {
    return story.segment.node(host).configuration().digest == digest_of(variant);
  });
}

bool all_owned(const Story& story, Variant variant) {
  const auto classes = sim::configuration(kCluster, kOne, variant).classes;
  return std::ranges::all_of(classes, [&](const convergence::ClassConfig& map_class) {
    const base::ClassIndex identity{static_cast<std::uint16_t>(map_class.identity)};
    return story.segment.owned_buckets(identity) == map_class.buckets;
  });
}

/// Hosts 2 and 3 of three are bound to an offer that host 1 never prepares; host 4 waits with it.
void bind_two_of_three(Story& story) {
  story.begin_with(3);
  story.note("host 4 boots with one rule more");
  story.segment.boot(sim::node_config(kCluster, kFour, 4, Variant::rule_added));
  story.segment.run_for(400ms);
  story.note("host 1 does not hear host 3; all stage one rule more, which hosts 2 and 3 prepare");
  story.segment.cut(kThree, kOne);
  for (const HostId host : {kOne, kTwo, kThree})
    stage(story, host, Variant::rule_added);
  story.segment.run_for(20ms);
}

}  // namespace

TEST_CASE("a rule that all have staged is added in one generation, what stays keeps its owners") {
  Story story("staged-switch");
  story.begin_with(3);
  const std::vector<HostId> before = story.segment.node(kOne).owners(kSpread);
  const std::uint32_t generation = story.segment.status(kOne).generation;
  story.note("one rule more is staged on host 1, then on 2 and 3");
  stage(story, kOne, Variant::rule_added);
  story.segment.run_for(20ms);
  stage(story, kTwo, Variant::rule_added);
  story.segment.run_for(20ms);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::first));
  stage(story, kThree, Variant::rule_added);
  story.segment.run_for(20ms);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::rule_added));
  CHECK(all_owned(story, Variant::rule_added));
  CHECK(story.segment.node(kOne).owners(kSpread) == before);
  CHECK(story.segment.status(kOne).generation == generation + 1);
  CHECK(story.segment.node(kOne).history().back().trigger == "configuration");
  story.compare();
}

TEST_CASE("a changed rule and other buckets are handed over when nobody follows the old ones") {
  Story story("staged-change");
  story.begin_with(2);
  story.note("twice the buckets are staged on hosts 1 and 2");
  stage(story, kOne, Variant::buckets_doubled);
  stage(story, kTwo, Variant::buckets_doubled);
  story.segment.run_for(20ms);
  CHECK(follow(story, {kOne, kTwo}, Variant::buckets_doubled));
  CHECK(all_owned(story, Variant::buckets_doubled));
  CHECK(story.segment.buckets_of(kOne, sim::kDoubledSpread) == 64);
  story.note("back to the first configuration, and a changed rule with it");
  stage(story, kOne, Variant::rule_changed);
  stage(story, kTwo, Variant::rule_changed);
  story.segment.run_for(20ms);
  CHECK(all_owned(story, Variant::rule_changed));
  story.compare();
}

TEST_CASE("a host that drains halves its buckets while the one that has them all is slow to") {
  Story story("staged-drain", {.install_delay = 3ms});
  story.begin_with(2);
  for (const HostId host : {kOne, kTwo})
    stage(story, host, Variant::buckets_doubled);
  story.segment.run_for(300ms);
  REQUIRE(follow(story, {kOne, kTwo}, Variant::buckets_doubled));
  story.note("host 1 drains, with flows left; then both stage half the buckets, host 2 is stuck");
  story.segment.set_flows(kOne, base::BucketIndex{3}, 2);
  story.obey(kOne, convergence::Verb::drainstop);
  story.segment.run_for(600ms);
  REQUIRE(story.segment.buckets_of(kTwo, sim::kDoubledSpread) == 128);
  for (const HostId host : {kOne, kTwo})
    stage(story, host, Variant::rule_changed);
  while (story.segment.node(kTwo).committed_configuration().digest !=
         digest_of(Variant::rule_changed))
    story.segment.run_for(20us);
  story.segment.run_for(1ms);
  story.segment.stall_control(kTwo, 200ms);
  story.segment.run_for(600ms);
  CHECK(follow(story, {kOne, kTwo}, Variant::rule_changed));
  CHECK(story.segment.buckets_of(kOne, kSpread) == 0);
  story.compare();
}

TEST_CASE("while one host has not staged it nothing changes, and all say who is missing") {
  Story story("staged-missing");
  story.begin_with(3);
  story.note("a changed rule is staged on hosts 1 and 2");
  stage(story, kOne, Variant::rule_changed);
  stage(story, kTwo, Variant::rule_changed);
  story.segment.run_for(500ms);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::first));
  CHECK(story.segment.status(kOne).reason == "host 3 has not staged the new configuration");
  CHECK(story.segment.status(kThree).reason ==
        "hosts 1, 2 have staged a new configuration, this host has not");
  CHECK(story.segment.status(kOne).converged);
  CHECK(all_owned(story, Variant::first));
  story.note("host 3 is stopped, and comes back as it was");
  story.obey(kThree, convergence::Verb::stop);
  story.segment.run_for(300ms);
  CHECK(follow(story, {kOne, kTwo}, Variant::rule_changed));
  story.obey(kThree, convergence::Verb::start);
  story.segment.run_for(600ms);
  CHECK_THAT(story.segment.status(kThree).reason,
             Catch::Matchers::StartsWith("refused: configuration differs from that of host 1"));
  story.note("it stages the new configuration too");
  stage(story, kThree, Variant::rule_changed);
  story.segment.run_for(600ms);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::rule_changed));
  CHECK(story.segment.status(kThree).converged);
  CHECK(all_owned(story, Variant::rule_changed));
  story.compare();
}

TEST_CASE("a staged configuration is withdrawn by staging the present one") {
  Story story("staged-withdrawn");
  story.begin_with(2);
  story.note("a rule is staged on host 1, and withdrawn");
  stage(story, kOne, Variant::rule_added);
  story.segment.run_for(150ms);
  CHECK(story.segment.status(kOne).staging == "host 2 has not staged the new configuration");
  stage(story, kOne, Variant::first);
  story.segment.run_for(150ms);
  CHECK(story.segment.status(kOne).staging.empty());
  CHECK(story.segment.status(kOne).reason.empty());
  story.note("now host 2 stages it");
  stage(story, kTwo, Variant::rule_added);
  story.segment.run_for(300ms);
  CHECK(follow(story, {kOne, kTwo}, Variant::first));
  CHECK(story.segment.status(kTwo).staging == "host 1 has not staged the new configuration");
  story.compare();
}

TEST_CASE("a host crashes in the middle of the switch and comes back with its old file") {
  Story story("staged-crash");
  story.begin_with(3);
  story.note("all stage a changed rule; host 3 crashes when host 1 has committed");
  for (const HostId host : {kOne, kTwo, kThree})
    stage(story, host, Variant::rule_changed);
  while (story.segment.node(kOne).committed_configuration().digest == digest_of(Variant::first))
    story.segment.run_for(20us);
  story.segment.crash(kThree);
  story.segment.run_for(1s);
  CHECK(follow(story, {kOne, kTwo}, Variant::rule_changed));
  CHECK(all_owned(story, Variant::rule_changed));
  story.note("host 3 boots with the old file");
  story.segment.boot(test_config(3, 3003));
  story.segment.run_for(600ms);
  CHECK(story.segment.buckets_of(kThree, kSpread) == 0);
  CHECK(story.segment.status(kOne).converged);
  story.note("it stages the new one");
  stage(story, kThree, Variant::rule_changed);
  story.segment.run_for(600ms);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::rule_changed));
  CHECK(all_owned(story, Variant::rule_changed));
  story.compare();
}

TEST_CASE("a host that boots with the new file waits until the others have staged it") {
  Story story("staged-joiner");
  story.begin_with(2);
  story.note("host 3 boots with one rule more");
  story.segment.boot(sim::node_config(kCluster, kThree, 3, Variant::rule_added));
  story.segment.run_for(400ms);
  CHECK(story.segment.buckets_of(kThree, kSpread) == 0);
  story.note("host 1 stages it");
  stage(story, kOne, Variant::rule_added);
  story.segment.run_for(300ms);
  CHECK(story.segment.buckets_of(kThree, kSpread) == 0);
  CHECK(follow(story, {kOne, kTwo}, Variant::first));
  story.note("host 2 stages it");
  stage(story, kTwo, Variant::rule_added);
  story.segment.run_for(1s);
  CHECK(follow(story, {kOne, kTwo, kThree}, Variant::rule_added));
  CHECK(story.segment.status(kThree).converged);
  CHECK(all_owned(story, Variant::rule_added));
  story.compare();
}

TEST_CASE("hosts that are bound to an offer nobody can commit to let it go and take the next") {
  Story story("staged-overtaken");
  bind_two_of_three(story);
  story.note("all stage a changed rule, host 4 as well");
  for (const HostId host : {kOne, kTwo, kThree, kFour})
    stage(story, host, Variant::rule_changed);
  story.segment.run_for(200ms);
  story.segment.cut(kThree, kOne, false);
  story.segment.run_for(1500ms);
  CHECK(follow(story, {kOne, kTwo, kThree, kFour}, Variant::rule_changed));
  CHECK(all_owned(story, Variant::rule_changed));
  story.compare();
}

TEST_CASE("an offer is let go although a host that prepared it has died and come back anew") {
  Story story("staged-reborn");
  bind_two_of_three(story);
  story.note("host 3 crashes and boots with a changed rule, which the others stage");
  story.segment.crash(kThree);
  for (const HostId host : {kOne, kTwo, kFour})
    stage(story, host, Variant::rule_changed);
  story.segment.run_for(2s);
  story.segment.cut(kThree, kOne, false);
  story.segment.boot(sim::node_config(kCluster, kThree, 3003, Variant::rule_changed));
  story.segment.run_for(2s);
  CHECK(follow(story, {kOne, kTwo, kThree, kFour}, Variant::rule_changed));
  CHECK(all_owned(story, Variant::rule_changed));
  story.compare();
}

}  // namespace covey::test
