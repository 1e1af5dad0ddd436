// SPDX-License-Identifier: BSD-3-Clause
// The whole data plane between capture files. Each case runs in a process of its own: EAL starts
// only once.
#include <catch2/catch.hpp>

#include "fixture.h"
#include "packet/headers.h"
#include "support/groups.h"

using namespace covey;
using namespace covey::test;
using forwarding::Verdict;

namespace {

Frame new_connection(std::uint16_t client_port, std::uint16_t port = 80) {
  return FrameBuilder().ip(kClient, kVip).tcp(client_port, port, kSyn);
}

/// By the host that had the bucket before.
Frame sent_on(std::uint16_t client_port) {
  return FrameBuilder().to(kHostMac).ip(kClient, kVip).tcp(client_port, 80, kSyn);
}

Frame heartbeat(std::size_t payload) {
  return FrameBuilder()
      .from(mac("02:02:0a:4d:00:32"))
      .to(base::MacAddress::broadcast())
      .raw(packet::kEtherTypeHeartbeat, std::vector<std::uint8_t>(payload, 0x5a));
}

}  // namespace

TEST_CASE("every arriving frame is counted once under its verdict", "[verdicts]") {
  const std::vector<Frame> arriving = {
      new_connection(1001),
      new_connection(1002, 443),
      new_connection(1003, 23),                                      // rule "block"
      FrameBuilder().ip(kClient, "10.77.0.99").tcp(1004, 80, kSyn),  // not an address of ours
      FrameBuilder().ip(kClient6, kVip6).tcp(1005, 80, kSyn),
      Frame(9, 0xff),  // not even an Ethernet header
      arp({.operation = 1, .sender_ip = kClient, .target_ip = kVip}),
  };
  Bench bench({.arriving = {arriving}});
  bench.start();
  bench.wait_for_frames(arriving.size());
  CHECK(bench.verdict(Verdict::deliver_owned) == 3);
  CHECK(bench.verdict(Verdict::drop_rule_disabled) == 1);
  CHECK(bench.verdict(Verdict::drop_not_for_us) == 1);
  CHECK(bench.verdict(Verdict::drop_malformed) == 1);
  CHECK(bench.verdict(Verdict::reply_arp) == 1);
  const dataplane::Report report = bench.data_plane().report();
  CHECK(bench.verdicts_of_arrivals() == arriving.size());
  CHECK(report.ports.at(0).rx_frames == arriving.size());
  CHECK(report.rules.at(0).frames.accepted == 3);
  CHECK(report.rules.at(3).frames.dropped == 1);
  CHECK(report.rules.size() == world_rules().size() + 1);
}

TEST_CASE("an address request is answered with the cluster MAC from the masked source", "[reply]") {
  Bench bench({.arriving = {{arp({.operation = 1, .sender_ip = kClient, .target_ip = kVip})}}});
  bench.start();
  bench.wait_until([&bench] { return bench.verdict(Verdict::reply_arp) == 1; });
  const std::vector<Frame> sent = bench.close();
  REQUIRE(sent.size() == 1);
  const Frame& answer = sent[0];
  CHECK(answer.size() == packet::kMinimumFrame);
  CHECK(packet::destination_mac(answer) == kClientMac);
  CHECK(packet::source_mac(answer) == kHostMac);
  const auto fields = packet::read_arp(answer, packet::parse(answer));
  REQUIRE(fields.has_value());
  CHECK(fields->operation == packet::kArpReply);
  CHECK(fields->sender_mac == kClusterMac);
  CHECK(fields->sender_ip == ip(kVip));
}

TEST_CASE("heartbeats reach the control thread, padded ones and full ones", "[heartbeat-in]") {
  Bench bench({.arriving = {{heartbeat(46), heartbeat(1500)}}});
  bench.start();
  std::vector<std::vector<std::uint8_t>> received;
  bench.wait_until([&] {
    std::vector<std::uint8_t> payload;
    while (bench.data_plane().receive_heartbeat(payload))
      received.push_back(payload);
    return received.size() == 2;
  });
  CHECK(received[0] == std::vector<std::uint8_t>(46, 0x5a));
  CHECK(received[1] == std::vector<std::uint8_t>(1500, 0x5a));
  bench.wait_for_frames(2);  // a frame is counted after it was handed over
  CHECK(bench.verdict(Verdict::to_control) == 2);
  CHECK(bench.data_plane().report().heartbeats_lost == 0);
}

