// SPDX-License-Identifier: BSD-3-Clause
#include "control/convergence_driver.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "segment.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

TEST_CASE("a driver alone becomes the owner of all buckets") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until(
      [&] { return segment.host(1).driver.status().converged && segment.owned(1) == 64; }));
  CHECK(segment.has_event(1, "converged"));
  CHECK(segment.host(1).data_plane.tables.back().serving);
  CHECK(segment.host(1).data_plane.lease > segment.host(1).data_plane.now());
  CHECK(segment.close());
  CHECK(segment.failures.empty());
}

TEST_CASE("two drivers on a segment converge and share the buckets") {
  Segment segment(2);
  segment.start(1);
  segment.start(2);
  REQUIRE(segment.run_until([&] {
    return segment.host(1).driver.status().converged && segment.host(2).driver.status().converged &&
           segment.owned(1) == 32 && segment.owned(2) == 32;
  }));
  CHECK(segment.host(1).driver.node().map_digest() == segment.host(2).driver.node().map_digest());
  CHECK(segment.host(1).driver.heartbeats().received > 0);
  CHECK(segment.close());
}

TEST_CASE("a host that is stopped says so once, and its peer takes over") {
  Segment segment(2);
  segment.start(1);
  segment.start(2);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 32 && segment.owned(2) == 32; }));
  segment.host(2).driver.command({convergence::Verb::stop, {}, 0, {}});
  REQUIRE(segment.run_until([&] { return segment.host(2).stops > 0 && segment.owned(1) == 64; }));
  CHECK(segment.host(2).stops == 1);
  CHECK(segment.has_event(1, "host_left"));
  CHECK_FALSE(segment.has_event(1, "host_lost"));
  CHECK(segment.owned(2) == 0);
  CHECK(segment.close());
}

TEST_CASE("the last words of a host that died make its peers take over at once") {
  Segment segment(2);
  segment.start(1);
  segment.start(2);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 32 && segment.owned(2) == 32; }));
  const FakeLink::Payload words = segment.host(2).link.last_words;
  REQUIRE_FALSE(words.empty());
  segment.host(2).driver.close();
  segment.host(1).link.put(words);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  CHECK(segment.has_event(1, "host_left"));
  CHECK_FALSE(segment.has_event(1, "host_lost"));
  CHECK(segment.close());
}

TEST_CASE("a host that has left has no last words any more") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  CHECK_FALSE(segment.host(1).link.last_words.empty());
  segment.host(1).driver.command({convergence::Verb::stop, {}, 0, {}});
  REQUIRE(segment.run_until([&] { return segment.host(1).stops > 0; }));
  CHECK(segment.host(1).link.last_words.empty());
  CHECK(segment.close());
}

TEST_CASE("what a member said once is refused without a look at its seal when it comes again") {
  Segment segment(2);
  segment.start(1);
  segment.start(2);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 32 && segment.owned(2) == 32; }));
  const FakeLink::Payload recorded = segment.host(2).link.newest;
  const std::uint64_t received = segment.host(1).driver.heartbeats().received;
  REQUIRE(segment.run_until(
      [&] { return segment.host(1).driver.heartbeats().received > received + 1; }));
  CHECK(segment.refused(1, "replayed") == 0);
  for (int i = 0; i < 100; ++i)
    segment.host(1).link.put(recorded);
  REQUIRE(segment.run_until([&] { return segment.refused(1, "replayed") == 100; }));
  CHECK(segment.close());
}

TEST_CASE("the lateness of the control thread is measured") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.host(1).driver.control().timers > 20; }));
  const api::ControlStats stats = segment.host(1).driver.control();
  CHECK(stats.worst_us >= stats.worst_lately_us);
  CHECK(stats.worst_us > 0);
  CHECK(segment.close());
}

TEST_CASE("a timer that another step overtakes was late all the same") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.host(1).driver.control().timers > 20; }));
  constexpr auto stall = std::chrono::milliseconds(150);
  std::this_thread::sleep_for(stall);
  segment.host(1).driver.command({convergence::Verb::start, {}, 0, {}});
  CHECK(segment.host(1).driver.control().worst_us >= stall / std::chrono::microseconds(1) / 2);
  CHECK(segment.close());
}

