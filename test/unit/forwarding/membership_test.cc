// SPDX-License-Identifier: BSD-3-Clause
// When a host says what it listens to; and what becomes of what others say, as tables.
#include "forwarding/membership.h"

#include <catch2/catch.hpp>

#include "packet/group_address.h"
#include "support/groups.h"
#include "support/rows.h"
#include "support/world.h"

using namespace covey;
using namespace covey::test;
using namespace std::chrono_literals;
using enum forwarding::Verdict;
using forwarding::ClusterMode;
using forwarding::Membership;
using packet::Listening;

namespace {

constexpr std::string_view kGroup = "239.255.0.50";
constexpr std::string_view kGroup6 = "ff02::1:ff00:50";

/// All that is said at this time: "v3 begins 239.255.0.50", one text for each message.
std::vector<std::string> said(Membership& membership, base::Duration at) {
  std::vector<std::string> texts;
  while (const auto report = membership.next(base::TimePoint{} + at)) {
    std::string text = "v" + std::to_string(report->version);
    text += report->listening == Listening::begins    ? " begins"
            : report->listening == Listening::goes_on ? " goes on"
                                                      : " ends";
    for (const base::IpAddress& group : report->groups)
      text += " " + group.to_string();
    texts.push_back(text);
    REQUIRE(texts.size() < 1000);
  }
  return texts;
}

using Texts = std::vector<std::string>;

Membership listener(std::vector<std::string_view> groups = {kGroup}, std::uint64_t seed = 1) {
  std::vector<base::IpAddress> addresses;
  for (const std::string_view group : groups)
    addresses.push_back(ip(group));
  return {addresses, seed};
}

void ask(Membership& membership, base::Duration at, std::uint8_t version,
         base::Duration response_time = 0s, base::Family family = base::Family::ipv4) {
  membership.note_query({family, version, response_time, {}}, base::TimePoint{} + at);
}

std::vector<std::string> groups_of(const forwarding::Settings& settings) {
  const forwarding::Policy policy(settings, {}, kStackMac);
  std::vector<std::string> texts;
  for (const base::IpAddress& group : policy.groups())
    texts.push_back(group.to_string());
  return texts;
}

}  // namespace

TEST_CASE("a host listens where neighbours ask for its IPv6 addresses, and to the cluster MAC") {
  forwarding::Settings settings = world_settings();
  CHECK(groups_of(settings) == Texts{"ff02::1:ff00:50"});
  settings.mode = ClusterMode::multicast;
  CHECK(groups_of(settings) == Texts{"ff02::1:ff00:50"});
  settings.mode = ClusterMode::igmp;
  CHECK(groups_of(settings) == Texts{"239.255.0.50", "ff02::1:ff00:50"});
  settings.cluster_mac = mac("01:00:5e:01:02:03");
  settings.dedicated_ip = base::IpPrefix{ip("2001:db8:77::11"), 64};
  settings.virtual_ips.push_back({ip("2001:db8:99::50"), 64});  // the same group as another
  CHECK(groups_of(settings) == Texts{"239.129.2.3", "ff02::1:ff00:50", "ff02::1:ff00:11"});
}

TEST_CASE("while nobody asks, it is said in two versions: twice at the start, then every minute") {
  Membership membership = listener();
  const Texts begins = {"v3 begins 239.255.0.50", "v2 begins 239.255.0.50"};
  const Texts goes_on = {"v3 goes on 239.255.0.50", "v2 goes on 239.255.0.50"};
  CHECK(said(membership, 0s) == begins);
  CHECK(said(membership, 999ms).empty());
  CHECK(said(membership, 1s) == begins);
  CHECK(said(membership, 60999ms).empty());
  CHECK(said(membership, 61s) == goes_on);
  CHECK(said(membership, 120999ms).empty());
  CHECK(said(membership, 121s) == goes_on);
}

TEST_CASE("a question is answered in the version of who asks, and older ones go on to count") {
  Membership membership = listener();
  said(membership, 0s);
  said(membership, 1s);
  ask(membership, 10s, 3);
  CHECK(said(membership, 10s) == Texts{"v3 goes on 239.255.0.50"});
  ask(membership, 20s, 2);
  CHECK(said(membership, 20s) == Texts{"v2 goes on 239.255.0.50"});
  ask(membership, 30s, 3);
  CHECK(said(membership, 30s) == Texts{"v2 goes on 239.255.0.50"});
  ask(membership, 40s, 1);
  CHECK(said(membership, 40s) == Texts{"v1 goes on 239.255.0.50"});
  // 260 s later version 1 is forgotten, and then version 2.
  ask(membership, 279s, 2);
  CHECK(said(membership, 279s) == Texts{"v1 goes on 239.255.0.50"});
  ask(membership, 301s, 3);
  CHECK(said(membership, 301s) == Texts{"v2 goes on 239.255.0.50"});
  ask(membership, 540s, 3);
  CHECK(said(membership, 540s) == Texts{"v3 goes on 239.255.0.50"});
  // And 260 s after the last question nobody is there who asks.
  CHECK(said(membership, 801s) == Texts{"v3 goes on 239.255.0.50", "v2 goes on 239.255.0.50"});
}

