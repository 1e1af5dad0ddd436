// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/flaps.h"

#include <catch2/catch.hpp>

#include "support/observed_cluster.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::ClassIndex;
using base::HostId;
using convergence::FlapLog;
using convergence::hold_down;
using convergence::HostState;
using convergence::Verb;

void with_hold_down(convergence::NodeConfig& config) {
  config.hold_down = 5s;
}

/// Host 3 crashes and is started again as soon as it has been missed, that many times.
void flap(ObservedCluster& cluster, int times) {
  static std::uint64_t next_nonce = 100;
  for (int i = 0; i < times; ++i) {
    cluster.segment.crash(kThree);
    cluster.segment.run_for(700ms);
    cluster.boot(kThree, next_nonce++, with_hold_down);
    cluster.segment.run_for(1s);
  }
}

}  // namespace

TEST_CASE("the first two flaps are forgiven, then the hold-down doubles up to a limit") {
  CHECK(hold_down(1s, 0) == 0s);
  CHECK(hold_down(1s, 2) == 0s);
  CHECK(hold_down(1s, 3) == 1s);
  CHECK(hold_down(1s, 5) == 4s);
  CHECK(hold_down(1s, 12) == 512s);
  CHECK(hold_down(1s, 13) == 10min);
  CHECK(hold_down(1s, 255) == 10min);
  CHECK(hold_down(0s, 255) == 0s);
}

TEST_CASE("flaps are counted by host and halve every five minutes") {
  FlapLog log;
  const base::TimePoint start = base::TimePoint{} + 1h;
  CHECK(log.count(kOne, start) == 0);
  for (int i = 0; i < 9; ++i)
    log.note(kOne, start);
  CHECK(log.count(kOne, start) == 9);
  CHECK(log.count(kTwo, start) == 0);
  CHECK(log.count(kOne, start + 299s) == 9);
  CHECK(log.count(kOne, start + 5min) == 4);
  CHECK(log.count(kOne, start + 10min) == 2);
  CHECK(log.count(kOne, start + 20min) == 0);
  CHECK(log.count(kOne, start + 1000h) == 0);
  log.note(kOne, start + 10min);
  CHECK(log.count(kOne, start + 10min) == 3);
  for (int i = 0; i < 1000; ++i)
    log.note(kOne, start);
  CHECK(log.count(kOne, start) == 255);
}

TEST_CASE("a host that keeps vanishing is held down, and says why") {
  ObservedCluster cluster(3, with_hold_down);
  flap(cluster, 2);
  cluster.check_whole({kOne, kTwo, kThree});
  flap(cluster, 1);
  CHECK(cluster.segment.buckets_of(kThree, kSpread) == 0);
  CHECK(cluster.state(kThree) == HostState::joining);
  CHECK(cluster.segment.status(kThree).reason ==
        "vanished 3 times lately, held down for another 4 s");
  CHECK(cluster.segment.buckets_of(kOne, kSpread) == 32);
  cluster.segment.run_for(5s);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE("a host that restarts faster than it is missed counts as well") {
  ObservedCluster cluster(3, with_hold_down);
  for (std::uint64_t i = 0; i < 3; ++i) {
    cluster.segment.crash(kThree);
    cluster.segment.run_for(50ms);
    cluster.boot(kThree, 200 + i, with_hold_down);
    cluster.segment.run_for(1s);
  }
  CHECK(cluster.segment.buckets_of(kThree, kSpread) == 0);
  cluster.segment.run_for(5s);
  cluster.check_whole({kOne, kTwo, kThree});
}

TEST_CASE("leaving on purpose is no flap") {
  ObservedCluster cluster(3, with_hold_down);
  for (int i = 0; i < 6; ++i) {
    cluster.obey(kThree, Verb::stop);
    cluster.segment.run_for(200ms);
    cluster.obey(kThree, Verb::start);
    cluster.segment.run_for(1s);
    cluster.check_whole({kOne, kTwo, kThree});
  }
}

TEST_CASE("a host that is held down serves when nobody else does") {
  ObservedCluster cluster(3, with_hold_down);
  flap(cluster, 3);
  cluster.segment.crash(kOne);
  cluster.segment.crash(kTwo);
  cluster.segment.run_for(2s);
  cluster.check_whole({kThree});
}

TEST_CASE("without a hold-down a host may vanish as often as it likes") {
  ObservedCluster cluster(3);
  for (std::uint64_t i = 0; i < 6; ++i) {
    cluster.segment.crash(kThree);
    cluster.segment.run_for(700ms);
    cluster.boot(kThree, 300 + i, {});
    cluster.segment.run_for(1s);
    cluster.check_whole({kOne, kTwo, kThree});
  }
}

}  // namespace covey::test
