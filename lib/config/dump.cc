// SPDX-License-Identifier: BSD-3-Clause
// The effective configuration as YAML, in the order of the table of keys.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/values.h"

namespace covey::config {
namespace {

/// Lines "key: value" at a depth.
class Writer {
 public:
  void open(std::string_view name) {
    line(name, "");
    ++depth_;
  }
  void close() { --depth_; }
  /// The next line begins an item of a list.
  void begin_item() { is_item_ = true; }

  void plain(std::string_view name, std::string_view value) {
    line(name, fmt::format(" {}", value));
  }
  void number(std::string_view name, std::uint64_t value) { line(name, fmt::format(" {}", value)); }
  void boolean(std::string_view name, bool value) { plain(name, value ? "true" : "false"); }
  void duration(std::string_view name, base::Duration value) {
    plain(name, base::format_duration(value));
  }
  /// In double quotes, so that no value can be taken for YAML.
  void quoted(std::string_view name, std::string_view value) {
    line(name, fmt::format(" {}", in_quotes(value)));
  }
  template <typename Enum>
  void choice(std::string_view path, Enum value) {
    const Key& key = key_at(path);
    plain(path.substr(path.find_last_of('.') + 1),
          choice_word(key, static_cast<std::size_t>(value)));
  }

  void list(std::string_view name, const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) {
      if (!text.empty()) text += ", ";
      text += in_quotes(value);
    }
    plain(name, fmt::format("[{}]", text));
  }

  static std::string in_quotes(std::string_view value) {
    std::string text = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text + '"';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view name, std::string_view rest) {
    const std::size_t indent = depth_ * 2;
    text_.append(is_item_ ? indent - 2 : indent, ' ');
    if (is_item_) text_ += "- ";
    is_item_ = false;
    text_.append(name).append(":").append(rest).append("\n");
  }

