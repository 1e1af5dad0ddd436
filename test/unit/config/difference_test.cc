// SPDX-License-Identifier: BSD-3-Clause
#include "config/difference.h"

#include <catch2/catch.hpp>

namespace covey::config {
namespace {

const std::string kHead =
    "version: 1\n"
    "cluster: { name: web, virtual_ips: [10.0.0.1/24, 10.0.0.2/24] }\n"
    "host: { id: 3 }\n"
    "ports: { uplink: { device: \"af_packet:eth0\" } }\n";
const std::string kWeb = "  - { name: web, protocol: tcp, ports: 80, mode: multiple }\n";
const std::string kDb = "  - { name: db, protocol: tcp, ports: 5432, mode: single }\n";

Config good(const std::string& yaml) {
  Loaded loaded = load_text(yaml, "file");
  if (const auto* mistakes = std::get_if<std::vector<Mistake>>(&loaded)) {
    FAIL(mistakes->at(0).to_string());
  }
  return std::get<Config>(std::move(loaded));
}

std::vector<std::string> texts(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const Difference& change : differences(good(before), good(after)))
    lines.push_back(change.to_string() + (change.needs_restart ? " !" : ""));
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a file that says the same in other words has no difference") {
  CHECK(texts(kHead, kHead + "port_rules: []\nicmp: balance\n").empty());
}

TEST_CASE("rules are found again by name, and one that is there once is one difference") {
  const std::string rules = kHead + "port_rules:\n";
  CHECK(texts(rules + kWeb + kDb,
              rules + kDb + "  - { name: web, protocol: tcp, ports: 80, affinity: single }\n") ==
        Lines{"port_rules[web].affinity: none -> single", "port_rules: web, db -> db, web"});
  CHECK(texts(rules + kWeb, rules + kDb) ==
        Lines{"port_rules[web]: removed (vip all, protocol tcp, ports 80, mode multiple, affinity "
              "none, weight 50)",
              "port_rules[db]: added (vip all, protocol tcp, ports 5432, mode single)"});
  CHECK(texts(rules + kWeb, kHead).size() == 1);
  CHECK(texts(kHead, rules + kWeb).size() == 1);
}

TEST_CASE("a key of a rule that comes with its mode is a difference of its own") {
  const std::string rules = kHead + "port_rules:\n";
  CHECK(
      texts(rules + kWeb, rules + "  - { name: web, protocol: tcp, ports: 80, mode: single }\n") ==
      Lines{"port_rules[web].mode: multiple -> single",
            "port_rules[web].affinity: removed (was none)",
            "port_rules[web].weight: removed (was 50)"});
}

TEST_CASE("what cannot change while the daemon runs is marked, the rest is not") {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kHead;
    return text.replace(text.find(from), from.size(), to);
  };
  CHECK(texts(kHead, with("id: 3", "id: 4")) == Lines{"host.id: 3 -> 4 !"});
  CHECK(texts(kHead, with(", 10.0.0.2/24", "")) ==
        Lines{"cluster.virtual_ips: 10.0.0.1/24, 10.0.0.2/24 -> 10.0.0.1/24 !"});
  CHECK(texts(kHead, with("name: web,", "name: web, heartbeat: { interval: 100ms },")) ==
        Lines{"cluster.heartbeat.interval: 200ms -> 100ms !"});
  CHECK(texts(kHead, with("name: web,", "name: web, gateway: 10.0.0.9,")) ==
        Lines{"cluster.gateway: set to 10.0.0.9 !"});
  CHECK(texts(kHead, with("name: web,", "name: web, buckets: 64,")) ==
        Lines{"cluster.buckets: 4096 -> 64"});
  CHECK(texts(kHead, kHead + "icmp: drop\nlog: { level: debug, format: json }\n") ==
        Lines{"icmp: balance -> drop", "log.level: info -> debug", "log.format: text -> json !"});
}

}  // namespace covey::config
