// SPDX-License-Identifier: BSD-3-Clause
// Golden conversations: what hosts say to each other in the situations that matter, word for word.
//
// Each story runs on the simulated segment without loss and is compared with its text file. After a
// deliberate change of the protocol, COVEY_REWRITE_GOLDEN=1 writes the files anew; read the
// difference before committing it.
#include <catch2/catch.hpp>
#include <string>

#include "story.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::HostId;
using convergence::OperatorCommand;
using convergence::Verb;

}  // namespace

TEST_CASE("two hosts form a cluster") {
  Story story("form");
  story.record();
  story.note("hosts 1 and 2 boot");
  story.segment.boot(test_config(1, 1));
  story.segment.boot(test_config(2, 2));
  story.segment.run_for(1s);
  CHECK(story.segment.buckets_of(kOne, {1}) == 32);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 32);
  story.compare();
}

TEST_CASE("a third host joins and gets its share in one generation") {
  Story story("join");
  story.begin_with(2);
  story.note("host 3 boots");
  story.segment.boot(test_config(3, 3));
  story.segment.run_for(600ms);
  CHECK(story.segment.buckets_of(kThree, {1}) == 21);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("a host that is stopped hands over within milliseconds") {
  Story story("leave");
  story.begin_with(3);
  story.note("stop host 2");
  story.obey(kTwo, Verb::stop);
  story.segment.run_for(10ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.segment.run_for(400ms);
  story.compare();
}

TEST_CASE("hosts that are restarted one after the other leave no gap") {
  Story story("rolling-stop");
  story.begin_with(3);
  story.note("stop host 3, and start it again");
  story.obey(kThree, Verb::stop);
  story.segment.run_for(250ms);
  story.obey(kThree, Verb::start);
  story.segment.run_for(170ms);
  REQUIRE(story.share(kThree) == 21);
  story.note("stop host 2");
  story.obey(kTwo, Verb::stop);
  story.segment.run_for(10ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.segment.run_for(100ms);
  story.compare();
}

TEST_CASE("a host that is told to start while it stops leaves first, and comes back as another") {
  Story story("start-while-stopping");
  story.begin_with(2);
  story.note("stop host 2, and start it before its workers have stopped");
  story.obey(kTwo, Verb::stop);
  story.obey(kTwo, Verb::start);
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kTwo) == 32);
  story.compare();
}

TEST_CASE("the connections of a host that is restarted are spared until it is back") {
  Story story("restart");
  story.begin_with(3);
  const base::BucketIndex bucket{0};
  const HostId holder = story.give_flows(bucket, 2);
  story.note("host " + std::to_string(holder.value) +
             " holds 2 flows in bucket 0, and is restarted");
  story.obey(holder, Verb::stop, /*comes_back=*/true);
  story.segment.run_for(1s);
  const HostId heir = story.segment.owner({1}, bucket);
  CHECK(story.segment.table(heir).state({1}, bucket) == bucket::BucketState::own_dirty);
  story.note("it is started again");
  story.obey(holder, Verb::start);
  story.segment.run_for(1s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("host " + std::to_string(holder.value) + " is stopped, and does not come back");
  story.obey(holder, Verb::stop, /*comes_back=*/true);
  story.segment.run_for(6s);
  CHECK(story.segment.table(story.segment.owner({1}, bucket)).state({1}, bucket) ==
        bucket::BucketState::own);
  story.compare();
}

TEST_CASE("the buckets of a crashed host move when its lease has passed") {
  Story story("crash");
  story.begin_with(3);
  story.note("host 2 crashes");
  story.segment.crash(kTwo);
  story.segment.run_for(470ms);  // (K + 1.6) T and some messages
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("the buckets of a host whose process died move as soon as its parent says so") {
  Story story("die");
  story.begin_with(3);
  story.note("the process of host 2 dies");
  story.segment.die(kTwo);
  story.segment.run_for(20ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("host 2 boots with a new nonce");
  story.segment.boot(test_config(2, 2002));
  story.segment.run_for(500ms);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 21);
  story.compare();
}

TEST_CASE("a draining host gives up its buckets and leaves with its last flow") {
  Story story("drain");
  story.begin_with(2);
  const base::BucketIndex bucket{0};
  const HostId holder = story.give_flows(bucket, 2);
  story.note("drainstop host " + std::to_string(holder.value) + ", which holds 2 flows");
  story.obey(holder, Verb::drainstop);
  story.segment.run_for(500ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.is_serving(holder));
  story.note("its flows end");
  story.segment.set_flows(holder, bucket, 0);
  story.segment.run_for(300ms);
  CHECK_FALSE(story.segment.is_serving(holder));
  story.compare();
}

TEST_CASE("a changed weight is one generation") {
  Story story("weight");
  story.begin_with(2);
  story.note("host 2: weight 50");
  OperatorCommand command;
  command.verb = Verb::set_weight;
  command.map_class = {1};
  command.weight = 50;
  story.segment.command(kTwo, command);
  story.segment.run_for(300ms);
  CHECK(story.segment.buckets_of(kOne, {1}) == 43);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 21);
  story.compare();
}

TEST_CASE("a host drains a class, then all do, and one takes it again") {
  Story story("drain-class");
  story.begin_with(2);
  const base::BucketIndex bucket{0};
  const HostId first = story.give_flows(bucket, 2);
  const HostId second = first == kOne ? kTwo : kOne;
  const auto text = [](HostId host) { return "host " + std::to_string(host.value); };
  story.note(text(first) + ", which holds 2 flows, drains class 1");
  story.segment.command(first, sim::hold_command({1}, 0));
  story.segment.run_for(400ms);
  CHECK(story.share(second) == 64);
  CHECK(story.segment.table(second).state({1}, bucket) == bucket::BucketState::own_dirty);
  CHECK(story.segment.owned_buckets({0}) == 1);
  CHECK(story.segment.status(first).state == convergence::HostState::converged);
  story.note(text(second) + " drains it, too");
  story.segment.command(second, sim::hold_command({1}, 0));
  story.segment.run_for(400ms);
  CHECK(story.segment.owned_buckets({1}) == 0);
  CHECK(story.segment.table(first).state({1}, bucket) == bucket::BucketState::refused);
  story.note(text(first) + " takes it again");
  story.segment.command(first, sim::hold_command({1}, 100));
  story.segment.run_for(400ms);
  CHECK(story.share(first) == 64);
  story.compare();
}

TEST_CASE("services fall ill on one host after the other, and the last resort is called") {
  Story story("last-resort");
  story.begin_with(2);
  for (const HostId host : {kTwo, kOne}) {
    story.note("host " + std::to_string(host.value) + " holds back classes 1 and 2, being ill");
    for (const base::ClassIndex map_class : {base::ClassIndex{1}, base::ClassIndex{2}}) {
      story.segment.command(host, sim::hold_command(map_class, 0, /*closed=*/false,
                                                    /*last_resort=*/true));
    }
    story.segment.run_for(400ms);
    CHECK(story.share(kOne) == (host == kTwo ? 64 : 32));
    CHECK(story.segment.owned_buckets({1}) == 64);
    CHECK(story.segment.owned_buckets({2}) == 1);
  }
  story.note("host 2 is well again");
  for (const base::ClassIndex map_class : {base::ClassIndex{1}, base::ClassIndex{2}})
    story.segment.command(kTwo, sim::hold_command(map_class, 100));
  story.segment.run_for(400ms);
  CHECK(story.share(kTwo) == 64);
  CHECK(story.segment.owner({2}, {0}) == kTwo);
  story.compare();
}

TEST_CASE("a host takes less of a class, and withdraws from the election in another one") {
  Story story("hold-back");
  story.begin_with(2);
  story.note("host 2 takes 50 % of its part in class 1");
  story.segment.command(kTwo, sim::hold_command({1}, 50));
  story.segment.run_for(400ms);
  CHECK(story.share(kTwo) == 21);
  CHECK(story.segment.owner({2}, {0}) == kTwo);
  story.note("host 2 withdraws from class 2 and closes it");
  story.segment.command(kTwo, sim::hold_command({2}, 0, /*closed=*/true));
  story.segment.run_for(400ms);
  CHECK(story.segment.owner({2}, {0}) == kOne);
  CHECK(story.segment.table(kTwo).closed == std::vector{base::ClassIndex{2}});
  story.note("host 2 takes 1 % of its part in class 2, in which there are no parts");
  story.segment.command(kTwo, sim::hold_command({2}, 1));
  story.segment.run_for(400ms);
  CHECK(story.segment.owner({2}, {0}) == kTwo);
  CHECK(story.segment.table(kTwo).closed.empty());
  story.compare();
}

TEST_CASE("a host restarted before it was missed joins as a new one") {
  Story story("quick-restart");
  story.begin_with(3);
  story.note("host 2 crashes");
  story.segment.crash(kTwo);
  story.segment.run_for(50ms);
  story.note("host 2 boots with a new nonce");
  story.segment.boot(test_config(2, 2002));
  story.segment.run_for(1s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 21);
  story.compare();
}

TEST_CASE("a second host with a taken id is kept out") {
  Story story("duplicate-id");
  story.begin_with(2);
  story.note("another machine boots as host 2");
  story.segment.boot_namesake(102, test_config(2, 2002));
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 32);
  story.compare();
}

TEST_CASE("whose id is taken is told what else keeps it out, and the others are told") {
  Story story("duplicate-mismatch");
  story.begin_with(2);
  story.note("another machine with another configuration boots as host 2");
  convergence::NodeConfig other = test_config(2, 2002);
  other.config_digest = 0xbad;
  other.shared_settings.front().value = "single";
  story.segment.boot_namesake(102, other);
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 32);
  story.compare();
}

