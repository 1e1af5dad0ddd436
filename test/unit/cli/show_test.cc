// SPDX-License-Identifier: BSD-3-Clause
// Snapshots of what people see, made from the JSON that the daemon sends.
#include "cli/show.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "canned.h"

namespace covey::cli {
namespace {

template <typename T>
T decoded(std::string_view json) {
  auto value = api::decode<T>(json);
  if (!value) FAIL(value.error().context);
  return std::move(*value);
}

void check_width(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line.size() <= 80);
  }
}

}  // namespace

TEST_CASE("query shows who is in and who is the default host") {
  const std::string text = show(decoded<api::Status>(canned::kStatus), false);
  CHECK(text ==
        "cluster    web\n"
        "this host  1 (web1)\n"
        "state      converged (default)\n"
        "since      2026-01-02T03:04:05Z\n"
        "epoch      12\n"
        "\n"
        "host  name  state                weight      heard  takes part\n"
        "   1  web1  converged (default)     100  this host  yes\n"
        "   2  web2  converging               50      31 ms  yes\n"
        "   3  web3  isolated                100       15 s  no\n");
}

TEST_CASE("query says why a host is not converged and that there are islands") {
  api::Status status = decoded<api::Status>(canned::kStatus);
  status.converged = false;
  status.reason = "host 2 has a different configuration\033[2J";
  status.islands = 1;
  const std::string text = show(status, false);
  CHECK(text.find("not converged  host 2 has a different configuration?[2J\n") !=
        std::string::npos);
  CHECK(text.find("islands        1: ") != std::string::npos);
  check_width(text);
}

TEST_CASE("query says which rules this host does not take in full, and why") {
  api::Status status = decoded<api::Status>(canned::kStatus);
  status.rules = {{"web", "draining", "operator", 0}, {"d\033ns", "enabled", "health", 30}};
  const std::string text = show(status, false);
  CHECK(text.find("rule       web: draining (operator)\n") != std::string::npos);
  CHECK(text.find("rule       d?ns: enabled, 30 % (health)\n") != std::string::npos);
  check_width(text);
}

TEST_CASE("query has a line for each health check that is not up") {
  api::Status status = decoded<api::Status>(canned::kStatus);
  status.health = {"web is down: connect: Connection refused", "disk is drain: says: \033drain"};
  const std::string text = show(status, false);
  CHECK(text.find("health     web is down: connect: Connection refused\n"
                  "health     disk is drain: says: ?drain\n") != std::string::npos);
  check_width(text);
}

TEST_CASE("health shows what was answered and what follows from it, two lines a check") {
  const auto checks = decoded<std::vector<api::HealthRow>>(R"([
    {"name":"web","rule":"web,app","kind":"http","target":"http://127.0.0.1/","on_fail":"drain",
     "state":"up","since":"2026-01-02T03:04:05Z","percent":100,"last":"200 OK","last_ok":true,
     "duration_ms":1.26,"succeeded":7,"failed":0},
    {"name":"disk","rule":"","kind":"exec","target":"/bin/check","on_fail":"drain_host",
     "state":"down","since":"2026-01-02T03:04:06Z","percent":0,"last":"","last_ok":false,
     "duration_ms":0,"succeeded":0,"failed":3}])");
  const std::string text = show(checks, false);
  CHECK(text ==
        "check  rule     kind  state  takes    took  last answer\n"
        "web    web,app  http  up     100 %  1.3 ms  200 OK\n"
        "                                            since 2026-01-02T03:04:05Z\n"
        "disk   (host)   exec  down     0 %  0.0 ms  none yet\n"
        "                                            since 2026-01-02T03:04:06Z\n");
  CHECK(show(checks, true).find("\033[31mdown\033[0m") != std::string::npos);
  CHECK(show(std::vector<api::HealthRow>{}, false) == "no health checks are configured");
}

TEST_CASE("query says which rules the other hosts drain") {
  api::Status status = decoded<api::Status>(canned::kStatus);
  status.members[0].drains = {"web"};
  status.members[1].drains = {"db", "web"};
  status.members[2].drains = {"a", "b", "c", "d", "e", "f", "g", "h"};
  const std::string text = show(status, false);
  CHECK(text.find("host 1") == std::string::npos);
  CHECK(text.find("host 2     drains db, web\n") != std::string::npos);
  CHECK(text.find("host 3     drains a, b, c, d, e, f and 2 more\n") != std::string::npos);
}

