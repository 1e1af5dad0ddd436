// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "base/text.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/values.h"

namespace covey::config {
namespace {

using namespace std::chrono_literals;

const std::string kRoot = COVEY_SOURCE_ROOT;

const std::string kMinimal =
    "version: 1\n"
    "cluster: { name: web, virtual_ips: [10.0.0.1/24] }\n"
    "host: { id: 3 }\n"
    "ports: { uplink: { device: \"af_packet:eth0\" } }\n";

Config good(const std::string& yaml) {
  Loaded loaded = load_text(yaml, "file");
  if (const auto* mistakes = std::get_if<std::vector<Mistake>>(&loaded)) {
    FAIL(mistakes->at(0).to_string());
  }
  return std::get<Config>(std::move(loaded));
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool loads(const std::string& path) {
  const Loaded loaded = load_file(path);
  if (const auto* mistakes = std::get_if<std::vector<Mistake>>(&loaded)) {
    UNSCOPED_INFO(mistakes->at(0).to_string());
    return false;
  }
  return true;
}

}  // namespace

TEST_CASE("what is left out has its default") {
  const Config config = good(kMinimal);
  CHECK(config.forwarding.self == base::HostId{3});
  CHECK(config.forwarding.buckets == 4096);
  CHECK(config.forwarding.mask_source_mac);
  CHECK_FALSE(config.forwarding.cluster_mac.has_value());
  CHECK(config.key_file == "/etc/covey/cluster.key");
  CHECK_FALSE(config.host_name.empty());
  CHECK(config.timing == convergence::Timing{});
  CHECK(config.flows == flow::Settings{});
  CHECK(config.workers == dataplane::Workers{});
  CHECK(config.local == localstack::Settings{});
  CHECK(config.control == control::Settings{});
  CHECK(config.forwarding.rules.empty());
}

TEST_CASE("every value arrives where it belongs") {
  const Config config = good(read(kRoot + "/test/unit/config/all_keys.yaml"));
  const forwarding::Settings& f = config.forwarding;
  CHECK(config.cluster_name == "c-1");
  REQUIRE(f.virtual_ips.size() == 2);
  CHECK(f.virtual_ips[1].to_string() == "2001:db8::50/64");
  CHECK(f.mode == forwarding::ClusterMode::multicast);
  CHECK(f.cluster_mac->to_string() == "03:00:00:00:00:07");
  CHECK_FALSE(f.mask_source_mac);
  CHECK(config.key_file == "/k");
  CHECK(config.timing.interval == 50ms);
  CHECK(config.timing.tolerance == 3);
  CHECK(f.buckets == 1024);
  CHECK(config.partition == convergence::PartitionPolicy::majority);
  CHECK(format_hosts(config.hosts) == "1,2,3,64");
  CHECK(config.hold_down == 7s);
  CHECK(config.gateway->to_string() == "10.0.0.254");
  CHECK(f.self == base::HostId{64});
  CHECK(config.host_name == "h64");
  CHECK(f.dedicated_ip->to_string() == "10.0.0.64/24");
  CHECK(config.uplink == dataplane::Uplink{dataplane::DeviceKind::pci, "0000:03:00.1", 4, 9000});
  CHECK(config.local == localstack::Settings{localstack::Kind::none, "lo-c"});
  CHECK(config.workers ==
        dataplane::Workers{{1, 4, 5, 6}, dataplane::Idle::poll, 2, dataplane::Realtime::off});
  CHECK(config.flows == flow::Settings{2048, 2h, 5s, 12h, 90s});
  CHECK(f.udp_track);
  CHECK_FALSE(f.fast_reset);
  CHECK(f.icmp == forwarding::IcmpPolicy::drop);
  CHECK(config.control.socket == "/s");
  CHECK(config.control.http == control::HttpEndpoint{"::1", 80});
  CHECK(config.control.state_dir == "/d");
  CHECK(config.control.initial_state == control::InitialState::persisted);
  CHECK(config.control.log_level == control::LogLevel::warning);
  CHECK(config.control.log_format == control::LogFormat::json);
}

TEST_CASE("every kind of local stack is accepted") {
  const auto kind_of = [](const std::string& word) {
    std::string text = kMinimal;
    text.insert(text.rfind(" }"), ", local: { kind: " + word + " }");
    return good(text).local.kind;
  };
  CHECK(kind_of("tap") == localstack::Kind::tap);
  CHECK(kind_of("virtio_user") == localstack::Kind::virtio_user);
  CHECK(kind_of("none") == localstack::Kind::none);
}

TEST_CASE("rules arrive whole") {
  const Config config = good(read(kRoot + "/test/unit/config/all_keys.yaml"));
  using forwarding::PortRule;
  const PortRule web{"web",
                     std::nullopt,
                     forwarding::RuleProtocol::tcp,
                     {{80, 80}, {443, 443}},
                     forwarding::RuleMode::multiple,
                     {bucket::Affinity::none, 24, 64},
                     7,
                     0};
  const PortRule app{"app",
                     base::IpAddress::parse("10.0.0.50").value(),
                     forwarding::RuleProtocol::both,
                     {{80, 90}},
                     forwarding::RuleMode::multiple,
                     {bucket::Affinity::network, 16, 48},
                     forwarding::kEqualWeight,
                     0};
  const PortRule db{"db",
                    std::nullopt,
                    forwarding::RuleProtocol::udp,
                    {{0, 0}, {5432, 5432}},
                    forwarding::RuleMode::single,
                    {},
                    forwarding::kEqualWeight,
                    9};
  const PortRule off{"off",
                     std::nullopt,
                     forwarding::RuleProtocol::both,
                     {{65535, 65535}},
                     forwarding::RuleMode::disabled,
                     {},
                     forwarding::kEqualWeight,
                     0};
  CHECK(config.forwarding.rules == std::vector<PortRule>{web, app, db, off});
}

TEST_CASE("a rule of one virtual IP may cover ports of a rule of all") {
  const Config config = good(kMinimal +
                             "port_rules:\n"
                             "  - { name: a, ports: \"80\" }\n"
                             "  - { name: b, vip: 10.0.0.1, ports: \"80\" }\n");
  CHECK(config.forwarding.rules.size() == 2);
}

TEST_CASE("rules of different protocols may cover the same ports") {
  good(kMinimal +
       "port_rules:\n"
       "  - { name: a, protocol: tcp, ports: \"53\" }\n"
       "  - { name: b, protocol: udp, ports: \"53\" }\n");
}

TEST_CASE("as many rules as there may be load quickly and fit a heartbeat") {
  std::string yaml = kMinimal + "port_rules:\n";
  for (unsigned i = 0; i < base::kMaxRules; ++i) {
    yaml += "  - { name: r" + std::to_string(i) + ", ports: \"" + std::to_string(i) +
            "\", mode: single }\n";
  }
  CHECK(good(yaml).forwarding.rules.size() == base::kMaxRules);
}

TEST_CASE("there are as many queues as workers") {
  const auto with = [](const std::string& queues, const std::string& workers) {
    return kMinimal.substr(0, kMinimal.rfind(" } }")) + queues + " } }\n" + workers;
  };
  CHECK(good(with("", "")).uplink.queues == 1);
  CHECK(good(with(", queues: 1", "workers: { cpus: \"7\" }\n")).uplink.queues == 1);
  CHECK(good(with(", queues: 3", "workers: { cpus: \"0-2\" }\n")).uplink.queues == 3);
}

TEST_CASE("empty lists and sections are as good as none") {
  const Config config = good(kMinimal + "port_rules:\nhealth: []\nlog:\n");
  CHECK(config.forwarding.rules.empty());
  CHECK(config.health.empty());
}

TEST_CASE("a health check knows whom to ask, and which rules depend on it") {
  const Config config = good(read(kRoot + "/test/unit/config/all_keys.yaml"));
  REQUIRE(config.health.size() == 4);
  const health::Settings& web = config.health[0];
  CHECK(web.rules == std::vector<std::string>{"web", "app"});
  CHECK(web.kind == health::Kind::https);
  CHECK(web.target.address.to_string() == "::1");
  CHECK(web.target.port == 8443);
  CHECK(web.target.path == "/health?deep=1");
  CHECK(web.status == std::vector<health::StatusRange>{{204, 204}, {301, 399}});
  CHECK(web.on_fail == health::OnFail::weight);
  CHECK(web.fail_percent == 25);
  const health::Settings& plain = config.health[1];
  CHECK(plain.rules.empty());
  CHECK(plain.target.address.to_string() == "127.0.0.1");
  CHECK(plain.target.port == 80);
  CHECK(plain.target.path == "/");
  CHECK(plain.agent);
  CHECK(config.health[2].kind == health::Kind::tcp);
  CHECK(config.health[2].on_fail == health::OnFail::drain_host);
  CHECK(config.health[3].program == std::vector<std::string>{"/bin/check", "-a b", "\\\""});
}

TEST_CASE("a URL may leave out port and path") {
  struct Row {
    std::string_view url;
    health::Kind kind;
    std::uint16_t port;
    std::string_view path;
  };
  for (const Row& row : {Row{"http://127.0.0.1", health::Kind::http, 80, "/"},
                         Row{"https://127.0.0.1", health::Kind::https, 443, "/"},
                         Row{"http://[::1]", health::Kind::http, 80, "/"},
                         Row{"http://[::1]:8080", health::Kind::http, 8080, "/"},
                         Row{"http://127.0.0.1?a:b", health::Kind::http, 80, "/?a:b"},
                         Row{"http://localhost:81/a:b", health::Kind::http, 81, "/a:b"}}) {
    INFO(row.url);
    const auto target = parse_url(row.url, row.kind);
    REQUIRE(target);
    CHECK(target->port == row.port);
    CHECK(target->path == row.path);
    CHECK(target->written == row.url);
  }
}

TEST_CASE("the effective configuration loads as itself") {
  for (const std::string& yaml : {kMinimal, read(kRoot + "/test/unit/config/all_keys.yaml"),
                                  read(kRoot + "/conf/coveyd.yaml")}) {
    const std::string dumped = dump(good(yaml));
    CHECK(dump(good(dumped)) == dumped);
  }
}

TEST_CASE("the effective configuration names every key that has a value") {
  Config config = good(read(kRoot + "/conf/coveyd.yaml"));
  config.health = good(read(kRoot + "/test/unit/config/all_keys.yaml")).health;  // each kind
  config.hosts.insert(base::HostId{1});
  const std::string dumped = dump(config);
  for (const Key& key : keys()) {
    const std::string name(key.path.substr(key.path.find_last_of('.') + 1));
    INFO(key.path);
    CHECK(std::regex_search(dumped, std::regex("(^|\\n)[ -]*" + name + ":")));
  }
}

TEST_CASE("the documented defaults are the real ones") {
  // The minimal file, once as it is and once with each default written out.
  const std::string dumped = dump(good(kMinimal + "port_rules: [{ name: web, ports: \"80\" }]\n"));
  for (const Key& key : keys()) {
    const bool is_value = key.type != KeyType::section && key.type != KeyType::list;
    if (!is_value || key.path.starts_with("health[]") || key.path == "host.name") continue;
    if (key.fallback == kRequired || key.fallback == kNone || key.path == "port_rules[].priority")
      continue;
    if (key.path.find("prefix") != std::string_view::npos)
      continue;  // not shown without affinity network
    const std::string name(key.path.substr(key.path.find_last_of('.') + 1));
    const std::string value = key.path == "port_rules[].weight" ? "50" : std::string(key.fallback);
    INFO(key.path);
    CHECK(std::regex_search(dumped, std::regex("[ -]" + name + ": \"?" + value + "\"?\\n|\\n" +
                                               name + ": \"?" + value + "\"?\\n")));
  }
  const health::Settings check;
  CHECK(key_at("health[].interval").fallback == base::format_duration(check.interval));
  CHECK(key_at("health[].timeout").fallback == base::format_duration(check.timeout));
  CHECK(key_at("health[].start_grace").fallback == base::format_duration(check.start_grace));
  CHECK(key_at("health[].slow_start").fallback == base::format_duration(check.slow_start));
  CHECK(key_at("health[].fall").fallback == std::to_string(check.fall));
  CHECK(key_at("health[].rise").fallback == std::to_string(check.rise));
  CHECK(key_at("health[].fail_percent").fallback == std::to_string(check.fail_percent));
  CHECK(key_at("health[].status").fallback == format_status(check.status));
  CHECK(key_at("health[].verify").fallback == check.verify);
  CHECK(key_at("health[].agent").fallback == (check.agent ? "true" : "false"));
  CHECK(key_at("health[].on_fail").fallback ==
        choice_word(key_at("health[].on_fail"), static_cast<std::size_t>(check.on_fail)));
  const bucket::HashRule hash;
  CHECK(key_at("port_rules[].prefix4").fallback == std::to_string(hash.prefix4));
  CHECK(key_at("port_rules[].prefix6").fallback == std::to_string(hash.prefix6));
}

TEST_CASE("conf/coveyd.yaml loads and names every key with what may stand there") {
  const std::string path = kRoot + "/conf/coveyd.yaml";
  REQUIRE(loads(path));
  const std::string text = read(path);
  for (const Key& key : keys()) {
    INFO(key.path);
    const std::string name(key.path.substr(key.path.find_last_of('.') + 1));
    CHECK(std::regex_search(text, std::regex("(^|\\n)[# -]*" + name + ":")));
    if (key.type == KeyType::section || key.type == KeyType::list) continue;
    CHECK(text.find(allowed_text(key)) != std::string::npos);
  }
}

TEST_CASE("the examples load") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot + "/conf/examples")) {
    CHECK(loads(entry.path().string()));
    ++count;
  }
  CHECK(count >= 3);
}

