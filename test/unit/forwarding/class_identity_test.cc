// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/class_identity.h"

#include <catch2/catch.hpp>
#include <set>

#include "support/world.h"

using namespace covey;
using namespace covey::test;

namespace {

std::vector<std::uint64_t> identities(const forwarding::Settings& settings) {
  return forwarding::class_identities({settings, bucket::SipKey{1, 2}, kStackMac});
}

forwarding::PortRule rule(const std::string& name, std::uint16_t port) {
  forwarding::PortRule rule;
  rule.name = name;
  rule.ports = {{port, port}};
  return rule;
}

forwarding::Settings two_rules() {
  forwarding::Settings settings = world_settings();
  settings.rules = {rule("web", 80), rule("mail", 25)};
  return settings;
}

}  // namespace

TEST_CASE("every class has an identity of its own, also those that others cover in full") {
  forwarding::Settings settings = world_settings();
  settings.rules.clear();
  for (const char* name : {"one", "other"}) {
    settings.rules.push_back(rule(name, 80));
    settings.rules.back().virtual_ip = ip("192.0.2.1");  // none of the virtual IPs
  }
  const auto all = identities(settings);
  CHECK(all.size() == 4);
  CHECK(std::set<std::uint64_t>(all.begin(), all.end()).size() == 4);
}

TEST_CASE("names, weights, priorities and places of rules are not part of the identity") {
  const auto before = identities(two_rules());
  forwarding::Settings settings = two_rules();
  settings.rules[0].name = "www";
  settings.rules[0].weight = 7;
  settings.rules[1].priority = 3;
  std::swap(settings.rules[0], settings.rules[1]);
  std::swap(settings.virtual_ips[1], settings.virtual_ips[2]);
  settings.self = base::HostId{9};
  const auto after = identities(settings);
  CHECK(after == std::vector<std::uint64_t>{before[0], before[1], before[3], before[2]});
}

TEST_CASE("a new rule changes what is left for the default host and nothing else") {
  const auto before = identities(two_rules());
  forwarding::Settings settings = two_rules();
  settings.rules.insert(settings.rules.begin(), rule("dns", 53));
  const auto after = identities(settings);
  CHECK(after[0] != before[0]);
  CHECK(after[1] == before[1]);
  CHECK(after[3] == before[2]);
  CHECK(after[4] == before[3]);
}

TEST_CASE("ports, protocol, virtual IP, affinity, mode and buckets are part of the identity") {
  const auto changes = [](auto&& change) {
    forwarding::Settings settings = two_rules();
    change(settings);
    return identities(settings)[2] != identities(two_rules())[2];
  };
  using forwarding::Settings;
  CHECK(changes([](Settings& s) { s.rules[0].ports = {{81, 81}}; }));
  CHECK(changes([](Settings& s) { s.rules[0].protocol = forwarding::RuleProtocol::udp; }));
  CHECK(changes([](Settings& s) { s.rules[0].virtual_ip = s.virtual_ips[0].address; }));
  CHECK(changes([](Settings& s) { s.rules[0].hash.affinity = bucket::Affinity::network; }));
  CHECK(changes([](Settings& s) { s.rules[0].mode = forwarding::RuleMode::single; }));
  CHECK(changes([](Settings& s) { s.buckets *= 2; }));
  CHECK(changes([](Settings& s) { s.virtual_ips.pop_back(); }));
  CHECK_FALSE(changes([](Settings& s) { s.rules[1].mode = forwarding::RuleMode::single; }));
}

TEST_CASE("a rule that names a virtual IP takes its ports away from one for all") {
  forwarding::Settings settings = two_rules();
  settings.rules.push_back(rule("web of one", 80));
  settings.rules.back().virtual_ip = settings.virtual_ips[0].address;
  CHECK(identities(settings)[2] != identities(two_rules())[2]);
}

TEST_CASE("a disabled rule takes its ports from the default host and has no class") {
  forwarding::Settings settings = two_rules();
  settings.rules.push_back(rule("closed", 23));
  settings.rules.back().mode = forwarding::RuleMode::disabled;
  const auto after = identities(settings);
  CHECK(after.size() == 4);
  CHECK(after[0] != identities(two_rules())[0]);
  CHECK(after[2] == identities(two_rules())[2]);
}