TEST_CASE("a flood of heartbeats fills its own mailbox only, and what is lost is counted",
          "[flood]") {
  std::vector<Frame> arriving(1000, heartbeat(100));
  arriving.push_back(new_connection(1001));
  Bench bench({.arriving = {arriving}});
  bench.start();
  bench.wait_for_frames(arriving.size());
  const std::uint64_t taken = bench.verdict(Verdict::to_control);
  CHECK(taken >= 200);
  CHECK(bench.verdict(Verdict::drop_control_full) == 1000 - taken);
  CHECK(bench.data_plane().report().heartbeats_lost == 1000 - taken);
  CHECK(bench.verdict(Verdict::deliver_owned) == 1);
}

TEST_CASE("heartbeats leave as broadcast frames from the masked source", "[heartbeat-out]") {
  Bench bench({});
  const std::vector<std::uint8_t> small(10, 1);
  const std::vector<std::uint8_t> large(1400, 2);
  CHECK(bench.data_plane().send_heartbeat(small));
  CHECK(bench.data_plane().send_heartbeat(large));
  CHECK_FALSE(bench.data_plane().send_heartbeat(std::vector<std::uint8_t>(1501, 3)));
  bench.start();
  bench.wait_until([&bench] { return bench.data_plane().report().ports.at(0).tx_frames >= 2; });
  const std::vector<Frame> sent = bench.close();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].size() == packet::kMinimumFrame);
  CHECK(sent[1].size() == packet::kEthernetHeader + large.size());
  for (const Frame& frame : sent) {
    CHECK(packet::destination_mac(frame) == base::MacAddress::broadcast());
    CHECK(packet::source_mac(frame) == kHostMac);
    CHECK(packet::parse(frame).layer3 == packet::Layer3::heartbeat);
  }
}

TEST_CASE("the gateway is asked once for each question, and its answer is noted", "[gateway]") {
  const Frame answer =
      arp({.operation = 2, .sender_ip = "10.77.0.1", .target_ip = "0.0.0.0"}).to(kHostMac);
  Bench bench({.arriving = {{answer}}}, World().gateway("10.77.0.1"));
  CHECK(bench.data_plane().gateway_answered() == base::TimePoint::distant_past());
  bench.data_plane().ask_gateway();
  bench.start();
  bench.wait_for_frames(1);
  bench.wait_until([&bench] { return bench.data_plane().report().ports.at(0).tx_frames >= 1; });
  CHECK(bench.verdict(Verdict::gateway_answer) == 1);
  CHECK(bench.data_plane().gateway_answered() > base::TimePoint{});
  const std::vector<Frame> sent = bench.close();
  REQUIRE(sent.size() == 1);
  const auto asked = packet::read_arp(sent[0], packet::parse(sent[0]));
  REQUIRE(asked);
  CHECK(asked->target_ip == ip("10.77.0.1"));
  CHECK(packet::source_mac(sent[0]) == kHostMac);
}

TEST_CASE("the host says what it listens to, answers who asks, and says when it ends", "[groups]") {
  Bench bench({.arriving = {{}, {igmp_query({.version = 2, .code = 1})}}},
              World().mode(forwarding::ClusterMode::igmp));
  bench.start();
  // In the first round two versions for each family, but that of the asker alone if the other
  // worker has heard it by then; then the answer, in the version of the asker.
  bench.wait_until([&bench] { return bench.data_plane().report().ports.at(0).tx_frames >= 5; });
  CHECK(bench.verdict(Verdict::group_query) == 1);
  CHECK(bench.close().empty());
  std::vector<unsigned> types4;
  std::vector<unsigned> types6;
  for (const Frame& frame : bench.group_messages()) {
    const packet::FrameView view = packet::parse(frame);
    CHECK(packet::source_mac(frame) == kHostMac);
    CHECK(checksums_are_right(frame));
    if (view.layer3 == packet::Layer3::ipv4) {
      CHECK(view.key.source_address() == ip(kDedicated));
      types4.push_back(frame[view.l4_offset]);
    } else {
      types6.push_back(view.icmp_type);
    }
  }
  REQUIRE(types4.size() >= 3);
  if (types4.front() == 0x22) types4.erase(types4.begin());
  types4.erase(types4.begin() + 2, types4.end() - 1);  // a slow machine repeats itself
  CHECK(types4 == std::vector<unsigned>{0x16, 0x16, 0x17});
  REQUIRE(types6.size() >= 4);
  types6.erase(types6.begin() + 2, types6.end() - 2);
  CHECK(types6 == std::vector<unsigned>{143, 131, 143, 132});
}

