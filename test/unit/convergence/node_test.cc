// SPDX-License-Identifier: BSD-3-Clause
// One or several nodes on the simulated segment: the awkward cases, each as a story with an end.
#include <catch2/catch.hpp>
#include <functional>

#include "support/observed_cluster.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::ClassIndex;
using base::HostId;
using convergence::EventKind;
using convergence::HostState;
using convergence::OperatorCommand;
using convergence::Verb;

/// Two nodes that hear each other within a millisecond; what host 2 says may be spoilt on its way.
struct Pair {
  using Spoil = std::function<void(heartbeat::Message&)>;

  void run_for(base::Duration span) {
    for (const base::TimePoint end = now + span; now < end; now = now + 1ms) {
      if (now >= one.next_wakeup()) step(one, convergence::TimerFired{});
      if (now >= two.next_wakeup()) step(two, convergence::TimerFired{});
    }
  }
  void step(convergence::Node& node, const convergence::Input& input) {
    convergence::Effects effects;
    node.step(now, input, effects);
    for (const convergence::Effect& effect : effects) {
      if (const auto* install = std::get_if<convergence::InstallMap>(&effect)) {
        step(node, convergence::MapInstalled{.install_id = install->install_id, .residual = {}});
      }
      if (const auto* send = std::get_if<convergence::SendHeartbeat>(&effect)) {
        heartbeat::Message message = send->message;
        if (spoil && &node == &two) spoil(message);
        step(&node == &one ? two : one, convergence::HeartbeatReceived{message});
      }
    }
  }

  base::TimePoint now;
  convergence::Node one{test_config(1, 1), now};
  convergence::Node two{test_config(2, 2), now};
  Spoil spoil;
};

}  // namespace

TEST_CASE("a host alone serves everything, but not before a lease of others has passed") {
  ObservedCluster cluster;
  cluster.segment.boot(test_config(1, 1));
  const convergence::Timing timing = test_config(1, 1).timing;
  cluster.segment.run_for(timing.lease());
  CHECK(cluster.segment.owned_buckets(kSpread) == 0);
  cluster.segment.run_for(timing.interval);
  cluster.check_whole({kOne});
  CHECK(cluster.state(kOne) == HostState::converged);
}

TEST_CASE("a node that is not started says nothing and wants no timer") {
  convergence::NodeConfig config = test_config(1, 1);
  config.start_stopped = true;
  convergence::Node node(config, base::TimePoint{});
  convergence::Effects effects;
  node.step(base::TimePoint{} + 1s, convergence::TimerFired{}, effects);
  CHECK(effects.empty());
  CHECK(node.next_wakeup() == base::TimePoint::never());
  CHECK(node.status(base::TimePoint{} + 1s).state == HostState::stopped);
}

TEST_CASE("the lease ends when the members stop acknowledging") {
  ObservedCluster cluster(2);
  cluster.segment.cut(kOne, kTwo);
  cluster.segment.run_for(2s);
  CHECK(cluster.leases[1] == base::TimePoint::distant_past());  // evicted itself meanwhile
  CHECK(cluster.segment.violations().empty());
}

TEST_CASE("messages that nobody acknowledges do not extend the lease") {
  ObservedCluster cluster(2);
  const base::TimePoint end = cluster.segment.now() + test_config(2, 2).timing.lease();
  cluster.segment.cut(kTwo, kOne);
  cluster.segment.run_for(250ms);  // less than D: nobody has noticed anything yet
  CHECK(cluster.leases[2] > cluster.segment.now());
  CHECK(cluster.leases[2] <= end);
}

TEST_CASE("a mute host yields and never serves alone while it hears the others") {
  ObservedCluster cluster(3);
  cluster.segment.cut(kTwo, kOne);
  cluster.segment.cut(kTwo, kThree);
  cluster.segment.run_for(3s);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 0);
  CHECK(cluster.state(kTwo) == HostState::isolated);
  CHECK(cluster.segment.violations().empty());
  cluster.segment.cut(kTwo, kOne, false);
  cluster.segment.cut(kTwo, kThree, false);
  cluster.segment.run_for(1s);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE(
    "of two members that stop hearing each other the higher id goes, not the first to see it") {
  ObservedCluster cluster(3);
  cluster.segment.cut(kTwo, kThree);
  cluster.segment.cut(kThree, kTwo);
  cluster.segment.run_for(2s);
  CHECK(cluster.segment.buckets_of(kThree, kSpread) == 0);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 32);
  CHECK(cluster.segment.violations().empty());
}

