// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/explain.h"

#include <catch2/catch.hpp>
#include <string>

#include "support/world.h"

using namespace covey;
using namespace covey::test;
using enum forwarding::Verdict;
using forwarding::Explanation;
using forwarding::Question;

namespace {

Question ask(std::string_view destination, std::uint16_t port, std::uint8_t protocol = 6) {
  const bool is_ipv6 = destination.find(':') != std::string_view::npos;
  Question question;
  question.protocol = protocol;
  question.source = ip(is_ipv6 ? kClient6 : kClient);
  question.source_port = 40000;
  question.destination = ip(destination);
  question.destination_port = port;
  return question;
}

Explanation answer(const Question& question, const World& world = World(),
                   bool lease_valid = true) {
  const forwarding::Snapshot snapshot = world.snapshot();
  const flow::FlowCache flows({.capacity = 16}, snapshot.policy->classes().class_sizes, 7);
  return forwarding::explain(question, {snapshot, flows, lease_valid});
}

// As answer(), with the connection in the cache.
Explanation answer_held(const Question& question, const World& world) {
  const forwarding::Snapshot snapshot = world.snapshot();
  flow::FlowCache flows({.capacity = 16}, snapshot.policy->classes().class_sizes, 7);
  const Frame frame = FrameBuilder()
                          .ip(question.source.to_string(), question.destination.to_string())
                          .tcp(question.source_port, question.destination_port, kAck);
  const packet::FlowKey key = packet::parse(frame).key;
  flows.note_egress(key, {kAck, 1, 1, true}, *forwarding::placement_of(snapshot, key), {});
  return forwarding::explain(question, {snapshot, flows, true});
}

}  // namespace

TEST_CASE("an owned flow is explained by rule, hashed fields and bucket") {
  const Explanation told = answer(ask(kVip, 80));
  CHECK(told.verdict == deliver_owned);
  CHECK(told.rule == "web");
  CHECK(told.mode == "multiple");
  CHECK(told.affinity == "none");
  CHECK(told.hashed == "10.77.0.100 port 40000 -> port 80");
  CHECK(told.has_bucket);
  CHECK(told.bucket < 64);
  CHECK(told.owner == base::HostId{1});
  CHECK_FALSE(told.tracked);
  CHECK(told.reason ==
        "bucket " + std::to_string(told.bucket) + " of rule web belongs to this host");
}

TEST_CASE("a flow of another host names that host") {
  const Explanation told = answer(ask(kVip, 80), World().foreign());
  CHECK(told.verdict == drop_not_owner);
  CHECK(told.owner == base::HostId{2});
  CHECK(told.reason == "bucket " + std::to_string(told.bucket) + " of rule web belongs to host 2");
}

TEST_CASE("where QUIC goes by its connection ID that is said") {
  const World world = World().quic().foreign();
  const Explanation told = answer(ask(kVip, 8000, 17), world);
  CHECK(told.reason == "bucket " + std::to_string(told.bucket) +
                           " of rule app belongs to host 2; a connection ID that names a member "
                           "counts for more");
  CHECK(answer(ask(kVip, 8000, 6), world).reason.find("connection ID") == std::string::npos);
}

TEST_CASE("an unowned bucket says so") {
  forwarding::Snapshot snapshot = World().foreign().snapshot();
  bucket::ClassTables unowned;
  for (const bucket::ClassTable& table : snapshot.buckets.classes)
    unowned.add(table.states, std::vector(table.owners.size(), base::kNobody));
  snapshot.buckets.classes = std::move(unowned);
  const flow::FlowCache flows({.capacity = 16}, snapshot.policy->classes().class_sizes, 7);
  const Explanation told = forwarding::explain(ask(kVip, 5432), {snapshot, flows, true});
  CHECK(told.owner == base::kNobody);
  CHECK(told.reason == "single-host rule db belongs to no host at present");
}