TEST_CASE("under partition policy gateway a host serves while the gateway answers") {
  Segment segment(1, [](convergence::NodeConfig& config) {
    config.partition = convergence::PartitionPolicy::gateway;
  });
  FakeDataPlane& data_plane = segment.host(1).data_plane;
  segment.start(1);
  REQUIRE(segment.run_until([&] { return data_plane.gateway_questions > 10; }));
  CHECK(segment.owned(1) == 0);
  data_plane.gateway_answered_at = base::TimePoint::never();
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  data_plane.gateway_answered_at = base::TimePoint::distant_past();
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 0; }));
  CHECK(segment.has_event(1, "gateway_changed"));
  CHECK(segment.close());
}

TEST_CASE("under other policies nobody asks the gateway") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  CHECK(segment.host(1).data_plane.gateway_questions == 0);
  CHECK(segment.close());
}

TEST_CASE("residual buckets are read only after no worker follows an older table") {
  Segment segment(1);
  FakeDataPlane& data_plane = segment.host(1).data_plane;
  data_plane.polls_to_go = 10;  // beyond the quick ones
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  REQUIRE(segment.run_until([&] {
    return std::ranges::count(data_plane.diary, "quiescent 1") > 0 && data_plane.tables.size() > 0;
  }));
  const auto& diary = data_plane.diary;
  const auto quiescent = std::ranges::find(diary, "quiescent 1");
  CHECK(std::find(diary.begin(), quiescent, "install 1") != quiescent);
  CHECK(*std::next(quiescent) == "flow_news");
  CHECK(data_plane.polls_to_go == 0);
  CHECK(segment.close());
}

TEST_CASE("flows that found no room are an event") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  CHECK_FALSE(segment.has_event(1, "flows_forgotten"));
  segment.host(1).data_plane.segments_untracked = 4;
  CHECK(segment.run_until([&] { return segment.has_event(1, "flows_forgotten"); }));
  CHECK(segment.close());
}

TEST_CASE("forged, foreign and junk payloads are counted by reason and change nothing") {
  Segment segment(1);
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.owned(1) == 64; }));
  Segment::Host& host = segment.host(1);
  const std::uint32_t generation = host.driver.status().generation;

  heartbeat::Message message;
  message.cluster_id = cluster_keys().cluster_id;
  message.host = base::HostId{9};
  const heartbeat::Codec codec(cluster_keys());
  auto forged = codec.seal(message)->front();
  forged.back() ^= 1U;
  heartbeat::ClusterKey other_key{};
  other_key.fill(9);
  const heartbeat::DerivedKeys other = *heartbeat::derive_keys(other_key, "other");
  heartbeat::Message foreign = message;
  foreign.cluster_id = other.cluster_id;
  host.link.put(forged);
  host.link.put(heartbeat::Codec(other).seal(foreign)->front());
  host.link.put({});
  host.link.put({1, 2, 3});

  const auto refused = [&host] {
    std::uint64_t total = 0;
    for (const auto& [reason, count] : host.driver.heartbeats().refused)
      total += count;
    return total;
  };
  REQUIRE(segment.run_until([&] { return refused() == 4; }));
  CHECK(segment.refused(1, "bad_tag") == 1);
  CHECK(segment.refused(1, "not_ours") >= 1);
  CHECK(host.driver.heartbeats().received == 0);
  CHECK(host.driver.status().generation == generation);
  CHECK(host.driver.status().members.size() == 1);
  CHECK(segment.close());
}

TEST_CASE("a link that refuses to send is counted, not fatal") {
  Segment segment(1);
  segment.host(1).link.refuses = true;
  segment.start(1);
  REQUIRE(segment.run_until([&] { return segment.host(1).driver.heartbeats().send_failed > 3; }));
  CHECK(segment.host(1).driver.heartbeats().sent == 0);
  CHECK(segment.close());
  CHECK(segment.failures.empty());
}

TEST_CASE("answers of workers are dispatched when the link wakes") {
  Segment segment(1);
  segment.start(1);
  bool answered = false;
  segment.host(1).data_plane.explain({}, [&answered](auto) { answered = true; });
  segment.host(1).link.wake();
  CHECK(segment.run_until([&] { return answered; }));
  CHECK(segment.close());
}
