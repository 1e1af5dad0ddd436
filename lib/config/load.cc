// SPDX-License-Identifier: BSD-3-Clause
// The file from top to bottom; port rules and health checks have files of their own.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>
#include <iterator>

#include "config/config.h"
#include "config/documents.h"
#include "config/load_health.h"
#include "config/load_rules.h"
#include "config/section.h"
#include "config/values.h"

namespace covey::config {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;  // a thousand rules take a fifth of it
// How yaml-cpp begins when there is a `*name` without a `&name`.
constexpr std::string_view kUnknownAlias = "the referenced anchor is not defined";

std::string machine_name() {
  std::array<char, 65> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "host";
  const std::string name(buffer.data());
  return is_name(name) ? name : "host";
}

/// An address of one machine with the length of its subnet.
std::optional<base::IpPrefix> parse_address_on_subnet(const std::string& text,
                                                      std::string& problem) {
  const auto prefix = base::IpPrefix::parse(text);
  if (!prefix) {
    problem = prefix.error().context;
  } else if (text.find('/') == std::string::npos) {
    problem = fmt::format("'{}' has no prefix length (allowed: ADDRESS/LENGTH)", text);
  } else if (prefix->length == 0) {
    problem = fmt::format("'{}' has a prefix length of 0 (allowed: 1..{})", text,
                          prefix->address.bit_length());
  } else if (prefix->address.is_multicast() ||
             prefix->address == base::masked(prefix->address, 0)) {
    problem = fmt::format("'{}' is not the address of a machine", text);
  } else {
    return *prefix;
  }
  return std::nullopt;
}

void load_virtual_ips(const Section& cluster, forwarding::Settings& settings) {
  for (const Section::Item& item : cluster.texts("virtual_ips", base::kMaxVirtualIps)) {
    std::string problem;
    const auto prefix = parse_address_on_subnet(item.text, problem);
    if (!prefix) {
      cluster.mistake_at(item, problem);
    } else if (std::ranges::find(settings.virtual_ips, prefix->address, &base::IpPrefix::address) !=
               settings.virtual_ips.end()) {
      cluster.mistake_at(item, fmt::format("{} is given twice", prefix->address.to_string()));
    } else {
      settings.virtual_ips.push_back(*prefix);
    }
  }
}

bool is_of_ipv4_group(const base::MacAddress& mac) {
  const auto& b = mac.bytes;
  return b[0] == 0x01 && b[1] == 0x00 && b[2] == 0x5e && b[3] < 0x80;
}

void load_mac(const Section& cluster, forwarding::Settings& settings) {
  const auto text = cluster.has("mac") ? cluster.text("mac") : std::nullopt;
  if (!text || *text == "auto") return;
  const auto mac = base::MacAddress::parse(*text);
  const bool wants_multicast = settings.mode != forwarding::ClusterMode::unicast;
  if (!mac || *mac == base::MacAddress{} || *mac == base::MacAddress::broadcast()) {
    cluster.not_allowed(
        "mac", fmt::format("'{}' is not the MAC address of a machine", text->substr(0, 60)));
  } else if (mac->is_multicast() != wants_multicast) {
    cluster.mistake(
        "mac",
        fmt::format("{} is a {} address, but the mode is {} (allowed: an {} first byte)",
                    mac->to_string(), wants_multicast ? "unicast" : "multicast",
                    choice_word(key_at("cluster.mode"), static_cast<std::size_t>(settings.mode)),
                    wants_multicast ? "odd" : "even"));
  } else if (settings.mode == forwarding::ClusterMode::igmp && !is_of_ipv4_group(*mac)) {
    cluster.mistake("mac",
                    fmt::format("{} belongs to no IPv4 multicast group, but the mode is igmp "
                                "(allowed: 01:00:5e:00:00:00 to 01:00:5e:7f:ff:ff)",
                                mac->to_string()));
  } else {
    settings.cluster_mac = *mac;
  }
}

void load_partition(const Section& cluster, Config& config) {
  cluster.get_choice("partition", config.partition);
  if (const auto text = cluster.has("gateway") ? cluster.text("gateway") : std::nullopt) {
    const auto address = base::IpAddress::parse(*text);
    const auto& virtual_ips = config.forwarding.virtual_ips;
    if (!address || address->is_multicast() || *address == base::masked(*address, 0)) {
      cluster.not_allowed("gateway",
                          fmt::format("'{}' is not the address of a machine", text->substr(0, 60)));
    } else if (std::ranges::find(virtual_ips, *address, &base::IpPrefix::address) !=
               virtual_ips.end()) {
      cluster.mistake(
          "gateway",
          fmt::format("{} is a virtual IP, which the cluster itself answers for", *text));
    } else {
      config.gateway = *address;
    }
  }
  if (config.partition == convergence::PartitionPolicy::gateway && !cluster.has("gateway")) {
    cluster.mistake("partition", "gateway needs the key cluster.gateway");
  }
  if (config.partition == convergence::PartitionPolicy::gateway) {
    config.forwarding.gateway = config.gateway;
  }
}

void load_hosts(const Section& cluster, Config& config) {
  const auto text = cluster.has("hosts") ? cluster.text("hosts") : std::nullopt;
  if (!text) return;
  const auto hosts = parse_hosts(*text);
  if (!hosts) {
    cluster.not_allowed("hosts", hosts.error().context);
  } else if (config.partition != convergence::PartitionPolicy::majority) {
    cluster.mistake("hosts", "has no effect without partition: majority");
  } else {
    config.hosts = *hosts;
  }
}

void load_cluster(const Section& cluster, Config& config) {
  forwarding::Settings& settings = config.forwarding;
  cluster.get_text("name", config.cluster_name, is_name);
  load_virtual_ips(cluster, settings);
  cluster.get_choice("mode", settings.mode);
  load_mac(cluster, settings);
  cluster.get_boolean("mask_source_mac", settings.mask_source_mac);
  config.key_file = key_at("cluster.key_file").fallback;
  cluster.get_text("key_file", config.key_file, is_absolute_path);
  const Section heartbeat = cluster.section("heartbeat");
  heartbeat.get_duration("interval", config.timing.interval);
  heartbeat.get_integer("tolerance", config.timing.tolerance);
  if (const auto buckets = cluster.integer("buckets")) {
    if (std::has_single_bit(static_cast<std::uint64_t>(*buckets))) {
      settings.buckets = static_cast<std::uint32_t>(*buckets);
    } else {
      const auto below = std::bit_floor(static_cast<std::uint64_t>(*buckets));
      cluster.mistake("buckets", fmt::format("{} is not a power of two (allowed: such as {} or {})",
                                             *buckets, below, below * 2));
    }
  }
  load_partition(cluster, config);
  load_hosts(cluster, config);
  cluster.get_duration("hold_down", config.hold_down);
}

void load_host(const Section& host, Config& config) {
  host.get_integer("id", config.forwarding.self.value);
  config.host_name = machine_name();
  host.get_text("name", config.host_name, is_name);
  host.get_choice("initial_state", config.control.initial_state);
  const auto text = host.has("dedicated_ip") ? host.text("dedicated_ip") : std::nullopt;
  if (!text) return;
  std::string problem;
  const auto prefix = parse_address_on_subnet(*text, problem);
  const auto& virtual_ips = config.forwarding.virtual_ips;
  if (!prefix) {
    host.mistake("dedicated_ip", problem);
  } else if (std::ranges::find(virtual_ips, prefix->address, &base::IpPrefix::address) !=
             virtual_ips.end()) {
    host.mistake("dedicated_ip",
                 fmt::format("{} is a virtual IP, too", prefix->address.to_string()));
  } else {
    config.forwarding.dedicated_ip = *prefix;
  }
}

/// Each worker has a queue of its own, and nobody else would empty one.
void check_queues(const Section& uplink, std::size_t queues, std::size_t cpus) {
  const std::size_t workers = std::max<std::size_t>(cpus, 1);
  if (queues == workers) return;
  uplink.mistake("queues",
                 fmt::format("{} is not the number of workers (allowed: {}, by workers.cpus)",
                             queues, workers));
}

/// `workers` are known already, unless they could not be read.
void load_ports(const Section& ports, const dataplane::Workers* workers, Config& config) {
  const Section uplink = ports.section("uplink");
  if (const auto text = uplink.text("device")) {
    if (auto device = parse_device(*text)) {
      config.uplink.kind = device->kind;
      config.uplink.argument = std::move(device->argument);
    } else {
      uplink.not_allowed("device", device.error().context);
    }
  }
  const auto queues = uplink.integer("queues");
  if (queues) config.uplink.queues = static_cast<std::uint16_t>(*queues);
  const bool knows_queues = queues || !uplink.has("queues");
  if (knows_queues && workers != nullptr)
    check_queues(uplink, config.uplink.queues, workers->cpus.size());
  uplink.get_integer("mtu", config.uplink.mtu);
  const Section local = ports.section("local");
  local.get_choice("kind", config.local.kind);
  local.get_text("name", config.local.name, is_interface_name);
  local.get_boolean("offload", config.local.offload);
  if (config.local.kind != localstack::Kind::none && config.local.name == config.uplink.argument) {
    local.mistake("name", fmt::format("'{}' is the uplink", config.local.name));
  }
}

/// False if the number of workers is not known.
bool load_cpus(const Section& workers, dataplane::Workers& settings) {
  const auto text = workers.text("cpus");
  if (!text) return !workers.has("cpus");
  auto cpus = parse_cpus(*text, dataplane::kMostWorkers);
  if (!cpus) {
    workers.not_allowed("cpus", cpus.error().context);
    return false;
  }
  settings.cpus = std::move(*cpus);
  return true;
}

void load_workers(const Section& workers, dataplane::Workers& settings) {
  workers.get_choice("idle", settings.idle);
  if (const auto text = workers.text("control_cpu"); text && *text != "any") {
    settings.control_cpu = parse_number(*text, kMaxCpu);
    if (!settings.control_cpu) workers.not_allowed("control_cpu", "is no CPU number");
  }
  workers.get_choice("realtime", settings.realtime);
}

void load_flows(const Section& flows, flow::Settings& settings, forwarding::Settings& policy) {
  flows.get_integer("capacity", settings.capacity);
  flows.get_duration("tcp_idle", settings.tcp_idle);
  flows.get_boolean("fast_reset", policy.fast_reset);
  flows.get_boolean("udp_track", policy.udp_track);
  flows.get_duration("udp_idle", settings.udp_idle);
  flows.get_duration("ipsec_idle", settings.ipsec_idle);
  flows.get_duration("gre_idle", settings.gre_idle);
}

void load_control(const Section& root, control::Settings& settings) {
  constexpr std::size_t longest_socket = 107;  // sun_path less its final zero
  const Section api = root.section("api");
  api.get_text("socket", settings.socket, [](const std::string& path) {
    return is_absolute_path(path) && path.size() <= longest_socket;
  });
  if (const auto text = api.text("http")) {
    if (const auto endpoint = parse_http(*text)) {
      settings.http = *endpoint;
    } else {
      api.not_allowed("http", endpoint.error().context);
    }
  }
  root.get_text("state_dir", settings.state_dir, is_absolute_path);
  const Section log = root.section("log");
  log.get_choice("level", settings.log_level);
  log.get_choice("format", settings.log_format);
}

Config load_root(const YAML::Node& node, Mistakes& mistakes) {
  const Section root(node, mistakes);
  Config config;
  static_cast<void>(root.integer("version"));  // the range says which ones are known
  load_cluster(root.section("cluster"), config);
  load_host(root.section("host"), config);
  const Section workers = root.section("workers");
  const bool knows_cpus = load_cpus(workers, config.workers);
  load_workers(workers, config.workers);
  load_ports(root.section("ports"), knows_cpus ? &config.workers : nullptr, config);
  load_flows(root.section("flows"), config.flows, config.forwarding);
  root.get_choice("icmp", config.forwarding.icmp);
  root.get_choice("multicast", config.forwarding.multicast);
  load_rules(root, config);
  load_health(root, config);
  load_control(root, config.control);
  return config;
}

}  // namespace