  std::string text_;
  std::size_t depth_ = 0;
  bool is_item_ = false;
};

void write_cluster(Writer& out, const Config& config) {
  const forwarding::Settings& settings = config.forwarding;
  out.open("cluster");
  out.quoted("name", config.cluster_name);
  std::vector<std::string> addresses;
  for (const base::IpPrefix& prefix : settings.virtual_ips)
    addresses.push_back(prefix.to_string());
  out.list("virtual_ips", addresses);
  out.choice("cluster.mode", settings.mode);
  out.quoted("mac", settings.cluster_mac ? settings.cluster_mac->to_string() : "auto");
  out.boolean("mask_source_mac", settings.mask_source_mac);
  out.quoted("key_file", config.key_file);
  out.open("heartbeat");
  out.duration("interval", config.timing.interval);
  out.number("tolerance", config.timing.tolerance);
  out.close();
  out.number("buckets", settings.buckets);
  out.choice("cluster.partition", config.partition);
  if (!config.hosts.empty()) out.quoted("hosts", format_hosts(config.hosts));
  out.duration("hold_down", config.hold_down);
  if (config.gateway) out.quoted("gateway", config.gateway->to_string());
  out.close();
}

void write_host(Writer& out, const Config& config) {
  out.open("host");
  out.number("id", config.forwarding.self.value);
  out.quoted("name", config.host_name);
  if (config.forwarding.dedicated_ip)
    out.quoted("dedicated_ip", config.forwarding.dedicated_ip->to_string());
  out.choice("host.initial_state", config.control.initial_state);
  out.close();
}

void write_ports(Writer& out, const Config& config) {
  out.open("ports");
  out.open("uplink");
  out.quoted("device", format_device(config.uplink));
  out.number("queues", config.uplink.queues);
  out.number("mtu", config.uplink.mtu);
  out.close();
  out.open("local");
  out.choice("ports.local.kind", config.local.kind);
  out.quoted("name", config.local.name);
  out.boolean("offload", config.local.offload);
  out.close();
  out.close();
  out.open("workers");
  out.quoted("cpus", format_cpus(config.workers.cpus));
  out.choice("workers.idle", config.workers.idle);
  out.quoted("control_cpu",
             config.workers.control_cpu ? fmt::format("{}", *config.workers.control_cpu) : "any");
  out.choice("workers.realtime", config.workers.realtime);
  out.close();
}

void write_flows(Writer& out, const flow::Settings& flows, const forwarding::Settings& policy) {
  out.open("flows");
  out.number("capacity", flows.capacity);
  out.duration("tcp_idle", flows.tcp_idle);
  out.boolean("fast_reset", policy.fast_reset);
  out.boolean("udp_track", policy.udp_track);
  out.duration("udp_idle", flows.udp_idle);
  out.duration("ipsec_idle", flows.ipsec_idle);
  out.duration("gre_idle", flows.gre_idle);
  out.close();
}

void write_rule(Writer& out, const forwarding::PortRule& rule) {
  out.begin_item();
  out.quoted("name", rule.name);
  out.quoted("vip", rule.virtual_ip ? rule.virtual_ip->to_string() : "all");
  out.choice("port_rules[].protocol", rule.protocol);
  out.quoted("ports", format_ports(rule.ports));
  out.choice("port_rules[].mode", rule.mode);
  if (rule.mode == forwarding::RuleMode::multiple) {
    out.choice("port_rules[].affinity", rule.hash.affinity);
    if (rule.hash.affinity == bucket::Affinity::network) {
      out.number("prefix4", rule.hash.prefix4);
      out.number("prefix6", rule.hash.prefix6);
    }
    if (rule.protocol != forwarding::RuleProtocol::tcp) out.choice("port_rules[].quic", rule.quic);
    out.number("weight", rule.weight);
  }
  if (rule.mode == forwarding::RuleMode::single && rule.priority != 0)
    out.number("priority", rule.priority);
}

void write_rules(Writer& out, const Config& config) {
  if (config.forwarding.rules.empty()) return out.plain("port_rules", "[]");
  out.open("port_rules");
  for (const forwarding::PortRule& rule : config.forwarding.rules)
    write_rule(out, rule);
  out.close();
}

void write_what_to_ask(Writer& out, const health::Settings& check) {
  using health::Kind;
  switch (check.kind) {
    case Kind::http:
      out.quoted("http", check.target.written);
      break;
    case Kind::https:
      out.quoted("https", check.target.written);
      out.quoted("verify", check.verify);
      break;
    case Kind::tcp:
      out.quoted("tcp", check.target.written);
      break;
    case Kind::exec:
      out.list("exec", check.program);
      break;
  }
  if (check.kind == Kind::http || check.kind == Kind::https) {
    out.quoted("status", format_status(check.status));
    if (!check.text.empty()) out.quoted("text", check.text);
    if (!check.host.empty()) out.quoted("host", check.host);
  }
  out.boolean("agent", check.agent);
}

void write_check(Writer& out, const health::Settings& check) {
  using health::OnFail;
  out.begin_item();
  out.quoted("name", check.name);
  if (check.on_fail != OnFail::drain_host)
    out.quoted("rule",
               check.rules.empty() ? "all" : fmt::format("{}", fmt::join(check.rules, ",")));
  write_what_to_ask(out, check);
  out.duration("interval", check.interval);
  out.duration("timeout", check.timeout);
  out.number("fall", check.fall);
  out.number("rise", check.rise);
  out.duration("start_grace", check.start_grace);
  out.choice("health[].on_fail", check.on_fail);
  if (check.on_fail == OnFail::weight) out.number("fail_percent", check.fail_percent);
  if (check.on_fail != OnFail::report) out.duration("slow_start", check.slow_start);
}

void write_health(Writer& out, const Config& config) {
  if (config.health.empty()) return out.plain("health", "[]");
  out.open("health");
  for (const health::Settings& check : config.health)
    write_check(out, check);
  out.close();
}

void write_control(Writer& out, const control::Settings& control) {
  out.open("api");
  out.quoted("socket", control.socket);
  out.quoted("http", format_http(control.http));
  out.close();
  out.quoted("state_dir", control.state_dir);
  out.open("log");
  out.choice("log.level", control.log_level);
  out.choice("log.format", control.log_format);
  out.close();
}

}  // namespace

std::string dump(const Config& config) {
  Writer out;
  out.number("version", 1);
  write_cluster(out, config);
  write_host(out, config);
  write_ports(out, config);
  write_flows(out, config.flows, config.forwarding);
  out.choice("icmp", config.forwarding.icmp);
  out.choice("multicast", config.forwarding.multicast);
  write_rules(out, config);
  write_health(out, config);
  write_control(out, config.control);
  return out.take();
}

}  // namespace covey::config