TEST_CASE("without a valid lease no new connection is taken", "[lease]") {
  Bench bench({.arriving = {{new_connection(1001), new_connection(1002)}}});
  bench.start(false);
  bench.wait_for_frames(2);
  CHECK(bench.verdict(Verdict::drop_lease_expired) == 2);
}

TEST_CASE("a lease ends by itself when nobody renews it", "[lease-end]") {
  Bench bench({.arriving = {{new_connection(1001)}}, .for_ever = true});
  bench.start(false);
  bench.wait_until([&bench] {
    // Renewed until a frame was taken: a busy machine may let the worker start late.
    if (bench.verdict(Verdict::deliver_owned) > 0) return true;
    bench.data_plane().publish_lease(dataplane::DataPlane::now() + std::chrono::milliseconds(200));
    return false;
  });
  const std::uint64_t refused = bench.verdict(Verdict::drop_lease_expired);
  bench.wait_until(
      [&bench, refused] { return bench.verdict(Verdict::drop_lease_expired) > refused + 64; });
  const std::uint64_t taken = bench.verdict(Verdict::deliver_owned);
  bench.wait_until(
      [&bench, refused] { return bench.verdict(Verdict::drop_lease_expired) > refused + 1000; });
  CHECK(bench.verdict(Verdict::deliver_owned) == taken);
}

TEST_CASE("a thousand snapshots are followed and reclaimed under load", "[publish]") {
  std::vector<Frame> arriving;
  for (std::uint16_t port = 1; port <= 64; ++port)
    arriving.push_back(new_connection(port));
  Bench bench({.arriving = {arriving}, .for_ever = true});
  bench.start();
  bench.wait_until([&bench] { return bench.verdicts_of_arrivals() > 0; });
  for (int i = 0; i < 1000; ++i) {
    World world;
    if (i % 2 == 0) world.foreign();
    const std::uint64_t ticket = bench.data_plane().publish(bench.snapshot(world));
    if (i % 10 != 0) continue;
    bench.wait_until([&bench, ticket] { return bench.data_plane().is_quiescent(ticket); });
    // Once the ticket is through, no frame is decided by an older snapshot: nothing more is
    // delivered.
    const std::uint64_t taken = bench.verdict(Verdict::deliver_owned);
    const std::uint64_t refused = bench.verdict(Verdict::drop_not_owner);
    bench.wait_until(
        [&bench, refused] { return bench.verdict(Verdict::drop_not_owner) > refused + 32; });
    REQUIRE(bench.verdict(Verdict::deliver_owned) == taken);
  }
  CHECK(bench.verdict(Verdict::deliver_owned) > 0);
}

TEST_CASE("other rules and another number of buckets are followed, and counts go on by name",
          "[other-rules]") {
  Bench bench({.arriving = {{new_connection(1001), new_connection(1001, 22)}}, .for_ever = true});
  bench.start();
  const auto accepted = [&bench](std::size_t rule) {
    return bench.data_plane().report().rules.at(rule).frames.accepted;
  };
  const std::size_t by_default = world_rules().size();
  bench.wait_until([&] { return accepted(0) > 1000 && accepted(by_default) > 1000; });
  const std::uint64_t web = accepted(0);
  const std::uint64_t others = accepted(by_default);

  std::vector<forwarding::PortRule> rules = world_rules();
  rules.front().hash.affinity = bucket::Affinity::single;
  forwarding::PortRule ssh = rules.front();
  ssh.name = "ssh";
  ssh.ports = {{22, 22}};
  rules.insert(rules.begin(), ssh);
  const World other = World().rules(rules).bucket_count(256);
  const std::uint64_t ticket = bench.data_plane().publish(other.snapshot());
  CHECK(accepted(0) < web);
  bench.wait_until([&bench, ticket] { return bench.data_plane().is_quiescent(ticket); });
  CHECK(bench.data_plane().census().residual.size() == 256);
  const std::uint64_t left_by_default = accepted(by_default + 1);
  CHECK(left_by_default >= others);
  bench.wait_until([&] { return accepted(0) > 1000 && accepted(1) > web + 1000; });
  CHECK(accepted(by_default + 1) == left_by_default);
}