TEST_CASE("an answer comes within the time that the question leaves, at chance") {
  std::vector<base::Duration> delays;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Membership membership = listener({kGroup}, seed);
    said(membership, 0s);
    said(membership, 1s);
    ask(membership, 10s, 3, 1s);
    base::Duration delay = 0s;
    while (said(membership, 10s + delay).empty()) {
      delay += 1ms;
      REQUIRE(delay < 1s);
    }
    delays.push_back(delay);
  }
  const auto early = std::ranges::count_if(delays, [](base::Duration d) { return d < 500ms; });
  CHECK(early > 60);
  CHECK(early < 140);
}

TEST_CASE("a question does not delay what was to be said earlier") {
  Membership membership = listener();
  said(membership, 0s);
  ask(membership, 0s, 3, 3000s);
  CHECK(said(membership, 1s) == Texts{"v3 begins 239.255.0.50"});
}

TEST_CASE("a flood of questions is answered ten times a second at most") {
  Membership membership = listener();
  std::size_t answers = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    ask(membership, ms * 1ms, 3);
    answers += said(membership, ms * 1ms).size();
  }
  CHECK(answers == 100);
}

TEST_CASE("each family has its own askers") {
  Membership membership = listener({kGroup, kGroup6});
  said(membership, 0s);
  said(membership, 1s);
  ask(membership, 2s, 1, 0s, base::Family::ipv6);
  CHECK(said(membership, 2s) == Texts{"v1 goes on ff02::1:ff00:50"});
  ask(membership, 3s, 3);
  CHECK(said(membership, 3s) == Texts{"v3 goes on 239.255.0.50"});
  CHECK(said(membership, 63s) == Texts{"v3 goes on 239.255.0.50", "v1 goes on ff02::1:ff00:50"});
}

TEST_CASE("many groups take some messages of the newest version, one each of an older one") {
  std::vector<base::IpAddress> groups;
  for (std::uint8_t i = 0; i < 40; ++i)
    groups.push_back(packet::solicited_node_group(ip("2001:db8::" + std::to_string(10 + i))));
  Membership membership(groups, 1);
  ask(membership, 0s, 2, 0s, base::Family::ipv6);
  CHECK(said(membership, 0s).size() == 2);
  ask(membership, 1s, 1, 0s, base::Family::ipv6);
  CHECK(said(membership, 1s).size() == 40);
}

TEST_CASE("the end is said once, and then nothing") {
  Membership membership = listener({kGroup, kGroup6});
  ask(membership, 0s, 2);
  ask(membership, 0s, 2, 0s, base::Family::ipv6);
  CHECK(said(membership, 0s).size() == 2);
  membership.leave();
  CHECK(said(membership, 500ms) == Texts{"v2 ends 239.255.0.50", "v2 ends ff02::1:ff00:50"});
  ask(membership, 10s, 2);
  CHECK(said(membership, 11s).empty());
  CHECK(said(membership, 1000s).empty());
}

TEST_CASE("an end interrupts what is being said") {
  Membership membership = listener();
  REQUIRE(membership.next({}));
  membership.leave();
  CHECK(said(membership, 0s) == Texts{"v3 ends 239.255.0.50", "v2 ends 239.255.0.50"});
}

TEST_CASE("who listens to nothing says nothing") {
  Membership membership = listener({});
  ask(membership, 0s, 3);
  CHECK(said(membership, 0s).empty());
}

