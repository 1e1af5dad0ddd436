// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/policy.h"

#include <catch2/catch.hpp>
#include <string>

#include "support/world.h"

using namespace covey;
using namespace covey::test;
using forwarding::ClusterMode;
using forwarding::kDefaultRule;

namespace {

constexpr std::uint8_t kTcp = packet::kProtocolTcp;
constexpr std::uint8_t kUdp = packet::kProtocolUdp;

forwarding::Policy policy(const forwarding::Settings& settings = world_settings()) {
  return {settings, bucket::SipKey{1, 2}, kStackMac};
}

base::IpPrefix prefix(std::string_view address, std::uint8_t length) {
  return {ip(address), length};
}

}  // namespace

TEST_CASE("each virtual IP is found at its position, others are not") {
  const forwarding::Policy compiled = policy();
  CHECK(compiled.virtual_ip_index(ip(kVip)) == 0);
  CHECK(compiled.virtual_ip_index(ip(kVip2)) == 1);
  CHECK(compiled.virtual_ip_index(ip(kVip6)) == 2);
  CHECK(compiled.virtual_ip_index(ip(kDedicated)) == -1);
  CHECK(compiled.virtual_ip_index(ip("2001:db8:77::51")) == -1);
  CHECK(compiled.virtual_ip_index(base::IpAddress{}) == -1);
}

TEST_CASE("an IPv6 address with the bytes of an IPv4 virtual IP is another address") {
  base::IpAddress twin = ip(kVip);
  twin.family = base::Family::ipv6;
  CHECK(policy().virtual_ip_index(twin) == -1);
}

TEST_CASE("as many virtual IPs as allowed are all found") {
  forwarding::Settings settings;
  settings.self = base::HostId{1};
  for (unsigned i = 0; i < base::kMaxVirtualIps; ++i) {
    const std::uint8_t bytes[4] = {10, 0, static_cast<std::uint8_t>(i / 16),
                                   static_cast<std::uint8_t>(i)};
    settings.virtual_ips.push_back({base::IpAddress::from_ipv4(bytes), 16});
  }
  const forwarding::Policy compiled = policy(settings);
  for (unsigned i = 0; i < base::kMaxVirtualIps; ++i) {
    CHECK(compiled.virtual_ip_index(settings.virtual_ips[i].address) == static_cast<int>(i));
  }
  CHECK(compiled.virtual_ip_index(ip("10.1.0.0")) == -1);
}

TEST_CASE("a policy without virtual IPs finds none") {
  forwarding::Settings settings;
  settings.self = base::HostId{1};
  CHECK(policy(settings).virtual_ip_index(ip(kVip)) == -1);
}

TEST_CASE("a rule covers its ports, protocol and virtual IP and nothing else") {
  const forwarding::Policy compiled = policy();
  CHECK(compiled.rule_for(0, kTcp, 80) == 0);
  CHECK(compiled.rule_for(2, kTcp, 443) == 0);
  CHECK(compiled.rule_for(0, kTcp, 81) == kDefaultRule);
  CHECK(compiled.rule_for(0, kUdp, 80) == kDefaultRule);
  CHECK(compiled.rule_for(0, kTcp, 8000) == 1);
  CHECK(compiled.rule_for(0, kUdp, 8100) == 1);
  CHECK(compiled.rule_for(0, kTcp, 7999) == kDefaultRule);
  CHECK(compiled.rule_for(0, kTcp, 8101) == kDefaultRule);
  CHECK(compiled.rule_for(1, kTcp, 8000) == kDefaultRule);
  CHECK(compiled.rule_for(0, packet::kProtocolSctp, 80) == kDefaultRule);
}

TEST_CASE("a rule that names a virtual IP wins over one for all, whatever their order") {
  forwarding::Settings settings = world_settings();
  CHECK(policy(settings).rule_for(1, kUdp, 23) == 4);
  CHECK(policy(settings).rule_for(0, kUdp, 23) == 3);
  std::swap(settings.rules[3], settings.rules[4]);
  CHECK(policy(settings).rule_for(1, kUdp, 23) == 3);
}

TEST_CASE("a rule without ports is told only where ports cannot matter") {
  const forwarding::Policy compiled = policy();
  CHECK(compiled.rule_without_ports(1, kUdp) == forwarding::RuleIndex{4});
  CHECK_FALSE(compiled.rule_without_ports(0, kUdp).has_value());
  CHECK_FALSE(compiled.rule_without_ports(1, kTcp).has_value());

  forwarding::Settings settings = world_settings();
  settings.rules[4].hash.affinity = bucket::Affinity::none;  // hashes the ports
  CHECK_FALSE(policy(settings).rule_without_ports(1, kUdp).has_value());
  settings.rules.clear();
  CHECK(policy(settings).rule_without_ports(0, kTcp) == kDefaultRule);
}