TEST_CASE("every key stands once in the table and below a section that is there, too") {
  std::vector<std::string_view> paths;
  for (const Key& key : keys())
    paths.push_back(key.path);
  for (const std::string_view path : paths) {
    INFO(path);
    CHECK(std::ranges::count(paths, path) == 1);
    const std::size_t dot = path.find_last_of('.');
    if (dot == std::string_view::npos) continue;
    std::string_view above = path.substr(0, dot);
    if (above.ends_with("[]")) above.remove_suffix(2);
    CHECK(std::ranges::count(paths, above) == 1);
  }
}

TEST_CASE("port lists, CPU lists and end points are written as they are read") {
  for (const std::string_view text : {"80", "80,443", "0-65535", "1,3-5,9"}) {
    CHECK(format_ports(parse_ports(text).value()) == text);
  }
  CHECK(format_ports(parse_ports("443,80").value()) == "80,443");
  CHECK(format_cpus(parse_cpus("any", 16).value()) == "any");
  CHECK(format_cpus(parse_cpus("1,3-5", 16).value()) == "1,3,4,5");
  for (const std::string_view text : {"off", "127.0.0.1:1", "[::1]:65535"}) {
    CHECK(format_http(parse_http(text).value()) == text);
  }
}

}  // namespace covey::config