TEST_CASE("a host that boots again with another configuration and its peers say what differs") {
  Story story("config-restart");
  story.begin_with(3);
  story.note("host 3 crashes and boots with another configuration");
  convergence::NodeConfig other = test_config(3, 3003);
  other.config_digest = 0xbad;
  other.shared_settings.front().value = "single";
  story.segment.crash(kThree);
  story.segment.boot(other);
  story.segment.run_for(1s);
  const std::string there = "rule web: affinity none here, single there";
  const std::string here = "rule web: affinity single here, none there";
  CHECK(story.segment.status(kOne).reason == "host 3 refused: " + there);
  CHECK(story.segment.status(kThree).reason ==
        "refused: configuration differs from that of host 1: " + here);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("it boots with that of the others");
  story.segment.crash(kThree);
  story.segment.boot(test_config(3, 30003));
  story.segment.run_for(600ms);
  CHECK(story.share(kThree) == 21);
  story.compare();
}

TEST_CASE("a host whose id was borrowed while it slept gets it back") {
  Story story("borrowed-id");
  story.begin_with(3);
  story.note("host 2 sleeps for 2 s");
  story.segment.stall_host(kTwo, 2s);
  story.segment.run_for(200ms);
  story.note("another machine boots as host 2");
  story.segment.boot_namesake(102, test_config(2, 2002));
  story.segment.run_for(1200ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("and disappears");
  story.segment.remove(102);
  story.segment.run_for(2500ms);
  CHECK(story.segment.status(kTwo).converged);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 21);
  story.compare();
}