TEST_CASE("connections from before the start are known to every worker", "[taken-over]") {
  Bench bench({.arriving = {{}, {}}}, World().foreign());
  const auto key = [](std::uint16_t port) {
    return packet::parse(Frame(new_connection(1001, port))).key;
  };
  // Port 23 is blocked by its rule, and the last one is none of the cluster's.
  const std::array connections = {key(80), key(5432), key(23), key(80).reversed()};
  CHECK(bench.data_plane().take_over(connections) == 2);
  bench.start();
  bench.wait_until([&] { return bench.data_plane().census().flows == 2; });
  CHECK(bench.data_plane().census().residual.count() == 2);
  CHECK(bench.data_plane().report().rules.at(0).flows == 1);
}

TEST_CASE("two workers share the frames and together count each once", "[workers]") {
  std::vector<Frame> first;
  std::vector<Frame> second;
  for (std::uint16_t port = 1; port <= 500; ++port) {
    first.push_back(new_connection(port));
    second.push_back(new_connection(port, 8080));
  }
  second.push_back(heartbeat(60));
  Bench bench({.arriving = {first, second}});
  bench.start();
  bench.wait_for_frames(1001);
  const dataplane::Report report = bench.data_plane().report();
  REQUIRE(report.workers.size() == 2);
  CHECK(report.workers[0].frames == 500);
  CHECK(report.workers[1].frames == 501);
  CHECK(bench.verdict(Verdict::deliver_owned) == 1000);
  std::vector<std::uint8_t> payload;
  CHECK(bench.data_plane().receive_heartbeat(payload));
}

TEST_CASE("fragments in reverse order go the way of the first, lonely ones are dropped",
          "[fragments]") {
  const auto datagram = [](std::uint16_t port, std::uint32_t id) {
    return FrameBuilder().ip(kClient, kVip).udp(5000, port).payload(64).fragment(0, true, id);
  };
  std::vector<Frame> arriving;
  for (std::uint32_t id = 1; id <= 100; ++id) {
    const std::uint16_t port = id % 2 == 0 ? 8000 : 23;
    arriving.push_back(datagram(port, id).fragment(9, false, id));
    arriving.push_back(datagram(port, id));
  }
  arriving.push_back(datagram(8000, 101).fragment(9, false, 101));
  Bench bench({.arriving = {arriving}});
  bench.start();
  bench.wait_until([&] { return bench.verdicts_of_arrivals() == arriving.size(); });
  CHECK(bench.verdict(Verdict::deliver_owned) == 100);
  CHECK(bench.verdict(Verdict::drop_rule_disabled) == 100);
  CHECK(bench.verdict(Verdict::drop_fragment_unknown) == 1);
  CHECK(bench.data_plane().report().ports.at(0).rx_frames == arriving.size());
}

TEST_CASE("what begins a flow in a bucket just given away goes to the new owner", "[handing-on]") {
  Bench bench({.arriving = {{new_connection(1001), new_connection(1002, 23), heartbeat(60)}}},
              World().given_away());
  bench.start();
  bench.wait_until([&] { return bench.verdicts_of_arrivals() == 3; });
  CHECK(bench.verdict(Verdict::hand_on) == 1);
  CHECK(bench.verdict(Verdict::drop_rule_disabled) == 1);
  const std::vector<Frame> sent = bench.close();
  REQUIRE(sent.size() == 1);
  CHECK(packet::destination_mac(sent.front()) == mac("02:02:0a:4d:00:32"));
  CHECK(packet::parse(sent.front()).key == packet::parse(new_connection(1001)).key);
}

