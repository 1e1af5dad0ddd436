// SPDX-License-Identifier: BSD-3-Clause
#include "flow/flow_cache.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "conversation.h"

using namespace covey;
using namespace covey::test_support;
using namespace std::chrono_literals;
using flow::FlowState;

TEST_CASE("a SYN-ACK of our stack makes a half-open entry that knows the ACK it expects") {
  Bench bench;
  CHECK(bench.egress(client(1), kSyn | kAck, 0xffffffff));
  CHECK(bench.state(client(1)) == FlowState::half_open);
  CHECK(bench.cache.find(client(1)).expected_ack == 0);
  CHECK(bench.cache.statistics().half_open == 1);
  CHECK(bench.state(client(2)) == FlowState::none);
}

TEST_CASE("nothing a client sends makes an entry") {
  Bench bench;
  for (unsigned flags = 0; flags < 64; ++flags) {
    CHECK_FALSE(bench.inbound(client(1), static_cast<std::uint8_t>(flags)));
  }
  CHECK(bench.state(client(1)) == FlowState::none);
  CHECK(bench.cache.statistics().created == 0);
}

TEST_CASE("a client's ACK establishes a flow if it names the number of our SYN-ACK") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck, 1000);
  CHECK_FALSE(bench.inbound(client(1), kAck, 500, 1000));
  CHECK_FALSE(bench.inbound(client(1), kSyn | kAck, 500, 1001));
  CHECK(bench.state(client(1)) == FlowState::half_open);
  CHECK(bench.inbound(client(1), kAck, 500, 1001));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.cache.find(client(1)).next_sequence == 500);
  CHECK_FALSE(bench.inbound(client(1), kAck, 500, 1001));
  bench.egress(client(2), kSyn | kAck, 1000);
  CHECK(bench.inbound(client(2), kFin | kAck, 500, 1001));
  CHECK(bench.egress(client(2), kFin | kAck, 1001, 501));
  CHECK(bench.state(client(2)) == FlowState::lingering);
}

TEST_CASE("any other segment of our stack establishes the flow") {
  for (const unsigned flags : {kAck | 8U, 0U | kFin | kAck, 0U | kSyn}) {
    Bench bench;
    CHECK(bench.egress(client(1), static_cast<std::uint8_t>(flags)));
    CHECK(bench.state(client(1)) == FlowState::established);
    CHECK(bench.cache.find(client(1)).expected_ack == 0);
  }
  Bench bench;
  CHECK(bench.egress_of_data(client(2)));
  CHECK(bench.state(client(2)) == FlowState::established);
  bench.egress(client(1), kSyn | kAck);
  CHECK(bench.egress(client(1), kAck));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.cache.statistics().half_open == 0);
  CHECK(bench.cache.statistics().established == 2);
}

TEST_CASE("the bare ACK of a socket that is half open proves no connection") {
  // With it a kernel answers a second SYN of the same ports that has another number.
  Bench bench;
  bench.egress(client(1), kSyn | kAck, 1000, 500);
  CHECK_FALSE(bench.egress(client(1), kAck, 1001, 500));
  CHECK(bench.state(client(1)) == FlowState::half_open);
  CHECK(bench.cache.find(client(1)).expected_ack == 1001);
  SECTION("but anything further does: a client may send data with its SYN") {
    CHECK(bench.egress(client(1), kAck, 2461, 500));
    CHECK(bench.state(client(1)) == FlowState::established);
  }
  SECTION("and so does data") {
    CHECK(bench.egress_of_data(client(1), 1001));
    CHECK(bench.state(client(1)) == FlowState::established);
  }
  SECTION("and a SYN-ACK with another number is to be named anew") {
    for (const bool withheld : {false, true}) {
      withheld ? bench.withheld(client(1), 2000) : bench.egress(client(1), kSyn | kAck, 2000, 700);
      CHECK_FALSE(bench.egress(client(1), kAck, 2001, 700));
      CHECK(bench.state(client(1)) == FlowState::half_open);
      bench.egress(client(1), kSyn | kAck, 1000, 500);
    }
  }
}

