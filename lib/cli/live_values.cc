// SPDX-License-Identifier: BSD-3-Clause
#include "cli/live_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/endpoint.h"

namespace covey::cli {
namespace {

using Names = std::vector<std::string>;

/// For each request. Who presses a key waits no longer; service asks twice, the others once.
constexpr base::Duration kPatience = std::chrono::milliseconds(300);
/// Nobody reads a longer list; 1024 rules with 64 ports each on 256 addresses would be one.
constexpr std::size_t kMostNames = 1024;

/// A word in every shell, quoted or not: no pattern, no expansion, no option.
bool is_plain(std::string_view name) {
  constexpr std::string_view plain =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:-";
  return !name.empty() && name.front() != '-' &&
         name.find_first_not_of(plain) == std::string_view::npos;
}

Names hosts(const Client& client) {
  Names names;
  const auto status = client.ask<api::Status>("/v1/status");
  if (!status) return names;
  for (const api::Member& member : status->value.members) {
    names.push_back(is_plain(member.name) ? member.name : fmt::format("{}", member.id));
  }
  return names;
}

std::vector<api::RuleStatus> port_rules(const Client& client) {
  auto rules = client.ask<std::vector<api::RuleStatus>>("/v1/rules");
  if (!rules) return {};
  std::erase_if(rules->value, [](const api::RuleStatus& rule) { return rule.mode == "default"; });
  return std::move(rules->value);
}

Names rules(const Client& client) {
  Names names;
  for (const api::RuleStatus& rule : port_rules(client))
    names.push_back(rule.rule);
  return names;
}

Names virtual_ips(const Client& client) {
  Names names;
  const auto config = client.ask<api::ConfigReply>("/v1/config");
  if (!config) return names;
  for (const base::IpAddress& address : virtual_ips_in(config->value.yaml))
    names.push_back(address.to_string());
  return names;
}

/// The single ports of "80,443,8000-8100", and the first of each range.
Names first_ports(std::string_view ports) {
  Names first;
  while (!ports.empty()) {
    const std::string_view part = ports.substr(0, ports.find(','));
    ports.remove_prefix(std::min(part.size() + 1, ports.size()));
    const std::string_view port = part.substr(0, part.find('-'));
    if (parse_port_target(port)) first.emplace_back(port);
  }
  return first;
}

/// Of IPv4 only: the brackets around an IPv6 address are a pattern in a shell.
Names services(const Client& client) {
  Names names;
  const std::vector<api::RuleStatus> rules = port_rules(client);
  if (rules.empty()) return names;  // a daemon that does not answer is not asked twice
  Names addresses = virtual_ips(client);
  std::erase_if(addresses, [](const std::string& ip) { return ip.find(':') != std::string::npos; });
  for (const api::RuleStatus& rule : rules) {
    for (const std::string& ip : addresses) {
      if (rule.vip != "all" && rule.vip != ip) continue;
      for (const std::string& port : first_ports(rule.ports))
        names.push_back(fmt::format("{}:{}", ip, port));
      if (names.size() >= kMostNames) return names;
    }
  }
  return names;
}

Names verdicts(const Client& client) {
  Names names;
  const auto stats = client.ask<api::Stats>("/v1/stats");
  if (!stats) return names;
  for (const auto& [verdict, count] : stats->value.verdicts)
    names.push_back(verdict);
  return names;
}

struct Source {
  std::string_view kind;
  Values values;
  Names (*names)(const Client& client);
};
constexpr auto kSources = std::to_array<Source>({{"host", Values::host, hosts},
                                                 {"rule", Values::rule, rules},
                                                 {"virtual_ip", Values::virtual_ip, virtual_ips},
                                                 {"service", Values::service, services},
                                                 {"verdict", Values::verdict, verdicts}});

}  // namespace

Names live_names(Values values, const Client& client) {
  const auto* const source = std::ranges::find(kSources, values, &Source::values);
  return source == kSources.end() ? Names() : source->names(client.with_timeout(kPatience));
}

base::Result<Exit> complete(const Context& context) {
  const auto* const source = std::ranges::find(kSources, context.argument("KIND"), &Source::kind);
  if (source == kSources.end()) return Exit::ok;
  Names names = live_names(source->values, context.client);
  std::erase_if(names, [](const std::string& name) { return !is_plain(name); });
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  names.resize(std::min(names.size(), kMostNames));
  for (const std::string& name : names)
    context.out << name << '\n';
  return Exit::ok;
}

}  // namespace covey::cli