TEST_CASE("colours appear in query only when wanted") {
  const api::Status status = decoded<api::Status>(canned::kStatus);
  CHECK(show(status, false).find('\033') == std::string::npos);
  CHECK(show(status, true).find("\033[32mconverged (default)\033[0m") != std::string::npos);
}

TEST_CASE("queryport shows one rule") {
  const auto rules = decoded<std::vector<api::RuleStatus>>(canned::kRules);
  CHECK(show(rules.at(0)) ==
        "rule      web\n"
        "state     enabled\n"
        "covers    tcp 80,443 of all\n"
        "mode      multiple\n"
        "affinity  none\n"
        "accepted  1,234,567\n"
        "dropped   89\n"
        "flows     5\n"
        "weight    100\n"
        "buckets   1638 of 4096 owned, 2 of them dirty\n");
  CHECK(show(rules.at(3)).find("state     disabled (configuration)\n") != std::string::npos);
}

TEST_CASE("params shows every rule in 80 columns") {
  const std::string text = show(decoded<std::vector<api::RuleStatus>>(canned::kRules), false);
  CHECK(text ==
        "rule     vip         protocol  ports   mode      affinity  weight  state\n"
        "web      all         tcp       80,443  multiple  none         100  enabled\n"
        "web-one  10.77.0.50  tcp       443     single    -              -  enabled\n"
        "dns      all         udp       53,80   multiple  single        50  enabled\n"
        "block    all         both      23      disabled  -              -  disabled\n"
        "default  all         all       all     default   -              -  enabled\n");
  check_width(text);
  auto some = decoded<std::vector<api::RuleStatus>>(canned::kRules);
  some.at(0).percent = 30;
  CHECK(show(some, false).find("100  enabled, 30 %\n") != std::string::npos);
}

TEST_CASE("explain shows the way of a packet") {
  const std::string text = show(decoded<api::ExplainReply>(canned::kExplain), false);
  CHECK(text ==
        "rule      web\n"
        "mode      multiple\n"
        "affinity  none\n"
        "hashed    10.77.0.100 port 40000 -> port 80\n"
        "bucket    1234\n"
        "owner     host 2\n"
        "tracked   no\n"
        "verdict   drop_not_owner\n"
        "because   another host owns the bucket\n");
  api::ExplainReply unowned = decoded<api::ExplainReply>(canned::kExplain);
  unowned.owner.reset();
  CHECK(show(unowned, false).find("owner     nobody now\n") != std::string::npos);
}

TEST_CASE("stats shows what happened, and all verdicts if wanted") {
  const api::Stats stats = decoded<api::Stats>(canned::kStats);
  const std::string text = show(stats, false, false);
  CHECK(text.find("deliver_owned    1,000   64,000\n") != std::string::npos);
  CHECK(text.find("drop_malformed") == std::string::npos);
  CHECK(text.find("bad_tag") != std::string::npos);
  CHECK(text.find("not_ours") == std::string::npos);
  CHECK(text.find("0.3 ms lately, 41.5 ms ever\n") != std::string::npos);
  CHECK(text.find("5,000, 7 late by 1ms, 2 late by 10ms, 0 late by 100ms\n") != std::string::npos);
  check_width(text);
  CHECK(show(stats, true, false).find("drop_malformed") != std::string::npos);
}

TEST_CASE("buckets counts owners and draws the map of a rule") {
  api::BucketMaps maps{1, 12, {{"web", 2, std::vector<unsigned>(128, 1)}, {"default", 0, {2}}}};
  for (unsigned b = 0; b < 32; ++b)
    maps.maps[0].owners[b] = b % 2 == 0 ? 2 : 0;
  CHECK(show(maps, false) ==
        "epoch 12, as host 1 knows it\n"
        "\n"
        "map      buckets    host  owns  share %\n"
        "web          128  nobody    16     12.5\n"
        "                       1    96     75.0\n"
        "                       2    16     12.5\n"
        "default        1       2     1    100.0\n");
  CHECK(show_owners(maps.maps[0], false) ==
        "     0  2.2.2.2.2.2.2.2.2.2.2.2.2.2.2.2.11111111111111111111111111111111\n"
        "    64  1111111111111111111111111111111111111111111111111111111111111111\n"
        "\n"
        "hosts: .=nobody 1=1 2=2\n");
  check_width(show_owners(maps.maps[0], false));
}