TEST_CASE("the bare ACK of a flow that is not known may come from a half-open socket") {
  // A kernel repeats its SYN-ACK for longer than an unanswered one is remembered here.
  Bench bench;
  CHECK(bench.egress(client(1), kAck, 1001, 500));
  CHECK(bench.state(client(1)) == FlowState::half_open);
  CHECK(bench.cache.find(client(1)).overheard);
  CHECK(bench.cache.statistics().half_open == 1);
  CHECK_FALSE(bench.egress(client(1), kAck, 1001, 500));
  CHECK(bench.state(client(1)) == FlowState::half_open);
  SECTION("the client proves a connection by the number") {
    CHECK_FALSE(bench.inbound(client(1), kAck, 500, 1000));
    CHECK_FALSE(bench.inbound(client(1), kAck, 500, 1003));
    CHECK(bench.state(client(1)) == FlowState::half_open);
    CHECK(bench.inbound(client(1), kAck, 500, 1001));
    CHECK(bench.state(client(1)) == FlowState::established);
    CHECK_FALSE(bench.cache.find(client(1)).overheard);
  }
  SECTION("or by the one behind it: the ACK asked whether the client is still there") {
    CHECK(bench.inbound(client(1), kAck, 500, 1002));
    CHECK(bench.state(client(1)) == FlowState::established);
  }
  SECTION("our stack proves it by whatever follows") {
    CHECK(bench.egress(client(1), kAck, 2461, 500));
    CHECK(bench.state(client(1)) == FlowState::established);
  }
  SECTION("data among it") {
    CHECK(bench.egress_of_data(client(1), 1001));
    CHECK(bench.state(client(1)) == FlowState::established);
  }
  SECTION("the SYN-ACK again makes it a usual half-open one") {
    CHECK(bench.egress(client(1), kSyn | kAck, 1000, 500));
    CHECK_FALSE(bench.cache.find(client(1)).overheard);
    CHECK_FALSE(bench.inbound(client(1), kAck, 500, 1002));
    CHECK(bench.inbound(client(1), kAck, 500, 1001));
  }
  SECTION("so does one that is withheld") {
    CHECK(bench.withheld(client(1), 1000));
    CHECK_FALSE(bench.cache.find(client(1)).overheard);
  }
  SECTION("without proof it ends like any half-open one") {
    bench.wait(flow::kHalfOpenLife + 10ms);
    CHECK(bench.state(client(1)) == FlowState::none);
  }
}

TEST_CASE("a connection that the stack has from before is established") {
  Bench bench(1);
  CHECK(bench.cache.take_over(client(1), bench.place, bench.now));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.cache.take_over(client(1), bench.place, bench.now));
  CHECK(bench.cache.counts().live(bench.place) == 1);
  CHECK_FALSE(bench.cache.take_over(client(2), bench.place, bench.now));
}

TEST_CASE("what changes nothing need not be told to other workers") {
  Bench bench;
  bench.establish(client(1));
  CHECK_FALSE(bench.egress(client(1), kAck, 1001, 777));
  CHECK_FALSE(bench.inbound(client(1), kAck));
  CHECK_FALSE(bench.egress(client(1), kSyn | kAck, 1000));
  CHECK(bench.inbound(client(1), kFin | kAck));
  CHECK_FALSE(bench.inbound(client(1), kFin | kAck));
  bench.egress(client(2), kSyn | kAck, 1);
  CHECK_FALSE(bench.egress(client(2), kSyn | kAck, 1));
  CHECK(bench.egress(client(2), kSyn | kAck, 2));
  CHECK(bench.cache.find(client(2)).expected_ack == 3);
  CHECK_FALSE(bench.egress(client(3), kRst));
}

TEST_CASE("a half-open entry ends after its life without a sign of life") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck);
  bench.wait(flow::kHalfOpenLife - 10ms);
  CHECK(bench.state(client(1)) == FlowState::half_open);
  bench.inbound(client(1), kSyn);
  bench.wait(flow::kHalfOpenLife - 10ms);
  CHECK_FALSE(bench.egress(client(1), kSyn | kAck));  // says nothing about the client
  CHECK(bench.state(client(1)) == FlowState::half_open);
  bench.inbound(client(1), kSyn);
  bench.wait(flow::kHalfOpenLife - 10ms);
  CHECK(bench.state(client(1)) == FlowState::half_open);
  bench.wait(20ms);
  CHECK(bench.state(client(1)) == FlowState::none);
  CHECK(bench.cache.statistics().expired == 1);
}

TEST_CASE("an established flow ends when nothing was heard for the idle time, from either side") {
  Bench bench(64, 10min);
  bench.establish(client(1));
  bench.wait(9min);
  bench.inbound(client(1), kAck);
  bench.wait(9min);
  bench.egress(client(1), kAck);
  bench.wait(9min);
  CHECK(bench.state(client(1)) == FlowState::established);
  bench.wait(2min);
  CHECK(bench.state(client(1)) == FlowState::none);
}