TEST_CASE("each multiple or single rule has a class of its own, in rule order") {
  const forwarding::ClassPlan plan = forwarding::plan_classes(world_settings());
  CHECK(plan.class_sizes == std::vector<std::uint32_t>{1, 64, 64, 64, 1, 64, 64});
  CHECK(plan.class_of_rule[0] == base::ClassIndex{2});
  CHECK(plan.class_of_rule[1] == base::ClassIndex{3});
  CHECK(plan.class_of_rule[2] == base::ClassIndex{4});
  CHECK(plan.class_of_rule[4] == base::ClassIndex{5});
}

TEST_CASE("the primary address is the first IPv4, else the first") {
  forwarding::Settings settings;
  CHECK(forwarding::primary_ip(settings) == base::IpAddress{});
  settings.virtual_ips = {prefix(kVip6, 64), prefix(kVip2, 24), prefix(kVip, 24)};
  CHECK(forwarding::primary_ip(settings) == ip(kVip2));
  settings.virtual_ips = {prefix(kVip6, 64), prefix("2001:db8::1", 64)};
  CHECK(forwarding::primary_ip(settings) == ip(kVip6));
}

TEST_CASE("the MAC addresses are made of the primary address") {
  const base::IpAddress four = ip("10.77.0.50");
  CHECK(forwarding::cluster_mac(ClusterMode::unicast, four).to_string() == "02:bf:0a:4d:00:32");
  CHECK(forwarding::cluster_mac(ClusterMode::multicast, four).to_string() == "03:bf:0a:4d:00:32");
  CHECK(forwarding::cluster_mac(ClusterMode::igmp, four).to_string() == "01:00:5e:7f:00:32");
  CHECK(forwarding::masked_host_mac(base::HostId{9}, four).to_string() == "02:09:0a:4d:00:32");
  // 20010db8 ^ 00770000 ^ 00000000 ^ 00000050
  const base::IpAddress six = ip("2001:db8:77::50");
  CHECK(forwarding::cluster_mac(ClusterMode::unicast, six).to_string() == "02:bf:20:76:0d:e8");
}

TEST_CASE("an explicit cluster MAC is kept, the host MAC still comes from the primary address") {
  forwarding::Settings settings = world_settings();
  settings.cluster_mac = mac("02:11:22:33:44:55");
  CHECK(policy(settings).cluster_mac() == mac("02:11:22:33:44:55"));
  CHECK(policy(settings).host_mac() == kHostMac);
}

TEST_CASE("the shared settings read like the configuration") {
  std::string text;
  for (const base::Setting& setting : forwarding::shared_settings(world_settings()))
    text += setting.name + " = " + setting.value + "\n";
  CHECK(text ==
        "primary virtual ip = 10.77.0.50\n"
        "virtual ip 10.77.0.50/24 = present\n"
        "virtual ip 10.77.0.51/24 = present\n"
        "virtual ip 2001:db8:77::50/64 = present\n"
        "mode = unicast\n"
        "mac = 02:bf:0a:4d:00:32\n"
        "icmp = balance\n"
        "buckets = 64\n"
        "rule web: vip = all\n"
        "rule web: protocol = tcp\n"
        "rule web: ports = 80,443\n"
        "rule web: mode = multiple\n"
        "rule web: affinity = none\n"
        "rule app: vip = 10.77.0.50\n"
        "rule app: protocol = both\n"
        "rule app: ports = 8000-8100\n"
        "rule app: mode = multiple\n"
        "rule app: affinity = network 24 64\n"
        "rule db: vip = all\n"
        "rule db: protocol = tcp\n"
        "rule db: ports = 5432\n"
        "rule db: mode = single\n"
        "rule db: affinity = -\n"
        "rule block: vip = all\n"
        "rule block: protocol = both\n"
        "rule block: ports = 23\n"
        "rule block: mode = disabled\n"
        "rule block: affinity = -\n"
        "rule games: vip = 10.77.0.51\n"
        "rule games: protocol = udp\n"
        "rule games: ports = 0-65535\n"
        "rule games: mode = multiple\n"
        "rule games: affinity = single\n"
        "rule vpn: vip = all\n"
        "rule vpn: protocol = both\n"
        "rule vpn: ports = 500,1701,1723\n"
        "rule vpn: mode = multiple\n"
        "rule vpn: affinity = none\n"
        "order of rules: 1 = web\n"
        "order of rules: 2 = app\n"
        "order of rules: 3 = db\n"
        "order of rules: 4 = block\n"
        "order of rules: 5 = games\n"
        "order of rules: 6 = vpn\n");
}