TEST_CASE("a joiner that not all members hear does not disturb them") {
  ObservedCluster cluster(2);
  const std::uint32_t before = cluster.generation(kOne);
  cluster.segment.cut(kThree, kOne);
  cluster.segment.boot(test_config(3, 3));
  cluster.segment.run_for(2s);
  CHECK(cluster.generation(kOne) == before);
  CHECK(cluster.segment.buckets_of(kThree, kSpread) == 0);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a joiner whose workers are given another table is not thrown back") {
  for (int moment = 0; moment < 40; ++moment) {
    INFO("moment " << moment);
    ObservedCluster cluster(2);
    cluster.segment.cut(kTwo, kThree);
    cluster.segment.boot(test_config(3, 3));
    cluster.segment.run_for(230ms + moment * 1ms);  // its table is old enough for another one
    cluster.segment.cut(kTwo, kThree, false);       // which it needs when it learns of residuals
    cluster.segment.run_for(1s);
    CHECK(cluster.count(EventKind::converging, kThree) == 2);  // with host 1 alone, with both
    cluster.check_whole({kOne, kTwo, kThree});
  }
}

TEST_CASE("after a cut is healed the junior side yields and joins") {
  ObservedCluster cluster(3);
  for (const HostId far : {kTwo, kThree}) {
    cluster.segment.cut(kOne, far);
    cluster.segment.cut(far, kOne);
  }
  cluster.segment.run_for(2s);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 64);  // both sides serve: the policy
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) + cluster.segment.buckets_of(kThree, kSpread) ==
        64);
  for (const HostId far : {kTwo, kThree}) {
    cluster.segment.cut(kOne, far, false);
    cluster.segment.cut(far, kOne, false);
  }
  cluster.segment.run_for(2s);
  CHECK(cluster.segment.owned_buckets(kSpread) == 64);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) >= 21);
}