TEST_CASE("FIN both ways makes a flow linger, in either order") {
  Bench bench;
  bench.establish(client(1));
  CHECK(bench.inbound(client(1), kFin | kAck));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.egress(client(1), kFin | kAck));
  CHECK(bench.state(client(1)) == FlowState::lingering);

  bench.establish(client(2));
  CHECK(bench.egress(client(2), kFin | kAck));
  CHECK(bench.state(client(2)) == FlowState::established);
  CHECK(bench.inbound(client(2), kFin | kAck));
  CHECK(bench.state(client(2)) == FlowState::lingering);
}

TEST_CASE("a lingering flow answers late segments, ends after the linger and is not live") {
  Bench bench;
  bench.establish(client(1));
  bench.close(client(1));
  CHECK(bench.cache.statistics().established == 0);
  CHECK(bench.cache.counts().live(bench.place) == 0);
  bench.wait(1min);
  CHECK_FALSE(bench.inbound(client(1), kFin | kAck));
  CHECK_FALSE(bench.egress(client(1), kAck));
  bench.wait(flow::kLinger - 1s);
  CHECK(bench.state(client(1)) == FlowState::lingering);
  bench.wait(2s);
  CHECK(bench.state(client(1)) == FlowState::none);
}

TEST_CASE("a RST of our stack ends a flow in every state") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck);
  bench.establish(client(2));
  bench.establish(client(3));
  bench.close(client(3));
  for (const std::uint32_t n : {1U, 2U, 3U}) {
    CHECK(bench.egress(client(n), n == 1 ? kRst : kRst | kAck));
    CHECK(bench.state(client(n)) == FlowState::none);
  }
  CHECK(bench.cache.counts().live(bench.place) == 0);
}

TEST_CASE("a client's RST ends a half-open entry and leaves a lingering one") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck);
  CHECK(bench.inbound(client(1), kRst));
  CHECK(bench.state(client(1)) == FlowState::none);
  bench.establish(client(2));
  bench.close(client(2));
  CHECK_FALSE(bench.inbound(client(2), kRst));
  CHECK(bench.state(client(2)) == FlowState::lingering);
}

TEST_CASE("a client's RST at the awaited sequence number ends an established flow at once") {
  Bench bench;
  bench.establish(client(1));
  bench.egress(client(1), kAck, 1001, 9000);
  CHECK(bench.inbound(client(1), kRst, 9000));
  CHECK(bench.state(client(1)) == FlowState::none);
}

TEST_CASE("a blind RST does not end a flow whose stack goes on sending") {
  Bench bench;
  bench.establish(client(1));
  CHECK(bench.inbound(client(1), kRst, 77));
  CHECK(bench.state(client(1)) == FlowState::established);
  bench.wait(1s);
  CHECK(bench.egress(client(1), kAck, 1001, 501));  // a challenge ACK
  bench.wait(50min);
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.cache.counts().live(bench.place) == 1);
}

TEST_CASE("a flow in doubt ends soon unless our stack sends, whatever the client does") {
  Bench bench;
  bench.establish(client(1));
  bench.inbound(client(1), kRst, 77);
  bench.wait(flow::kDoubtLife - 1s);
  CHECK_FALSE(bench.inbound(client(1), kRst, 78));
  CHECK_FALSE(bench.inbound(client(1), kAck));
  CHECK(bench.state(client(1)) == FlowState::established);
  bench.wait(2s);
  CHECK(bench.state(client(1)) == FlowState::none);
  CHECK(bench.cache.statistics().established == 0);
}

TEST_CASE("a SYN-ACK for a flow in doubt proves it over: a new handshake begins") {
  Bench bench;
  bench.establish(client(1));
  bench.inbound(client(1), kRst, 77);
  CHECK(bench.egress(client(1), kSyn | kAck, 5));
  CHECK(bench.state(client(1)) == FlowState::half_open);
}

TEST_CASE("a SYN-ACK leaves an established flow as it is but forgets FINs of before") {
  Bench bench;
  bench.establish(client(1));
  bench.egress(client(1), kFin | kAck);
  CHECK(bench.egress(client(1), kSyn | kAck, 5));
  CHECK(bench.state(client(1)) == FlowState::established);
  bench.inbound(client(1), kFin | kAck);
  CHECK(bench.state(client(1)) == FlowState::established);
}