TEST_CASE("what belongs to one host is no part of the shared settings") {
  const base::Settings before = forwarding::shared_settings(world_settings());
  forwarding::Settings settings = world_settings();
  settings.self = base::HostId{7};
  settings.dedicated_ip.reset();
  settings.mask_source_mac = false;
  settings.rules[0].weight = 1;
  settings.rules[2].priority = 9;
  std::swap(settings.virtual_ips[1], settings.virtual_ips[2]);
  std::swap(settings.rules[0].ports[0], settings.rules[0].ports[1]);
  CHECK(forwarding::shared_settings(settings) == before);
}

TEST_CASE("every setting that hosts must share changes the shared settings") {
  const base::Settings before = forwarding::shared_settings(world_settings());
  const auto changed = [&](auto&& change) {
    forwarding::Settings settings = world_settings();
    change(settings);
    return forwarding::shared_settings(settings) != before;
  };
  CHECK(changed([](auto& s) { s.virtual_ips.pop_back(); }));
  CHECK(changed([](auto& s) { std::swap(s.virtual_ips[0], s.virtual_ips[1]); }));  // the primary
  CHECK(changed([](auto& s) { s.virtual_ips[0].length = 25; }));
  CHECK(changed([](auto& s) { s.mode = ClusterMode::multicast; }));
  CHECK(changed([](auto& s) { s.cluster_mac = kHostMac; }));
  CHECK(changed([](auto& s) { s.icmp = forwarding::IcmpPolicy::all; }));
  CHECK(changed([](auto& s) { s.buckets = 128; }));
  CHECK(changed([](auto& s) { s.rules.pop_back(); }));
  CHECK(changed([](auto& s) { std::swap(s.rules[0], s.rules[1]); }));
  CHECK(changed([](auto& s) { s.rules[0].name = "www"; }));
  CHECK(changed([](auto& s) { s.rules[0].virtual_ip = ip(kVip); }));
  CHECK(changed([](auto& s) { s.rules[0].protocol = forwarding::RuleProtocol::both; }));
  CHECK(changed([](auto& s) { s.rules[0].ports[0].last = 81; }));
  CHECK(changed([](auto& s) { s.rules[0].mode = forwarding::RuleMode::disabled; }));
  CHECK(changed([](auto& s) { s.rules[0].hash.affinity = bucket::Affinity::single; }));
  CHECK(changed([](auto& s) { s.rules[1].hash.prefix4 = 16; }));
  CHECK(changed([](auto& s) { s.rules[1].hash.prefix6 = 48; }));
}

TEST_CASE("the name of a verdict is its enumerator and no words are missing") {
  CHECK(forwarding::name(forwarding::Verdict::deliver_owned) == "deliver_owned");
  CHECK(forwarding::name(forwarding::Verdict::drop_uplink_full) == "drop_uplink_full");
  for (const forwarding::VerdictText& text : forwarding::kVerdictTexts)
    CHECK_FALSE(text.words.empty());
}

TEST_CASE("the broadcast addresses are those of the subnets that this host has an address in") {
  forwarding::Settings settings = world_settings();
  settings.virtual_ips.push_back({ip("10.1.2.3"), 23});
  settings.virtual_ips.push_back({ip("10.5.5.4"), 31});
  settings.virtual_ips.push_back({ip("10.6.6.6"), 32});
  settings.dedicated_ip = base::IpPrefix{ip("10.9.0.17"), 28};
  const forwarding::Policy policy(settings, {}, kStackMac);
  for (const std::string_view text :
       {"255.255.255.255", "10.77.0.255", "10.1.3.255", "10.9.0.31"}) {
    INFO(text);
    CHECK(policy.is_broadcast(ip(text)));
  }
  for (const std::string_view text :
       {"10.1.2.255", "10.5.5.5", "10.6.6.6", "10.9.0.255", "10.77.0.50", "ff02::1"}) {
    INFO(text);
    CHECK_FALSE(policy.is_broadcast(ip(text)));
  }
}