TEST_CASE("a host that stalled does not take over the others") {
  ObservedCluster cluster(3);
  cluster.segment.stall_control(kOne, 3s);
  cluster.segment.run_for(3100ms);
  CHECK(cluster.count(EventKind::self_doubt, kOne) == 1);
  cluster.segment.run_for(1s);
  CHECK(cluster.count(EventKind::host_lost, kOne) == 0);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE("a short stall costs nobody anything") {
  ObservedCluster cluster(3);
  const std::uint32_t before = cluster.generation(kOne);
  cluster.segment.stall_host(kOne, 140ms);
  cluster.segment.run_for(1s);
  CHECK(cluster.generation(kOne) == before);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE("a host that stalls while it starts listens again before it serves") {
  ObservedCluster cluster;
  cluster.segment.boot(test_config(1, 1));
  cluster.segment.run_for(20ms);
  cluster.segment.stall_host(kOne, 3s);
  cluster.segment.boot(test_config(2, 2));
  cluster.segment.run_for(4s);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("all hosts stalled at once go on as before") {
  ObservedCluster cluster(3);
  for (const HostId host : {kOne, kTwo, kThree})
    cluster.segment.stall_host(host, 2s);
  cluster.segment.run_for(4s);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE("a stop in the middle of an agreement leaves one map") {
  ObservedCluster cluster(3);
  cluster.obey(kTwo, Verb::drainstop);
  cluster.segment.run_for(500us);  // the others have proposed
  cluster.obey(kThree, Verb::stop);
  cluster.segment.run_for(2s);
  CHECK(cluster.state(kThree) == HostState::stopped);
  cluster.check_whole({kOne});
}

TEST_CASE("a weight that changes at any moment of a hand-over leaves one map") {
  OperatorCommand command;
  command.verb = Verb::set_weight;
  command.map_class = kSpread;
  command.weight = 50;
  for (int moment = 0; moment < 40; ++moment) {
    INFO("moment " << moment);
    ObservedCluster cluster(2);
    cluster.segment.boot(test_config(3, 3));
    while (cluster.count(EventKind::converging, kThree) == 0)
      cluster.segment.run_for(100us);
    cluster.segment.run_for(moment * 100us);
    cluster.segment.command(kThree, command);
    cluster.segment.run_for(1s);
    CHECK(cluster.segment.buckets_of(kThree, kSpread) == 13);  // 64 * 50 / 250
    cluster.check_whole({kOne, kTwo, kThree});
  }
}

TEST_CASE("start after stop joins as a new incarnation") {
  ObservedCluster cluster(2);
  const std::uint64_t before = cluster.segment.node(kTwo).status({}).members[1].nonce;
  cluster.obey(kTwo, Verb::stop);
  cluster.segment.run_for(100ms);
  CHECK_FALSE(cluster.segment.is_serving(kTwo));
  cluster.obey(kTwo, Verb::start);
  cluster.segment.run_for(1s);
  cluster.check_whole({kOne, kTwo});
  CHECK(cluster.segment.node(kTwo).status(cluster.segment.now()).members[1].nonce != before);
}

TEST_CASE("start while the host stops is obeyed once it has stopped") {
  ObservedCluster cluster(2);
  const std::uint64_t before = cluster.segment.node(kTwo).status({}).members[1].nonce;
  cluster.obey(kTwo, Verb::stop);
  cluster.obey(kTwo, Verb::start);
  SECTION("it joins as a new incarnation") {
    cluster.segment.run_for(1s);
    cluster.check_whole({kOne, kTwo});
    CHECK(cluster.segment.node(kTwo).status(cluster.segment.now()).members[1].nonce != before);
  }
  SECTION("unless it is to stop after all") {
    cluster.obey(kTwo, Verb::stop);
    cluster.segment.run_for(1s);
    CHECK(cluster.state(kTwo) == HostState::stopped);
    cluster.check_whole({kOne});
  }
  SECTION("unless it is suspended meanwhile") {
    cluster.obey(kTwo, Verb::suspend);
    cluster.segment.run_for(1s);
    CHECK(cluster.state(kTwo) == HostState::suspended);
    cluster.check_whole({kOne});
  }
}

TEST_CASE("a suspended host obeys resume before start") {
  ObservedCluster cluster(2);
  cluster.obey(kTwo, Verb::suspend);
  cluster.segment.run_for(100ms);
  CHECK(cluster.state(kTwo) == HostState::suspended);
  cluster.obey(kTwo, Verb::start);
  CHECK(cluster.state(kTwo) == HostState::suspended);
  cluster.obey(kTwo, Verb::resume);
  CHECK(cluster.state(kTwo) == HostState::stopped);
  cluster.obey(kTwo, Verb::start);
  cluster.segment.run_for(1s);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a drain ends at its time limit whatever flows are left") {
  ObservedCluster cluster(2);
  cluster.segment.set_flows(kTwo, base::BucketIndex{1}, 5);
  cluster.obey(kTwo, Verb::drainstop, 700ms);
  cluster.segment.run_for(600ms);
  CHECK(cluster.state(kTwo) == HostState::draining);
  CHECK(cluster.segment.is_serving(kTwo));
  cluster.segment.run_for(200ms);
  CHECK(cluster.state(kTwo) == HostState::stopped);
  cluster.check_whole({kOne});
}

TEST_CASE("start ends a drain and brings the buckets back") {
  ObservedCluster cluster(2);
  cluster.segment.set_flows(kTwo, base::BucketIndex{1}, 5);
  cluster.obey(kTwo, Verb::drainstop);
  cluster.segment.run_for(300ms);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 0);
  cluster.obey(kTwo, Verb::start);
  cluster.segment.run_for(300ms);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 32);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("the last host that drains refuses new connections and keeps its flows") {
  ObservedCluster cluster(1);
  cluster.segment.set_flows(kOne, base::BucketIndex{1}, 1);
  cluster.obey(kOne, Verb::drainstop);
  cluster.segment.run_for(500ms);
  CHECK(cluster.segment.owned_buckets(kSpread) == 0);
  CHECK(cluster.segment.is_serving(kOne));
  cluster.segment.set_flows(kOne, base::BucketIndex{1}, 0);
  cluster.segment.run_for(500ms);
  CHECK(cluster.state(kOne) == HostState::stopped);
}

TEST_CASE("a bucket is dirty at its new owner while the old one serves flows in it") {
  ObservedCluster cluster(2);
  const base::BucketIndex bucket{7};
  const HostId old_owner = cluster.segment.owner(kSpread, bucket);
  const HostId new_owner = old_owner == kOne ? kTwo : kOne;
  cluster.segment.set_flows(old_owner, bucket, 1);
  cluster.obey(old_owner, Verb::drainstop);
  cluster.segment.run_for(500ms);
  using bucket::BucketState;
  CHECK(cluster.segment.table(new_owner).state(kSpread, bucket) == BucketState::own_dirty);
  CHECK(cluster.segment.table(new_owner).state(kSpread, {8}) == BucketState::own);
  cluster.segment.set_flows(old_owner, bucket, 0);
  cluster.segment.set_flows(old_owner, {9}, 1);
  cluster.segment.run_for(500ms);
  CHECK(cluster.segment.table(new_owner).state(kSpread, bucket) == BucketState::own);
}

TEST_CASE("weights and commands that make no sense do nothing") {
  ObservedCluster cluster(2);
  const std::uint32_t before = cluster.generation(kOne);
  OperatorCommand command;
  command.verb = Verb::set_weight;
  command.map_class = ClassIndex{99};
  command.weight = 7;
  cluster.segment.command(kOne, command);
  command.map_class = ClassIndex{0};  // elected, has no weight
  cluster.segment.command(kOne, command);
  cluster.obey(kOne, Verb::start);
  cluster.obey(kOne, Verb::resume);
  cluster.segment.run_for(500ms);
  CHECK(cluster.generation(kOne) == before);
}

TEST_CASE("a class that is held back is so whatever its weight becomes") {
  ObservedCluster cluster(2);
  cluster.segment.command(kOne, sim::hold_command(kSpread, 50));
  cluster.segment.command(kOne, sim::weight_command(50));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 13);  // 25 of 125
  CHECK(cluster.segment.node(kOne).part(kSpread).weight == 50);
  const bool is_ill = GENERATE(false, true);  // then it is the last resort, which is not called
  cluster.segment.command(kOne, sim::hold_command(kSpread, 0, false, is_ill));
  cluster.segment.command(kOne, sim::weight_command(100));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 0);
  CHECK(cluster.segment.node(kTwo).history().back().trigger == "host 1 drains a rule");
  for (const HostId host : {kOne, kTwo}) {
    const auto members = cluster.segment.status(host).members;
    CHECK(members.at(0).withdrawn == std::vector{kSpread});
    CHECK(members.at(1).withdrawn.empty());
  }
  cluster.segment.command(kOne, sim::hold_command(kSpread, 200));  // more than all is all
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 32);
  CHECK(cluster.segment.node(kTwo).history().back().trigger == "host 1 takes a rule again");
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a weight of nothing leaves buckets where they are, a drained class leaves them nobody") {
  ObservedCluster cluster(2);
  for (const HostId host : {kOne, kTwo})
    cluster.segment.command(host, sim::weight_command(0));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.owned_buckets(kSpread) == 64);
  cluster.segment.command(kOne, sim::hold_command(kSpread, 0));
  cluster.segment.run_for(200ms);
  CHECK(cluster.segment.owned_buckets(kSpread) == 32);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 32);
}