TEST_CASE("a SYN over a lingering flow clears the way for a new one") {
  Bench bench;
  bench.establish(client(1));
  bench.close(client(1));
  CHECK(bench.inbound(client(1), kSyn));
  CHECK(bench.state(client(1)) == FlowState::none);

  bench.establish(client(2));
  bench.close(client(2));
  CHECK(bench.egress(client(2), kSyn | kAck, 5));
  CHECK(bench.state(client(2)) == FlowState::half_open);

  bench.establish(client(3));
  bench.close(client(3));
  CHECK(bench.egress(client(3), kSyn));
  CHECK(bench.state(client(3)) == FlowState::established);
}

TEST_CASE("a refused SYN ends a lingering flow and makes an established one superseded") {
  Bench bench;
  CHECK_FALSE(bench.refused(client(1), kSyn));
  bench.establish(client(1));
  bench.close(client(1));
  CHECK(bench.refused(client(1), kSyn, 70));
  CHECK(bench.state(client(1)) == FlowState::none);

  bench.establish(client(2));
  CHECK(bench.refused(client(2), kSyn, 70));
  CHECK_FALSE(bench.refused(client(2), kSyn, 70));
  CHECK(bench.cache.find(client(2)).superseded);
  CHECK(bench.cache.find(client(2)).next_sequence == 71);
  CHECK(bench.refused(client(2), kAck, 71));
  CHECK(bench.state(client(2)) == FlowState::none);
}

TEST_CASE("a refused SYN disowns a half-open flow, until the client names its number after all") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck, 1000);
  CHECK_FALSE(bench.refused(client(1), kAck, 70));
  CHECK_FALSE(bench.refused(client(1), kSyn | kAck, 70));
  CHECK(bench.cache.counts().live(bench.place) == 1);
  CHECK(bench.refused(client(1), kSyn, 70));
  CHECK_FALSE(bench.refused(client(1), kSyn, 70));
  CHECK(bench.cache.find(client(1)).disowned);
  CHECK(bench.cache.find(client(1)).expected_ack == 1001);
  CHECK(bench.cache.counts().live(bench.place) == 1);
  CHECK_FALSE(bench.withheld(client(1), 1000));
  CHECK_FALSE(bench.cache.find(client(1)).withheld);
  CHECK(bench.inbound(client(1), kAck, 71, 1001));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK_FALSE(bench.cache.find(client(1)).disowned);
  CHECK(bench.cache.counts().live(bench.place) == 1);
}

TEST_CASE("a half-open flow whose client asked again is remembered when its time is up") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck, 1000);
  bench.refused(client(1), kSyn, 70);
  bench.wait(flow::kHalfOpenLife + flow::kTick);
  CHECK(bench.cache.find(client(1)).withheld);
  CHECK(bench.cache.counts().live(bench.place) == 0);
  CHECK(bench.cache.statistics().expired == 0);
  CHECK_FALSE(bench.withheld(client(1), 1000));
  bench.wait(flow::kLinger + flow::kTick);
  CHECK(bench.state(client(1)) == FlowState::none);
}

TEST_CASE("a withheld SYN-ACK is remembered for longer than a stack repeats it, and is not live") {
  Bench bench;
  CHECK(bench.withheld(client(1), 1000));
  CHECK_FALSE(bench.withheld(client(1), 1000));
  CHECK(bench.cache.find(client(1)).disowned);
  CHECK(bench.cache.find(client(1)).expected_ack == 1001);
  CHECK(bench.cache.counts().live(bench.place) == 0);
  CHECK(bench.cache.may_hold(bench.place));
  CHECK(bench.cache.statistics().half_open == 0);
  CHECK(bench.cache.statistics().lingering == 1);
  bench.wait(flow::kLinger - flow::kTick);
  CHECK(bench.state(client(1)) == FlowState::half_open);
  bench.wait(2 * flow::kTick);
  CHECK(bench.state(client(1)) == FlowState::none);
}