TEST_CASE("every host has a letter of its own in a map") {
  api::BucketMap map{"web", 2, {}};
  for (unsigned host = 0; host <= 64; ++host)
    map.owners.push_back(host);
  const std::string text = show_owners(map, false);
  CHECK(text.find('?') == std::string::npos);
  CHECK(text.ends_with(
      "\n"
      "hosts: .=nobody 1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 A=10 B=11 C=12 D=13 E=14\n"
      "       F=15 G=16 H=17 I=18 J=19 K=20 L=21 M=22 N=23 O=24 P=25 Q=26 R=27 S=28\n"
      "       T=29 U=30 V=31 W=32 X=33 Y=34 Z=35 a=36 b=37 c=38 d=39 e=40 f=41 g=42\n"
      "       h=43 i=44 j=45 k=46 l=47 m=48 n=49 o=50 p=51 q=52 r=53 s=54 t=55 u=56\n"
      "       v=57 w=58 x=59 y=60 z=61 +=62 /=63 @=64\n"));
  check_width(text);
}

TEST_CASE("flows of IPv6 take two lines and still fit") {
  const std::string text = show(decoded<std::vector<api::FlowRow>>(canned::kFlows), false);
  CHECK(text.find("tcp 10.77.0.100:40000 -> 10.77.0.50:80") != std::string::npos);
  CHECK(text.find("\n-> [2001:db8:77::50]:80\n") != std::string::npos);
  check_width(text);
}

TEST_CASE("a trace shows what was done with each packet, in 80 columns, and why it ended") {
  api::TraceReply trace = decoded<api::TraceReply>(canned::kTrace);
  const std::string text = show(trace, 10, false);
  CHECK(text ==
        "    0.000 ms in  tcp 10.77.0.100:40000 -> 10.77.0.50:80 syn, 74 bytes\n"
        "                 deliver_owned: bucket 1234 of rule web belongs to this host\n"
        "12345.678 ms out udp [2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535 ->\n"
        "                 [2001:db8:77::50]:80, first fragment, vlan 7, 1514 bytes\n"
        "                 drop_egress_not_owner: SYN-ACK or RST of the local stack for a\n"
        "                 flow that is not ours; half_open\n"
        "2 of 5,321 packets: the time is up, 10 were wanted\n");
  check_width(text);
  CHECK(show(trace, 2, true).find("\033[32mdeliver_owned\033[0m: ") != std::string::npos);
  trace.ended = "count";
  CHECK(show(trace, 2, false).ends_with("2 of 5,321 packets: all that were asked for\n"));
  trace.ended = "superseded";
  CHECK(show(trace, 3, false).ends_with("another trace began, 3 were wanted\n"));
}

TEST_CASE("history and events fit 80 columns with long sentences") {
  const std::string past = show(decoded<std::vector<api::HistoryRow>>(canned::kHistory), false);
  CHECK(past.find("1,365") != std::string::npos);
  CHECK(past.find("1,2,3") != std::string::npos);
  check_width(past);
  const std::string news = show(decoded<std::vector<api::EventRow>>(canned::kEvents), false);
  CHECK(news.find("host_lost") != std::string::npos);
  check_width(news);
}

TEST_CASE("numbers are grouped by thousands") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(18446744073709551615U) == "18,446,744,073,709,551,615");
}

TEST_CASE("key list shows who holds and uses what, and what to do next") {
  api::KeyList list = decoded<api::KeyList>(canned::kKeys);
  CHECK(show(list, false) ==
        "host  name                          holds keys           seals with\n"
        "   1  web1                          0, 1                 0\n"
        "   2  web2                          0                    0\n"
        "   3  web3                          0, 1 (another key!)  -\n"
        "   4  a-host-of-an-earlier-version  0                    0\n"
        "\n"
        "next: `covey key add` on the hosts without key 1\n");
  list.hosts.resize(1);
  CHECK(show(list, false).ends_with("next: wait until all hosts seal with key 1\n"));
  list.hosts[0].seals_with = 1;
  CHECK(show(list, false).ends_with("next: `covey key retire 0` on each host\n"));
  list.hosts[0].keys.pop_back();
  CHECK(show(list, false).find("next") == std::string::npos);
}

}  // namespace covey::cli
