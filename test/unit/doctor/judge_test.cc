// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/judge.h"

#include <catch2/catch.hpp>
#include <functional>

namespace covey::doctor {
namespace {

base::IpPrefix prefix(std::string_view text) {
  return base::IpPrefix::parse(text).value();
}

api::RuleStatus rule(const char* name, const char* protocol, const char* ports) {
  api::RuleStatus row;
  row.rule = name;
  row.state = "enabled";
  row.mode = "multiple";
  row.vip = "all";
  row.protocol = protocol;
  row.ports = ports;
  return row;
}

api::Stats stats() {
  api::Stats stats;
  stats.verdicts = {{"deliver_owned", {100'000, 1}}, {"deliver_flow", {900'000, 1}},
                    {"group_query", {0, 0}},         {"drop_alien_ack", {5, 1}},
                    {"drop_local_full", {3, 1}},     {"send_uplink", {1'000'000, 1}},
                    {"drop_uplink_full", {2, 1}}};
  stats.ports = {{"uplink", {}}};
  stats.ports[0].second.rx_frames = 1'000'000;
  stats.workers.resize(1);
  stats.heartbeats.refused = {
      {"not_ours", 4}, {"unknown_key", 0}, {"bad_tag", 7}, {"bad_version", 0}, {"malformed", 0}};
  stats.flows.capacity = 65536;
  return stats;
}

Interface interface(const char* name, std::vector<base::IpPrefix> addresses) {
  Interface it;
  it.name = name;
  it.up = it.running = true;
  it.mtu = 1500;
  it.addresses = std::move(addresses);
  it.rp_filter = 2;
  it.arp_ignore = 8;
  it.disable_ipv6 = 1;
  return it;
}

/// A host of a cluster of two, where all is well.
Facts healthy() {
  Facts facts;
  config::Config config;
  config.key_file = "/etc/covey/cluster.key";
  config.forwarding.self = {1};
  config.forwarding.virtual_ips = {prefix("10.77.0.50/24"), prefix("2001:db8:77::50/64")};
  config.uplink.argument = "eth1";
  config.workers.cpus = {1};
  config.workers.control_cpu = 0;
  facts.config = config;

  api::DaemonAnswers daemon;
  daemon.status.host = {1, "web1", "converged", true};
  daemon.status.converged = daemon.was_converged = true;
  daemon.status.members = {{1, "web1", "converged", true, 100, 0, true, {}},
                           {2, "web2", "converged", false, 100, 30, true, {}}};
  daemon.before = daemon.after = stats();
  daemon.rules = {rule("web", "tcp", "80,443,8000-8100"), rule("dns", "udp", "53"),
                  rule("default", "all", "all")};
  daemon.rules.back().mode = "default";
  facts.about.daemon = daemon;
  facts.about.socket = "/run/covey/coveyd.sock";

  Machine& machine = facts.machine;
  machine.interfaces = {interface("lo", {prefix("127.0.0.1/8")}), interface("eth1", {}),
                        interface("covey0", config.forwarding.virtual_ips)};
  machine.interfaces[2].disable_ipv6 = 0;
  machine.tables = {{"netdev", "covey_eth1", true}};
  machine.chains = {{"netdev", "covey_eth1", "ingress", "ingress", "eth1", true}};
  machine.key_file = {true, 0600, 0};
  machine.listeners = {{std::nullopt, 8080}, {prefix("10.77.0.50/24").address, 80}};
  machine.cpus = {0, 1};
  machine.huge_pages = {1024, 512};
  machine.has_tun = true;
  return facts;
}

Interface& uplink(Facts& facts) {
  return facts.machine.interfaces[1];
}
Interface& local(Facts& facts) {
  return facts.machine.interfaces[2];
}
api::DaemonAnswers& daemon(Facts& facts) {
  return *facts.about.daemon;
}

void lose_daemon(Facts& facts) {
  facts.about.daemon.reset();
  facts.about.unreachable = "nobody listens";
  facts.about.file = "coveyd.yaml";
  facts.machine.interfaces.pop_back();
  facts.machine.tables = std::vector<Table>{};
  facts.machine.chains.clear();
}

void count(api::Stats& stats, std::string_view verdict, std::uint64_t frames) {
  for (auto& [name, count] : stats.verdicts) {
    if (name == verdict) count.frames += frames;
  }
}

void drop_member(Facts& facts) {
  daemon(facts).status.members[1].in_view = false;
  daemon(facts).status.members[1].state = "isolated";
}

struct Trap {
  const char* id;
  const char* severity;
  const char* where;  // a part of it
  std::function<void(Facts&)> set;
};

const std::vector<Trap> kMachine = {
    {"no_huge_pages", "note", "hugepages", [](Facts& f) { f.machine.huge_pages = {}; }},
    {"no_huge_pages", "fault", "hugepages",
     [](Facts& f) {
       f.machine.huge_pages = {};
       f.config->uplink.kind = dataplane::DeviceKind::pci;
     }},
    {"huge_pages_too_few", "fault", "hugepages",
     [](Facts& f) {
       f.machine.huge_pages = {64, 64};
     }},
    {"key_file_missing", "fault", "cluster.key", [](Facts& f) { f.machine.key_file = {}; }},
    {"key_file_open", "fault", "cluster.key", [](Facts& f) { f.machine.key_file.mode = 0640; }},
    {"key_file_owner", "note", "cluster.key", [](Facts& f) { f.machine.key_file.owner = 1000; }},
    {"worker_cpu_missing", "fault", "workers.cpus", [](Facts& f) { f.machine.cpus = {0}; }},
    {"worker_cpu_shared", "note", "workers.cpus",
     [](Facts& f) { f.config->workers.idle = dataplane::Idle::poll; }},
    {"control_shares_cpu", "note", "control_cpu",
     [](Facts& f) { f.config->workers.control_cpu = 1; }},
    {"control_shares_cpu", "fault", "control_cpu",
     [](Facts& f) {
       f.config->workers.control_cpu = 1;
       f.config->workers.idle = dataplane::Idle::poll;
       f.machine.isolated_cpus = {1};
     }},
    {"conntrack_full", "fault", "nf_conntrack_max",
     [](Facts& f) {
       f.machine.conntrack = {95, 100};
     }},
};

const std::vector<Trap> kInterfaces = {
    {"uplink_missing", "fault", "eth1", [](Facts& f) { uplink(f).name = "eth7"; }},
    {"uplink_down", "fault", "eth1", [](Facts& f) { uplink(f).up = uplink(f).running = false; }},
    {"uplink_no_carrier", "fault", "eth1", [](Facts& f) { uplink(f).running = false; }},
    {"mtu_too_small", "fault", "eth1", [](Facts& f) { uplink(f).mtu = 1400; }},
    {"mtu_too_small", "fault", "covey0", [](Facts& f) { local(f).mtu = 1400; }},
    {"kernel_answers_arp", "fault", "eth1", [](Facts& f) { uplink(f).arp_ignore = 1; }},
    {"kernel_speaks_ipv6", "fault", "eth1", [](Facts& f) { uplink(f).disable_ipv6 = 0; }},
    {"address_on_uplink", "fault", "eth1",
     [](Facts& f) {
       uplink(f).addresses = {prefix("10.77.0.11/24"), prefix("fe80::1/64")};
     }},
    {"uplink_not_claimed", "fault", "covey_eth1", [](Facts& f) { f.machine.chains.clear(); }},
    {"uplink_offloads", "fault", "eth1",
     [](Facts& f) {
       f.config->local.offload = false;
       uplink(f).offloads = {"tso", "tx"};
     }},
    {"local_missing", "fault", "covey0", [](Facts& f) { f.machine.interfaces.pop_back(); }},
    {"local_down", "fault", "covey0",
     [](Facts& f) {
       local(f).up = false;
       local(f).addresses.clear();
     }},
    {"rp_filter_strict", "fault", "covey0", [](Facts& f) { local(f).rp_filter = 1; }},
    {"vip_missing", "fault", "covey0", [](Facts& f) { local(f).addresses.pop_back(); }},
    {"vip_missing", "fault", "covey0",
     [](Facts& f) { f.config->forwarding.dedicated_ip = prefix("10.77.0.11/24"); }},
    {"vip_elsewhere", "fault", "lo",
     [](Facts& f) { f.machine.interfaces[0].addresses.push_back(prefix("10.77.0.50/32")); }},
    {"vip_elsewhere", "fault", "eth1",
     [](Facts& f) { uplink(f).addresses.push_back(prefix("10.77.0.50/24")); }},
    {"firewall_drops", "fault", "inet filter",
     [](Facts& f) {
       f.machine.chains.push_back({"inet", "filter", "input", "input", "", true});
     }},
    {"nobody_listens", "fault", "web",
     [](Facts& f) {
       f.machine.listeners = std::vector<Listener>{{std::nullopt, 8101}, {std::nullopt, 53}};
     }},
    {"nobody_listens", "fault", "web",
     [](Facts& f) {
       daemon(f).rules[0].vip = "10.77.0.51";
       f.machine.listeners->erase(f.machine.listeners->begin());
     }},
    {"nobody_listens", "note", "web",
     [](Facts& f) {
       f.machine.listeners = std::vector<Listener>{{prefix("127.0.0.1/8").address, 80}};
       f.machine.chains.push_back({"ip", "nat", "PREROUTING", "prerouting", "", false});
     }},
    {"source_mac_not_masked", "note", "mask_source_mac",
     [](Facts& f) { f.config->forwarding.mask_source_mac = false; }},
    {"no_querier", "note", "cluster.mode",
     [](Facts& f) { f.config->forwarding.mode = forwarding::ClusterMode::igmp; }},
};

const std::vector<Trap> kDaemon = {
    {"daemon_unreachable", "fault", "coveyd.sock", lose_daemon},
    {"islands", "fault", "segment", [](Facts& f) { daemon(f).status.islands = 1; }},
    {"two_default_hosts", "fault", "cluster",
     [](Facts& f) { daemon(f).status.members[1].is_default = true; }},
    {"host_silent", "fault", "host 2 (web2)", drop_member},
    {"host_silent", "fault", "host 2",
     [](Facts& f) {
       drop_member(f);
       daemon(f).events = {{1, "", "host_refused", 2, "affinity"}, {2, "", "host_joined", 2, ""}};
     }},
    {"host_refused", "fault", "host 2",
     [](Facts& f) {
       drop_member(f);
       daemon(f).events = {{1, "", "host_refused", 2, "port_rules[web]: affinity differs"}};
     }},
    {"host_silent", "fault", "host 3",
     [](Facts& f) {
       daemon(f).events = {{1, "", "host_lost", 2, ""},   {2, "", "host_joined", 2, ""},
                           {3, "", "host_joined", 3, ""}, {4, "", "host_lost", 3, ""},
                           {5, "", "host_lost", 4, ""},   {6, "", "host_left", 4, ""}};
     }},
    {"heartbeats_refused", "fault", "bad_tag",
     [](Facts& f) { daemon(f).after.heartbeats.refused[2].second += 1; }},
    {"heartbeats_lost", "fault", "covey stats",
     [](Facts& f) { daemon(f).after.heartbeats.lost += 1; }},
    {"second_owner", "fault", "segment",
     [](Facts& f) { count(daemon(f).after, "drop_alien_ack", 3); }},
    {"control_late", "fault", "control_cpu",
     [](Facts& f) { daemon(f).after.control.worst_lately_us = 500'001; }},
    {"local_queue_full", "fault", "drop_local_full",
     [](Facts& f) { count(daemon(f).after, "drop_local_full", 1); }},
    {"local_queue_full", "fault", "drop_local_full",
     [](Facts& f) {
       count(daemon(f).before, "drop_local_full", 5000);
       count(daemon(f).after, "drop_local_full", 5000);
     }},
    {"uplink_queue_full", "fault", "drop_uplink_full",
     [](Facts& f) { count(daemon(f).after, "drop_uplink_full", 1); }},
    {"frames_missed", "fault", "uplink",
     [](Facts& f) { daemon(f).after.ports[0].second.rx_missed = 1; }},
    {"worker_at_limit", "fault", "worker 0",
     [](Facts& f) {
       daemon(f).after.workers[0].bursts = 1000;
       daemon(f).after.workers[0].packets = 63'000;
     }},
    {"flow_cache_full", "fault", "flows.capacity",
     [](Facts& f) { daemon(f).after.flows.untracked = 1; }},
    {"host_not_serving", "note", "host 1",
     [](Facts& f) {
       daemon(f).status.host.state = "suspended";
       daemon(f).status.converged = daemon(f).was_converged = false;
     }},
    {"not_converged", "fault", "host 1",
     [](Facts& f) {
       daemon(f).status.host.state = "isolated";
       daemon(f).status.converged = daemon(f).was_converged = false;
       daemon(f).status.reason = "the gateway does not answer";
     }},
};

const std::vector<Trap> kWithoutDaemon = {
    {"configuration_invalid", "fault", "coveyd.yaml",
     [](Facts& f) {
       f.mistakes = {"coveyd.yaml:1:1: version: missing", "coveyd.yaml:2:1: x"};
     }},
    {"uplink_in_use", "fault", "covey_eth1",
     [](Facts& f) {
       f.machine.tables = {{"netdev", "covey_eth1", true}};
     }},
    {"stale_claim", "fault", "covey_eth1",
     [](Facts& f) {
       f.machine.tables = {{"netdev", "covey_eth1", false}};
     }},
    {"no_tun", "fault", "/dev/net/tun", [](Facts& f) { f.machine.has_tun = false; }},
    {"no_vhost_net", "fault", "/dev/vhost-net",
     [](Facts& f) { f.config->local.kind = localstack::Kind::virtio_user; }},
};

void check_alone(const Trap& trap, const Facts& facts, std::string_view beside) {
  const api::Diagnosis diagnosis = judge(facts);
  std::vector<api::Finding> others;
  for (const api::Finding& it : diagnosis.findings) {
    INFO(it.id << ": " << it.where << ": " << it.what);
    if (it.id == beside) continue;
    CHECK(it.id == trap.id);
    CHECK(it.severity == trap.severity);
    CHECK(it.where.find(trap.where) != std::string::npos);
    CHECK_FALSE(it.what.empty());
    CHECK_FALSE(it.cure.empty());
    others.push_back(it);
  }
  CHECK(others.size() == 1);
  CHECK(diagnosis.faults == static_cast<unsigned>(std::ranges::count(diagnosis.findings, "fault",
                                                                     &api::Finding::severity)));
}

}  // namespace

TEST_CASE("nothing is found where all is well") {
  const api::Diagnosis diagnosis = judge(healthy());
  for (const api::Finding& it : diagnosis.findings)
    FAIL_CHECK(it.id << ": " << it.what);
  CHECK(diagnosis.faults == 0);
  CHECK(diagnosis.host == 1);
  CHECK(diagnosis.configuration == "daemon");
}

TEST_CASE("each trap is found, and nothing else") {
  for (const std::vector<Trap>* traps : {&kMachine, &kInterfaces, &kDaemon}) {
    for (const Trap& trap : *traps) {
      CAPTURE(trap.id, trap.severity, trap.where);
      Facts facts = healthy();
      trap.set(facts);
      check_alone(trap, facts, "");
    }
  }
}

TEST_CASE("without a daemon the machine is judged by a file") {
  for (const Trap& trap : kWithoutDaemon) {
    CAPTURE(trap.id);
    Facts facts = healthy();
    lose_daemon(facts);
    trap.set(facts);
    check_alone(trap, facts, "daemon_unreachable");
  }
}

TEST_CASE("without daemon and file there is one fault, and what the machine shows by itself") {
  Facts facts = healthy();
  lose_daemon(facts);
  facts.about.file.clear();
  facts.config.reset();
  const api::Diagnosis diagnosis = judge(facts);
  CHECK(diagnosis.configuration == "none");
  CHECK(diagnosis.host == std::nullopt);
  REQUIRE(diagnosis.findings.size() == 1);
  CHECK(diagnosis.findings[0].cure.find("covey doctor -f FILE") != std::string::npos);
}

TEST_CASE("what follows from another fault is not one of its own") {
  Facts facts = healthy();
  uplink(facts).running = false;
  drop_member(facts);
  daemon(facts).status.converged = daemon(facts).was_converged = false;
  daemon(facts).after.heartbeats.send_failed += 1;
  count(daemon(facts).after, "drop_uplink_full", 1);
  const api::Diagnosis cut_off = judge(facts);
  REQUIRE(cut_off.findings.size() == 1);
  CHECK(cut_off.findings[0].id == "uplink_no_carrier");

  facts = healthy();
  local(facts).up = false;
  count(daemon(facts).after, "drop_local_full", 1);
  const api::Diagnosis deaf = judge(facts);
  REQUIRE(deaf.findings.size() == 1);
  CHECK(deaf.findings[0].id == "local_down");
}

TEST_CASE("a host that converges just now is no finding") {
  Facts facts = healthy();
  daemon(facts).status.converged = false;
  daemon(facts).status.host.state = "converging";
  CHECK(judge(facts).findings.empty());
}

}  // namespace covey::doctor