TEST_CASE("a namesake that follows takes nothing before the lease of the first one has passed") {
  Story story("namesake-follows");
  story.begin_with(1);
  story.note("another machine boots as host 1");
  story.segment.boot_namesake(101, test_config(1, 2001));
  story.segment.run_for(500ms);
  story.note("the control thread of the first one is stuck for 1 s, host 3 boots");
  story.segment.stall_control(kOne, 1s);
  story.segment.boot(test_config(3, 3));
  story.segment.run_for(900ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kThree, {1}) == 32);
  story.compare();
}

TEST_CASE("a host that first heard a namesake which is gone takes nothing from the incumbent") {
  Story story("namesake-gone");
  story.begin_with(2);
  story.note("host 1 boots anew, another machine boots as host 2 and disappears");
  story.segment.crash(kOne);
  story.segment.cut(kOne, kTwo);
  story.segment.boot(test_config(1, 1001));
  story.segment.run_for(5ms);
  story.segment.boot_namesake(102, test_config(2, 2002));
  story.segment.run_for(15ms);
  story.segment.remove(102);
  story.segment.run_for(680ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kTwo) == 64);
  story.note("host 2 hears host 1 as well");
  story.segment.cut(kOne, kTwo, false);
  story.segment.run_for(1s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kOne) == 32);
  CHECK(story.share(kTwo) == 32);
  story.compare();
}