TEST_CASE("a class that is closed is so at once, before anybody takes it over") {
  ObservedCluster cluster(2);
  cluster.split({kOne}, {kTwo});
  cluster.segment.command(kOne, sim::hold_command(kSpread, 0, /*closed=*/true));
  cluster.segment.run_for(1ms);
  CHECK(cluster.segment.table(kOne).closed == std::vector{kSpread});
  cluster.split({kOne}, {kTwo}, /*cut=*/false);
  cluster.segment.run_for(2s);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 64);
  cluster.obey(kOne, Verb::stop);
  cluster.segment.run_for(100ms);
  cluster.obey(kOne, Verb::start);
  cluster.segment.run_for(1s);
  CHECK(cluster.segment.table(kOne).closed == std::vector{kSpread});
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 64);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("a host may boot with a class held back") {
  ObservedCluster cluster(2, [](convergence::NodeConfig& config) {
    if (config.self == kTwo) config.classes[kSpread.value].percent = 0;
  });
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 64);
  cluster.check_whole({kOne, kTwo});
}

TEST_CASE("messages of another cluster and of impossible hosts are ignored") {
  convergence::Node node(test_config(1, 1), base::TimePoint{});
  convergence::Effects effects;
  heartbeat::Message message;
  message.cluster_id = 78;
  message.host = kTwo;
  node.step(base::TimePoint{}, convergence::HeartbeatReceived{message}, effects);
  message.cluster_id = 77;
  for (const std::uint8_t id : std::initializer_list<std::uint8_t>{0, 65, 255}) {
    message.host = HostId{id};
    message.acknowledgements = {{.host = HostId{id}, .nonce_low = 0, .sequence = 0, .age_ms = 0}};
    node.step(base::TimePoint{}, convergence::HeartbeatReceived{message}, effects);
  }
  message.host = kThree;  // in range, with acknowledgements out of it
  node.step(base::TimePoint{}, convergence::HeartbeatReceived{message}, effects);
  CHECK(node.status({}).members.size() == 2);
}