std::string Mistake::to_string() const {
  std::string text =
      line > 0 ? fmt::format("{}:{}:{}: ", file, line, column) : fmt::format("{}: ", file);
  if (!path.empty()) text += path + ": ";
  return text + problem;
}

Loaded load_text(std::string_view yaml, const std::string& file_name) {
  Mistakes mistakes(file_name);
  if (yaml.size() > kMaxFileBytes) {
    mistakes.add(YAML::Mark::null_mark(), "",
                 fmt::format("has {} bytes (allowed: at most {})", yaml.size(), kMaxFileBytes));
    return mistakes.take();
  }
  try {
    const std::string text(yaml);
    if (const auto place = second_document(text)) {
      mistakes.add(*place, "", "goes on after its end (allowed: one document)");
    }
    Config config = load_root(YAML::Load(text), mistakes);
    if (mistakes.empty()) return config;
  } catch (const YAML::Exception& error) {
    // The parser stops at the first thing that is not YAML; there is no tree to look for more in.
    std::string_view reason = error.msg;
    // yaml-cpp 0.8 adds the name, as long as it is in the file; the place says enough.
    if (reason.starts_with(kUnknownAlias)) reason = kUnknownAlias;
    mistakes.add(error.mark, "", fmt::format("not YAML: {}", reason));
  }
  return mistakes.take();
}

Loaded load_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kMaxFileBytes + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) {
    return std::vector<Mistake>{{path, 0, 0, "", "cannot be read"}};
  }
  return load_text(text, path);
}

}  // namespace covey::config