TEST_CASE("a host that hears a refused namesake first still finds the incumbent") {
  Story story("namesake-first");
  story.begin_with(2);
  story.note("another machine boots as host 2, host 1 crashes");
  story.segment.boot_namesake(102, test_config(2, 2002));
  story.segment.crash(kOne);
  story.segment.run_for(1s);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 64);
  story.note("host 1 boots and does not hear host 2 for 200 ms");
  story.segment.cut(kTwo, kOne);
  story.segment.boot(test_config(1, 1001));
  story.segment.run_for(200ms);
  story.note("now it does");
  story.segment.cut(kTwo, kOne, false);
  story.segment.run_for(1s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kOne, {1}) == 32);
  CHECK(story.segment.buckets_of(kTwo, {1}) == 32);
  story.compare();
}

TEST_CASE("a host with another configuration is kept out and both sides say what differs") {
  Story story("config-mismatch");
  const auto with_affinity = [](convergence::NodeConfig config, const std::string& affinity) {
    config.shared_settings = {{"buckets", "64"}, {"rule web: affinity", affinity}};
    return config;
  };
  story.segment.boot(with_affinity(test_config(1, 1), "none"));
  story.segment.boot(with_affinity(test_config(2, 2), "none"));
  story.segment.run_for(1s);
  story.record();
  story.note("host 3 boots with another configuration");
  convergence::NodeConfig other = with_affinity(test_config(3, 3), "single");
  other.config_digest = 0xbad;
  story.segment.boot(other);
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.buckets_of(kThree, {1}) == 0);
  CHECK(story.segment.status(kOne).converged);
  CHECK(story.segment.status(kOne).reason ==
        "host 3 refused: rule web: affinity none here, single there");
  CHECK(story.segment.status(kThree).reason ==
        "refused: configuration differs from that of host 1: rule web: affinity single here, "
        "none there");
  story.compare();
}

TEST_CASE("whoever slept through his lease yields to another configuration that serves") {
  Story story("config-overslept");
  story.begin_with(2);
  story.note("host 2 sleeps for 1 s, host 1 boots with another configuration");
  story.segment.stall_host(kTwo, 1s);
  story.segment.crash(kOne);
  convergence::NodeConfig other = test_config(1, 1001);
  other.config_digest = 0xbad;
  story.segment.boot(other);
  story.segment.run_for(2500ms);
  CHECK(story.segment.buckets_of(kOne, {1}) == 64);
  CHECK(story.segment.status(kTwo).reason == "refused: configuration differs from that of host 1");
  story.compare();
}

TEST_CASE("a single-host class follows priority and fails over") {
  Story story("single-host");
  story.begin_with(3);
  CHECK(story.segment.owner({2}, {0}) == kThree);  // the lowest priority number
  story.note("stop host 3, which has the best priority in class 2");
  story.obey(kThree, Verb::stop);
  story.segment.run_for(300ms);
  CHECK(story.segment.owner({2}, {0}) == kTwo);
  story.note("start host 3");
  story.obey(kThree, Verb::start);
  story.segment.run_for(600ms);
  CHECK(story.segment.owner({2}, {0}) == kThree);
  story.compare();
}

}  // namespace covey::test