TEST_CASE("each kind of rule has its words") {
  const Explanation app = answer(ask(kVip, 8000));
  CHECK(app.affinity == "network");
  CHECK(app.hashed == "10.77.0.0/24");
  const Explanation games = answer(ask(kVip2, 7, 17));
  CHECK(games.affinity == "single");
  CHECK(games.hashed == "10.77.0.100");
  const Explanation db = answer(ask(kVip, 5432));
  CHECK(db.mode == "single");
  CHECK(db.affinity.empty());
  CHECK(db.hashed.empty());
  CHECK(db.reason == "single-host rule db belongs to this host");
  const Explanation block = answer(ask(kVip, 23));
  CHECK(block.verdict == drop_rule_disabled);
  CHECK(block.mode == "disabled");
  CHECK_FALSE(block.has_bucket);
  CHECK(block.reason == "rule block is disabled");
  const Explanation closed = answer(ask(kVip, 80), World().closed());
  CHECK(closed.verdict == drop_rule_disabled);
  CHECK(closed.has_bucket);
  CHECK(closed.reason == "rule web is disabled on this host");
  const Explanation drained = answer(ask(kVip, 5432), World().refused());
  CHECK(drained.verdict == drop_draining);
  CHECK(drained.reason ==
        "single-host rule db belongs to no host at present: every host drains it");
  const Explanation none = answer(ask(kVip, 2222));
  CHECK(none.verdict == deliver_default);
  CHECK(none.rule == "default");
  CHECK(none.reason == "what no rule covers belongs to this host");
}

TEST_CASE("a ping is spread by source, in the ICMP of its family") {
  for (const std::uint8_t protocol : {packet::kProtocolIcmp, packet::kProtocolIcmpv6}) {
    const Explanation four = answer(ask(kVip, 0, protocol));
    CHECK(four.verdict == deliver_owned);
    CHECK(four.rule == "spread");
    CHECK(four.hashed == "10.77.0.100");
    CHECK(answer(ask(kVip6, 0, protocol)).hashed == "2001:db8:77::100");
    CHECK(answer(ask(kVip6, 0, protocol)).verdict == deliver_owned);
  }
}

TEST_CASE("IPv6 flows and flows of other protocols are explained too") {
  const Explanation six = answer(ask(kVip6, 443));
  CHECK(six.rule == "web");
  CHECK(six.hashed == "2001:db8:77::100 port 40000 -> port 443");
  CHECK(answer(ask(kVip6, 9, 17)).verdict == deliver_default);
  CHECK(answer(ask(kVip, 0, 4)).rule == "spread");
  // Of tunnels the client alone is hashed, whatever the affinity of the rule.
  const Explanation ike = answer(ask(kVip, 500, 17));
  CHECK(ike.rule == "vpn");
  CHECK(ike.affinity == "single");
  CHECK(ike.hashed == kClient);
  CHECK(answer(ask(kVip, 0, 50)).bucket == ike.bucket);
}

TEST_CASE("a connection this host holds is told as tracked") {
  Question question = ask(kVip, 80);
  question.tcp_flags = kAck;
  const Explanation told = answer_held(question, World().foreign());
  CHECK(told.verdict == deliver_flow);
  CHECK(told.tracked);
  CHECK(told.reason.find("belongs to host 2") != std::string::npos);
}

TEST_CASE("state of the host shows in the reason") {
  CHECK(answer(ask(kVip, 80), World().stopped()).verdict == drop_host_stopped);
  CHECK(answer(ask(kVip, 80), World().stopped()).rule.empty());
  const Explanation expired = answer(ask(kVip, 80), World(), false);
  CHECK(expired.verdict == drop_lease_expired);
  CHECK(expired.reason.find("lease") != std::string::npos);
}

TEST_CASE("addresses outside the cluster have no rule") {
  const Explanation local = answer(ask(kDedicated, 22));
  CHECK(local.verdict == deliver_local);
  CHECK(local.rule.empty());
  CHECK_FALSE(local.has_bucket);
  CHECK(answer(ask("192.0.2.1", 80)).verdict == drop_not_for_us);
}

TEST_CASE("a question that mixes families or has no address is refused in words") {
  Question mixed = ask(kVip, 80);
  mixed.source = ip(kClient6);
  CHECK(answer(mixed).verdict == drop_malformed);
  CHECK(answer(mixed).reason == "source and destination are not addresses of one family");
  CHECK(answer(Question{}).verdict == drop_malformed);
}

TEST_CASE("explain and the data plane agree on every port") {
  const World world = World();
  for (unsigned port = 0; port < 9000; port += 7) {
    const auto number = static_cast<std::uint16_t>(port);
    const Frame syn = FrameBuilder().ip(kClient, kVip).tcp(40000, number, kSyn);
    static const forwarding::Snapshot snapshot = world.snapshot();
    static const flow::FlowCache flows({.capacity = 16}, snapshot.policy->classes().class_sizes, 7);
    const forwarding::Surroundings around{snapshot, flows, true};
    const Explanation told = forwarding::explain(ask(kVip, number), around);
    const forwarding::Decision decision = forwarding::decide(syn, packet::parse(syn), around);
    CHECK(told.verdict == decision.verdict);
    CHECK(told.bucket == decision.bucket.value);
  }
}