TEST_CASE("a host that lost a refused namesake for good is let in") {
  ObservedCluster cluster(2);
  cluster.segment.boot_namesake(102, test_config(2, 2002));
  cluster.segment.run_for(600ms);
  CHECK(cluster.segment.buckets_of(kTwo, kSpread) == 32);
  cluster.segment.crash(kTwo);
  cluster.segment.run_for(3s);
  CHECK(cluster.segment.violations().empty());
  CHECK(cluster.segment.owned_buckets(kSpread) == 64);
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 32);
}

TEST_CASE("whoever slept through his lease yields to a namesake that took his place") {
  ObservedCluster cluster(1);
  cluster.segment.run_for(5s);
  cluster.check_whole({kOne});
  cluster.segment.boot_namesake(101, test_config(1, 2001));
  cluster.segment.run_for(10ms);
  cluster.segment.stall_control(kOne, 2s);
  cluster.segment.run_for(10s);
  CHECK_THAT(cluster.segment.violations(), Catch::Matchers::Equals(std::vector<std::string>{}));
  CHECK(cluster.segment.status(kOne).reason == "refused: another host uses id 1");
}

TEST_CASE("a host does not commit while another one has computed a different map") {
  Pair pair;
  pair.spoil = [](heartbeat::Message& message) {
    if (message.map_digest != 0) message.map_digest += 1;
  };
  pair.run_for(5s);
  CHECK(pair.one.status(pair.now).members.size() == 2);
  CHECK(pair.one.history().empty());
  pair.spoil = nullptr;
  pair.run_for(1s);
  REQUIRE(pair.one.history().size() == 1);
  CHECK(pair.one.history()[0].members.size() == 2);
}

TEST_CASE("the history tells what happened and why") {
  ObservedCluster cluster(2);
  cluster.segment.crash(kTwo);
  cluster.segment.run_for(1s);
  const std::vector<convergence::Convergence>& history = cluster.segment.node(kOne).history();
  REQUIRE(history.size() == 2);
  CHECK(history[0].trigger == "host 1 joins");
  CHECK(history[1].trigger == "host 2 lost");
  CHECK(history[1].members.size() == 1);
  CHECK(history[1].moved_buckets == 33);  // 32 of the spread class and the single-host class
  CHECK(history[1].generation > history[0].generation);
}

TEST_CASE("status lists the members, the default host and why it is not converged") {
  ObservedCluster cluster(2);
  const convergence::Status status = cluster.segment.node(kOne).status(cluster.segment.now());
  CHECK(status.converged);
  CHECK(status.reason.empty());
  CHECK(status.default_host == kOne);
  REQUIRE(status.members.size() == 2);
  CHECK(status.members[0].is_default);
  CHECK(status.members[1].name == "h2");
  CHECK(status.members[1].state == HostState::converged);
  CHECK(status.islands == 0);
  cluster.segment.crash(kTwo);
  cluster.segment.run_for(330ms);
  const convergence::Status after = cluster.segment.node(kOne).status(cluster.segment.now());
  CHECK_FALSE(after.converged);
  CHECK(after.reason == "no other member is heard; waiting before this host serves alone");
}

}  // namespace covey::test