TEST_CASE("what was handed on waits until the bucket is ours, or not at all", "[handed-on]") {
  std::vector<Frame> arriving;
  for (std::uint16_t port = 1; port <= 300; ++port)
    arriving.push_back(sent_on(port));
  Bench bench({.arriving = {arriving}}, World().awaited());
  bench.start();
  bench.wait_until([&] { return bench.data_plane().report().workers.at(0).frames == 300; });
  const std::uint64_t ticket = bench.data_plane().publish(bench.snapshot(World()));
  bench.wait_until([&] { return bench.data_plane().is_quiescent(ticket); });
  bench.wait_until([&] { return bench.verdicts_of_arrivals() == 300; });
  // There is room for 256 at most; on a machine that dawdles some have waited for too long.
  CHECK(bench.verdict(Verdict::deliver_owned) <= 256);
  CHECK(bench.verdict(Verdict::deliver_owned) + bench.verdict(Verdict::drop_handed_on) +
            bench.verdict(Verdict::drop_not_owner) ==
        300);
}

TEST_CASE("what was handed on and waits in vain is dropped", "[handed-on-in-vain]") {
  Bench bench({.arriving = {{sent_on(1001)}}}, World().awaited());
  bench.start();
  bench.wait_until([&] { return bench.verdict(Verdict::drop_handed_on) == 1; });
  CHECK(bench.verdicts_of_arrivals() == 1);
}

TEST_CASE("a worker hears of first fragments that another one saw", "[fragments-apart]") {
  const auto datagram = [] { return FrameBuilder().ip(kClient, kVip).udp(5000, 8000).payload(64); };
  Bench bench({.arriving = {{datagram().fragment(0, true)}, {datagram().fragment(9, false)}},
               .for_ever = true});
  bench.start();
  // The first worker delivers no more than it received; so the second one did.
  bench.wait_until([&bench] {
    const std::uint64_t delivered = bench.verdict(Verdict::deliver_owned);
    return delivered > bench.data_plane().report().workers.at(0).frames;
  });
}

TEST_CASE("questions are answered by the worker that owns the flow cache", "[questions]") {
  Bench bench({});
  bench.start();
  std::vector<forwarding::Explanation> explanations;
  std::size_t lists = 0;
  forwarding::Question question;
  question.source = ip(kClient);
  question.source_port = 40000;
  question.destination = ip(kVip);
  question.destination_port = 80;
  // More than the rings hold: the rest waits for its turn.
  for (int i = 0; i < 100; ++i) {
    bench.data_plane().ask_explain(
        question,
        [&explanations](const forwarding::Explanation& answer) { explanations.push_back(answer); });
    bench.data_plane().ask_flows({10}, [&lists](const std::vector<flow::FlowCache::Listed>& flows) {
      if (flows.empty()) ++lists;
    });
  }
  bench.wait_until([&] { return explanations.size() == 100 && lists == 100; });
  CHECK(explanations[0].rule == "web");
  CHECK(explanations[0].verdict == Verdict::deliver_owned);
}

TEST_CASE("a frame in several buffers is read as one, and a giant is malformed", "[chains]") {
  // The capture driver chains buffers for frames longer than one holds.
  Frame fits = FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn).payload(1400);
  Frame giant = FrameBuilder().ip(kClient, kVip).tcp(1002, 80, kSyn).payload(5000);
  Bench bench({.arriving = {{fits, giant}}});
  bench.start();
  bench.wait_for_frames(2);
  CHECK(bench.verdict(Verdict::deliver_owned) == 1);
  CHECK(bench.verdict(Verdict::drop_malformed) == 1);
  // Both are in the capture when it is first looked at.
  CHECK(bench.data_plane().report().workers.at(0).bursts == 1);
}

TEST_CASE("an idle worker sleeps and a polling one does not", "[idle]") {
  Bench bench({});
  bench.start();
  bench.wait_until([&bench] { return bench.data_plane().report().workers.at(0).sleeps > 10; });
  CHECK(bench.data_plane().report().workers.at(0).busy_cycles == 0);
  CHECK(bench.data_plane().report().workers.at(0).bursts == 0);
}

TEST_CASE("a polling worker never sleeps", "[poll]") {
  Bench bench({.arriving = {{}}, .idle = dataplane::Idle::poll});
  bench.start();
  bench.wait_until([&bench] { return bench.data_plane().report().workers.at(0).loops > 10000; });
  CHECK(bench.data_plane().report().workers.at(0).sleeps == 0);
}
