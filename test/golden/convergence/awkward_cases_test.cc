// SPDX-License-Identifier: BSD-3-Clause
// Golden conversations, continued: cuts, hosts that are deaf, mute, stuck or unsteady, and what the
// partition policies make of them. Each of the mistakes that a protocol of this kind invites has
// its story here; what must not happen is asserted, what does happen is in the file.
#include <array>
#include <catch2/catch.hpp>

#include "story.h"

namespace covey::test {

namespace {

using namespace std::chrono_literals;
using base::HostId;
using convergence::NodeConfig;
using convergence::PartitionPolicy;
using convergence::Verb;

}  // namespace

TEST_CASE("both sides of a cut serve, and the junior side yields when it is healed") {
  Story story("partition-serve");
  story.begin_with(3);
  story.note("hosts 1 and 2,3 are cut off from each other");
  story.split({kOne}, {kTwo, kThree});
  story.segment.run_for(600ms);
  CHECK(story.share(kOne) == 64);
  CHECK(story.share(kTwo) + story.share(kThree) == 64);
  story.note("the cut is healed");
  story.split({kOne}, {kTwo, kThree}, false);
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("whoever yields after a cut takes nothing while a host of its old view may serve it") {
  Story story("left-behind");
  story.begin_with(5);
  story.note("hosts 1, 4 and 2, 3, 5 are cut off from each other");
  story.split({kOne, kFour}, {kTwo, kThree, kFive});
  story.segment.run_for(500ms);
  story.note(
      "the control thread of host 4 is stuck for 1 s; its workers go on until the lease ends");
  story.segment.stall_control(kFour, 1s);
  story.segment.run_for(50ms);
  story.note("the cut is healed");
  story.split({kOne, kFour}, {kTwo, kThree, kFive}, false);
  story.segment.run_for(2s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kFour) == 12);
  story.compare();
}

TEST_CASE("under majority the smaller side stops before the larger takes over") {
  Story story("partition-majority");
  story.begin_with(5, [](NodeConfig& config) { config.partition = PartitionPolicy::majority; });
  story.note("hosts 1,2 and 3,4,5 are cut off from each other");
  story.split({kOne, kTwo}, {kThree, kFour, kFive});
  story.segment.run_for(600ms);
  CHECK(story.share(kOne) + story.share(kTwo) == 0);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("the cut is healed");
  story.split({kOne, kTwo}, {kThree, kFour, kFive}, false);
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE(
    "hosts that are a majority only together join a view that was founded behind their backs") {
  Story story("together");
  story.begin_with(5, [](convergence::NodeConfig& config) {
    config.partition = convergence::PartitionPolicy::majority;
  });
  const std::array all{kOne, kTwo, kThree, kFour, kFive};
  const auto cut_all = [&](bool cut) {
    for (const base::HostId from : all) {
      for (const base::HostId to : all)
        if (from != to) story.segment.cut(from, to, cut);
    }
  };
  story.note("nobody hears anybody, host 1 starts again and remembers nobody");
  cut_all(true);
  story.segment.crash(kOne);
  convergence::NodeConfig again = test_config(1, 1001);
  again.partition = convergence::PartitionPolicy::majority;
  story.segment.boot(again);
  story.segment.run_for(2s);
  CHECK(story.share(kOne) == 64);
  story.note("all links are good again");
  cut_all(false);
  story.segment.run_for(1s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kOne) == 13);
  story.compare();
}

TEST_CASE("that a host took no flows once is no reason to take its buckets later") {
  Story story("took-none-once");
  story.begin_with(5, [](NodeConfig& config) {
    config.partition = PartitionPolicy::majority;
    for (const HostId host : {kOne, kTwo, kThree, kFour, kFive})
      config.voters.insert(host);
  });
  story.note("host 5 is cut off; host 4 alone hears it say that it takes no flows");
  story.split({kFive}, {kOne, kTwo, kThree});
  story.segment.cut(kFour, kFive);
  story.segment.run_for(700ms);
  CHECK(story.share(kFive) == 0);
  story.note("host 4 is cut off from all, host 5 is back");
  story.segment.cut(kFive, kFour);
  story.split({kFour}, {kOne, kTwo, kThree});
  story.split({kFive}, {kOne, kTwo, kThree}, false);
  story.segment.run_for(900ms);
  CHECK(story.share(kFive) == 16);
  story.note("the control thread of host 5 is stuck, then host 4 is back");
  story.segment.stall_control(kFive, 1s);
  story.segment.mend_all_links();
  story.segment.run_for(2s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("a host that loses its gateway hands over at once and stays a member") {
  Story story("gateway");
  story.begin_with(2, [](NodeConfig& config) { config.partition = PartitionPolicy::gateway; });
  story.note("the gateway answers both");
  story.segment.gateway(kOne, true);
  story.segment.gateway(kTwo, true);
  story.segment.run_for(300ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("it no longer answers host 1");
  story.segment.gateway(kOne, false);
  story.segment.run_for(100ms);
  CHECK(story.share(kTwo) == 64);
  story.note("now it does");
  story.segment.gateway(kOne, true);
  story.segment.run_for(100ms);
  CHECK(story.share(kOne) == 32);
  story.compare();
}

TEST_CASE("a deaf host is dropped by the others and does not take their buckets") {
  Story story("deaf");
  story.begin_with(3);
  story.note("host 3 hears nobody any more");
  story.segment.cut(kOne, kThree);
  story.segment.cut(kTwo, kThree);
  story.segment.run_for(900ms);
  CHECK(story.share(kOne) + story.share(kTwo) == 64);
  story.note("it hears again");
  story.segment.mend_all_links();
  story.segment.run_for(600ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kThree) == 21);
  story.compare();
}

TEST_CASE("a mute host that hears the others is the odd one out") {
  Story story("mute");
  story.begin_with(3);
  story.note("nobody hears host 1 any more");
  story.segment.cut(kOne, kTwo);
  story.segment.cut(kOne, kThree);
  story.segment.run_for(1s);
  CHECK(story.share(kOne) == 0);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("of two members that do not hear each other the higher id goes") {
  Story story("broken-edge");
  story.begin_with(3);
  story.note("hosts 2 and 3 do not hear each other");
  story.split({kTwo}, {kThree});
  story.segment.run_for(1s);
  CHECK(story.share(kThree) == 0);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("the first to notice a death is not taken for the dead one") {
  Story story("first-to-notice");
  story.begin_with(3);
  story.note("host 3 is heard by host 2 for 200 ms longer than by host 1, then crashes");
  story.segment.cut(kThree, kOne);
  story.segment.run_for(200ms);
  story.segment.crash(kThree);
  story.segment.run_for(700ms);
  CHECK(story.share(kOne) == 32);
  CHECK(story.share(kTwo) == 32);
  story.compare();
}

TEST_CASE("a joiner whom one member does not hear costs nobody a place") {
  Story story("half-joiner");
  story.begin_with(2);
  story.note("host 3 boots; host 1 does not hear it");
  story.segment.cut(kThree, kOne);
  story.segment.boot(test_config(3, 3));
  story.segment.run_for(700ms);
  CHECK(story.share(kThree) == 0);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.note("now it does");
  story.segment.cut(kThree, kOne, false);
  story.segment.run_for(300ms);
  CHECK(story.share(kThree) == 21);
  story.compare();
}

TEST_CASE("a stuck control thread fences its host, whose timers begin anew when it wakes") {
  Story story("stuck-control");
  story.begin_with(3);
  story.note("the control thread of host 1 is stuck for 1 s");
  story.segment.stall_control(kOne, 1s);
  story.segment.run_for(900ms);
  CHECK(story.share(kOne) == 0);  // its lease has run out
  CHECK(story.share(kTwo) + story.share(kThree) == 64);
  story.segment.run_for(700ms);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.share(kOne) == 21);
  story.compare();
}

TEST_CASE("a host that sleeps and wakes to a backlog of messages does not go alone") {
  Story story("sleeper");
  story.begin_with(2);
  story.note("host 1 sleeps for 250 ms, within its lease");
  story.segment.stall_host(kOne, 250ms);
  story.segment.run_for(1s);
  CHECK(story.share(kOne) == 32);
  CHECK(story.share(kTwo) == 32);
  story.compare();
}

TEST_CASE("a host that sleeps while it starts listens anew before it serves") {
  Story story("sleepy-start");
  story.record();
  story.note("host 1 boots and falls asleep for 1 s; host 2 boots meanwhile");
  story.segment.boot(test_config(1, 1));
  story.segment.run_for(20ms);
  story.segment.stall_host(kOne, 1s);
  story.segment.run_for(100ms);
  story.segment.boot(test_config(2, 2));
  story.segment.run_for(2s);
  CHECK(story.share(kOne) == 32);
  CHECK(story.share(kTwo) == 32);
  story.compare();
}

TEST_CASE("a host that leaves in the middle of an agreement leaves one map") {
  Story story("leave-while-agreeing");
  story.begin_with(3);
  story.note("drainstop host 2; half a millisecond later stop host 3");
  story.segment.set_flows(kTwo, {0}, 1);
  story.obey(kTwo, Verb::drainstop);
  story.segment.run_for(500us);
  story.obey(kThree, Verb::stop);
  story.segment.run_for(300ms);
  CHECK(story.share(kOne) == 64);
  story.compare();
}

TEST_CASE(
    "of two views whose hosts all slept through their leases one gives up before both serve") {
  Story story("sleepers");
  story.begin_with(4);
  story.note("hosts 1, 2 and 3 sleep for 3 s, host 4 begins to drain, then boots again");
  for (const base::HostId host : {kOne, kTwo, kThree})
    story.segment.stall_host(host, 3s);
  story.obey(kFour, Verb::drainstop);
  story.segment.run_for(50ms);
  story.segment.crash(kFour);
  story.segment.boot(test_config(4, 4004));
  story.segment.run_for(1950ms);
  CHECK(story.share(kFour) == 64);
  story.note("host 4 sleeps as well, until the others wake");
  story.segment.stall_host(kFour, 1s);
  story.segment.run_for(3s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  CHECK(story.segment.status(kFour).converged);
  story.compare();
}

TEST_CASE("of two views that slept one gives up also if the other has to change at once") {
  Story story("sleepers-changed");
  story.begin_with(5);
  story.note("hosts 1 to 4 sleep for 3 s, host 5 boots again");
  for (const base::HostId host : {kOne, kTwo, kThree, kFour})
    story.segment.stall_host(host, 3s);
  story.segment.crash(kFive);
  story.segment.boot(test_config(5, 5005));
  story.segment.run_for(2s);
  CHECK(story.share(kFive) == 64);
  story.note("host 5 sleeps until the others wake; host 4 boots again, host 3 cannot hear host 1");
  story.segment.stall_host(kFive, 1s);
  story.segment.run_for(950ms);
  story.segment.crash(kFour);
  story.segment.boot(test_config(4, 4004));
  story.segment.cut(kOne, kThree);
  story.segment.run_for(3s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  for (const base::HostId host : {kOne, kTwo, kFour, kFive})
    CHECK(story.segment.status(host).converged);
  story.compare();
}

TEST_CASE("hosts that slept do not wait for newcomers that wait for one of them") {
  Story story("sleepers-few");
  const auto configure = [](convergence::NodeConfig& config) {
    config.partition = convergence::PartitionPolicy::majority;
    if (config.self == kTwo) config.classes[kSpread.value].weight = 0;
  };
  story.begin_with(5, configure);
  const auto boot_again = [&](std::uint8_t host) {
    convergence::NodeConfig config = test_config(host, 1000U + host);
    configure(config);
    story.segment.boot(config);
  };
  story.note("hosts 2 and 5 sleep for 1 s, the others crash and boot as they wake");
  for (const base::HostId host : {kTwo, kFive})
    story.segment.stall_host(host, 1s);
  for (const base::HostId host : {kOne, kThree, kFour})
    story.segment.crash(host);
  story.segment.run_for(880ms);
  boot_again(3);
  boot_again(4);
  story.segment.run_for(160ms);
  boot_again(1);
  story.segment.run_for(3s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  for (const base::HostId host : {kOne, kTwo, kThree, kFour, kFive})
    CHECK(story.segment.status(host).converged);
  story.compare();
}

TEST_CASE("newcomers that wait for others do not make hosts that slept a majority") {
  Story story("sleepers-half");
  const auto configure = [](convergence::NodeConfig& config) {
    config.partition = convergence::PartitionPolicy::majority;
  };
  story.begin_with(6, configure);
  constexpr HostId kSix{6};
  story.note("hosts 2, 3 sleep for 2 s, host 4 for 1 s; host 1 crashes, hosts 5, 6 boot again");
  for (const base::HostId host : {kTwo, kThree})
    story.segment.stall_host(host, 2s);
  story.segment.stall_host(kFour, 1s);
  for (const base::HostId host : {kOne, kFive, kSix})
    story.segment.crash(host);
  story.segment.run_for(1850ms);
  for (const base::HostId host : {kFive, kSix}) {
    convergence::NodeConfig again = test_config(host.value, 1000U + host.value);
    configure(again);
    story.segment.boot(again);
  }
  story.segment.run_for(3s);
  CHECK(story.segment.owned_buckets({1}) == 64);
  for (const base::HostId host : {kTwo, kThree, kFour, kFive, kSix})
    CHECK(story.segment.status(host).converged);
  story.compare();
}

TEST_CASE("a host that keeps vanishing is held down") {
  Story story("hold-down");
  const auto held = [](NodeConfig& config) { config.hold_down = 500ms; };
  story.begin_with(3, held);
  for (std::uint64_t start = 1; start <= 3; ++start) {
    story.note("host 3 crashes and boots again");
    story.segment.crash(kThree);
    story.segment.run_for(400ms);
    NodeConfig config = test_config(3, 300 + start);
    held(config);
    story.segment.boot(config);
    story.segment.run_for(400ms);
  }
  CHECK(story.share(kThree) == 0);
  story.segment.run_for(400ms);
  CHECK(story.share(kThree) == 21);
  CHECK(story.segment.owned_buckets({1}) == 64);
  story.compare();
}

TEST_CASE("clocks that run at different rates change nothing") {
  Story story("unequal-clocks");
  story.segment.boot(test_config(1, 1), {0, 5000});
  story.segment.boot(test_config(2, 2), {0, -5000});
  story.segment.run_for(5s);
  story.record();
  story.note("host 2, whose clock is slow, crashes");
  story.segment.crash(kTwo);
  story.segment.run_for(500ms);
  CHECK(story.share(kOne) == 64);
  story.compare();
}

}  // namespace covey::test