TEST_CASE("a withheld SYN-ACK is forgotten with the client's next SYN or our own next segment") {
  Bench bench;
  bench.withheld(client(1), 1000);
  CHECK(bench.inbound(client(1), kSyn, 70));
  CHECK(bench.state(client(1)) == FlowState::none);

  bench.withheld(client(2), 1000);
  CHECK(bench.egress(client(2), kAck, 1005, 501));
  CHECK_FALSE(bench.cache.find(client(2)).disowned);
  CHECK(bench.state(client(2)) == FlowState::established);
  CHECK(bench.cache.counts().live(bench.place) == 1);

  bench.egress(client(3), kSyn | kAck, 1000);
  CHECK(bench.withheld(client(3), 1000));
  CHECK(bench.cache.counts().live(bench.place) == 1);
}

TEST_CASE("a superseded flow lives on when our stack speaks") {
  Bench bench;
  bench.establish(client(1));
  bench.refused(client(1), kSyn, 70);
  CHECK(bench.egress(client(1), kAck, 1001, 501));
  CHECK_FALSE(bench.cache.find(client(1)).superseded);
  CHECK(bench.cache.find(client(1)).next_sequence == 501);
}

TEST_CASE("a client's FIN before our first segment is remembered") {
  Bench bench;
  bench.egress(client(1), kSyn | kAck);
  CHECK(bench.inbound(client(1), kFin | kAck));
  bench.egress(client(1), kFin | kAck);
  CHECK(bench.state(client(1)) == FlowState::lingering);
}

TEST_CASE("a live flow is counted in the bucket where it was made, even if told another later") {
  Bench bench;
  const flow::Placement first = bench.place;
  bench.egress(client(1), kSyn | kAck);
  bench.place = {{1}, {8}};
  bench.egress(client(1), kAck);
  CHECK(bench.cache.counts().live(first) == 1);
  CHECK(bench.cache.counts().live(bench.place) == 0);
  CHECK(bench.cache.list(bench.now, {10}).at(0).placement == first);
}

TEST_CASE("a placement outside the classes is tracked and counted nowhere") {
  Bench bench;
  bench.place = {{2}, {0}};
  bench.establish(client(1));
  bench.place = {{0}, {1}};  // class 0 has one bucket; the next one belongs to class 1
  bench.establish(client(2));
  CHECK(bench.state(client(1)) == FlowState::established);
  CHECK(bench.cache.counts().live({{0}, {1}}) == 0);
  CHECK(bench.cache.counts().live({{1}, {0}}) == 0);
  CHECK(bench.cache.counts().live({{2}, {0}}) == 0);
  CHECK(bench.cache.counts().live({{65535}, {0xffffffff}}) == 0);
  bench.egress(client(1), kRst);
  bench.egress(client(2), kRst);
}

TEST_CASE("both ends of the address families are kept apart") {
  Bench bench;
  packet::FlowKey key = client(2);
  bench.establish(key);
  CHECK(bench.state(key) == FlowState::established);
  CHECK(bench.state(key.reversed()) == FlowState::none);
  key.family = base::Family::ipv6;
  CHECK(bench.state(key) == FlowState::none);
}

TEST_CASE("expiry does a little at each call and reaches everything") {
  Bench bench(1000, 1min);
  for (std::uint32_t n = 0; n < 1000; ++n) {
    bench.egress(client(n), n % 2 == 0 ? kSyn | kAck : kAck);
  }
  bench.now = bench.now + 2min;
  std::uint64_t before = 0;
  for (unsigned calls = 0; calls < 400; ++calls) {
    bench.cache.expire(bench.now, 10);
    const std::uint64_t expired = bench.cache.statistics().expired;
    CHECK(expired - before <= 10);
    before = expired;
  }
  CHECK(before == 1000);
  bench.cache.expire(bench.now, 0);
}

TEST_CASE("times may begin anywhere and the tick counter may wrap") {
  const std::int64_t wrap = std::int64_t{1} << (32 + flow::kTickShift);
  for (const std::int64_t start : {std::int64_t{0}, -wrap / 2, wrap - 1'000'000'000}) {
    Bench bench;
    bench.now = {start};
    bench.establish(client(1));
    bench.wait(59min);
    CHECK(bench.state(client(1)) == FlowState::established);
    bench.wait(2min);
    CHECK(bench.state(client(1)) == FlowState::none);
  }
}

TEST_CASE("the default cache takes 64 bytes a flow and little more") {
  const flow::Settings settings;
  const flow::FlowCache cache(settings, {1, 4096, 4096}, 1);
  const double bytes_per_flow = static_cast<double>(cache.memory_bytes()) / settings.capacity;
  CHECK(bytes_per_flow >= 64);
  CHECK(bytes_per_flow < 64 * 1.15);
}