TEST_CASE("queries about our groups are noted, whatever the host's state; no stack hears of them") {
  const World igmp = World().mode(ClusterMode::igmp);
  const QueryText of_igmp{.version = 2, .group = kGroup};
  const QueryText of_mld{.version = 1, .group = kGroup6};
  check_received({
      {"IGMPv1 query", igmp_query({.version = 1, .code = 0}), igmp, group_query, "-"},
      {"IGMPv2 query", igmp_query({.version = 2}), igmp, group_query, "-"},
      {"IGMPv3 query", igmp_query({}), igmp, group_query, "-"},
      {"IGMP query about our group", igmp_query(of_igmp), igmp, group_query, "-"},
      {"IGMP query about another group", igmp_query({2, "239.255.0.51"}), igmp, drop_not_for_us,
       "-"},
      {"IGMP query, mode unicast", igmp_query({}), World(), drop_not_for_us, "-"},
      {"IGMP query, mode multicast", igmp_query({}), World().mode(ClusterMode::multicast),
       drop_not_for_us, "-"},
      {"IGMP query, stopped", igmp_query({}), World(igmp).stopped(), group_query, "-"},
      {"IGMP query, lease expired", igmp_query({}), World(igmp).lease_expired(), group_query, "-"},
      {"IGMP query of another VLAN", igmp_query({}).vlan(9), igmp, drop_not_for_us, "-"},
      {"IGMP query, wrong checksum", patch(igmp_query({}), 14 + 24 + 2, {0, 0}), igmp,
       drop_not_for_us, "-"},
      {"MLDv1 query", mld_query({.version = 1}), World(), group_query, "-"},
      {"MLDv2 query", mld_query({.version = 2}), World(), group_query, "-"},
      {"MLDv2 query, mode igmp", mld_query({.version = 2}), igmp, group_query, "-"},
      {"MLD query about our group", mld_query(of_mld), World(), group_query, "-"},
      {"MLD query about another group", mld_query({1, "ff02::1:ff00:51"}), World(), drop_not_for_us,
       "-"},
      {"MLD query, stopped", mld_query({.version = 2}), World().stopped(), group_query, "-"},
      {"MLD query through a router", mld_query({.version = 2}).hop_limit(2), World(),
       drop_not_for_us, "-"},
  });
}

TEST_CASE("what others say of the groups they listen to reaches no stack") {
  const World igmp = World().mode(ClusterMode::igmp);
  const base::MacAddress cluster = mac("01:00:5e:7f:00:32");
  check_received({
      {"IGMP report of a peer", igmp_report(kGroup), igmp, drop_not_for_us, "-"},
      {"IGMP report of a client", igmp_report("239.1.2.3"), World(), drop_not_for_us, "-"},
      {"IGMPv3 report",
       FrameBuilder()
           .ip(kClient, "224.0.0.22")
           .protocol(2, {0x22, 0, 0, 0})
           .to(mac("01:00:5e:00:00:16")),
       igmp, drop_not_for_us, "-"},
      {"IGMP to a virtual IP", FrameBuilder().ip(kClient, kVip).protocol(2, Frame(8, 0x11)),
       World(), drop_not_for_us, "-"},
      {"IGMP to a virtual IP in mode igmp",
       FrameBuilder().ip(kClient, kVip).protocol(2, Frame(8, 0x11)).to(cluster), igmp,
       drop_not_for_us, "-"},
      {"IGMP to the dedicated address",
       FrameBuilder().ip(kClient, kDedicated).protocol(2, Frame(8, 0x16)).to(kHostMac), World(),
       drop_not_for_us, "-"},
      {"MLD report of a peer", mld_report(kGroup6), World(), drop_not_for_us, "-"},
      {"MLDv2 report",
       FrameBuilder()
           .ip("fe80::1", "ff02::16")
           .hop_limit(1)
           .icmp(143, 0)
           .to(mac("33:33:00:00:00:16")),
       World(), drop_not_for_us, "-"},
      {"MLD query to a virtual IP", FrameBuilder().ip("fe80::1", kVip6).icmp(130, 0, Frame(20, 0)),
       World(), drop_not_for_us, "-"},
      {"MLD report to a virtual IP", FrameBuilder().ip("fe80::1", kVip6).icmp(131, 0), World(),
       drop_not_for_us, "-"},
      {"MLD done to a virtual IP", FrameBuilder().ip("fe80::1", kVip6).icmp(132, 0), World(),
       drop_not_for_us, "-"},
      {"MLDv2 report to a virtual IP", FrameBuilder().ip("fe80::1", kVip6).icmp(143, 0), World(),
       drop_not_for_us, "-"},
  });
}

TEST_CASE("what a host says itself comes back as an echo, whatever it says") {
  const std::vector<base::IpAddress> groups4 = {ip(kGroup)};
  const std::vector<base::IpAddress> groups6 = {ip(kGroup6), ip("ff02::1:ff00:11")};
  std::vector<Row> rows;
  const auto add = [&rows](const std::string& name, const packet::GroupReport& report) {
    Frame frame(packet::kGroupReportRoom);
    frame.resize(packet::build_group_report(report, {kHostMac, ip(kDedicated)}, frame));
    rows.push_back({name, frame, World(), drop_own_echo, "-"});
  };
  for (const Listening listening : {Listening::begins, Listening::goes_on, Listening::ends}) {
    const std::string number = std::to_string(static_cast<int>(listening));
    add("IGMPv3 report, record " + number, {3, listening, groups4});
    add("MLDv2 report, record " + number, {2, listening, groups6});
  }
  add("IGMPv1 report", {1, Listening::begins, groups4});
  add("IGMPv2 report", {2, Listening::begins, groups4});
  add("IGMPv2 leave", {2, Listening::ends, groups4});
  add("MLDv1 report", {1, Listening::begins, std::span(groups6).first(1)});
  add("MLDv1 done", {1, Listening::ends, std::span(groups6).first(1)});
  check_received(rows);
}
