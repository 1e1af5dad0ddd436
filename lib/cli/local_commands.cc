// SPDX-License-Identifier: BSD-3-Clause
#include "cli/local_commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/endpoint.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

/// The address that names the cluster: the first IPv4 virtual IP, else the first.
base::Result<base::IpAddress> primary_of_daemon(const Context& context) {
  const auto config = context.client.ask<api::ConfigReply>("/v1/config");
  if (!config) return std::unexpected(config.error());
  const auto addresses = virtual_ips_in(config->value.yaml);
  if (addresses.empty())
    return fail(ErrorCode::corrupt, "the daemon's configuration names no virtual IP");
  const auto ipv4 = std::ranges::find(addresses, base::Family::ipv4, &base::IpAddress::family);
  return ipv4 == addresses.end() ? addresses.front() : *ipv4;
}

base::Result<std::string> random_key() {
  std::array<std::uint8_t, 32> bytes{};
  // So few bytes come whole, and wait only while the kernel has no entropy at all.
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return base::fail_errno("getrandom", errno);
  }
  std::string text;
  for (const std::uint8_t byte : bytes)
    text += fmt::format("{:02x}", byte);
  return text;
}

base::Result<void> write_key(const std::string& path, const std::string& key) {
  constexpr mode_t owner_only = 0600;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only);
  if (file < 0) return base::fail_errno("create " + path, errno);
  const std::string line = key + "\n";
  const bool is_written =
      write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  const bool is_closed = close(file) == 0;
  if (is_written && is_closed) return {};
  unlink(path.c_str());
  return base::fail_errno("write " + path, is_written ? errno : error);
}

}  // namespace

base::Result<Exit> ip2mac(const Context& context) {
  const std::string given = context.argument("IP");
  const auto primary = given.empty() ? primary_of_daemon(context) : base::IpAddress::parse(given);
  if (!primary) return std::unexpected(primary.error());
  const ClusterMacs macs = cluster_macs(*primary);
  const std::string ip = primary->to_string();
  const std::string unicast = macs.unicast.to_string();
  const std::string multicast = macs.multicast.to_string();
  const std::string igmp = macs.igmp.to_string();
  const std::string group = macs.group.to_string();
  if (context.json) {
    context.out << fmt::format(
                       R"({{"ip":"{}","unicast":"{}","multicast":"{}","igmp":"{}","group":"{}"}})",
                       ip, unicast, multicast, igmp, group)
                << '\n';
  } else {
    context.out << facts({{"cluster", ip},
                          {"unicast", unicast},
                          {"multicast", multicast},
                          {"igmp", igmp},
                          {"igmp group", group}});
  }
  return Exit::ok;
}

base::Result<Exit> keygen(const Context& context) {
  const auto key = random_key();
  if (!key) return std::unexpected(key.error());
  const std::string path = context.argument("FILE");
  if (!path.empty()) {
    if (const auto written = write_key(path, *key); !written)
      return std::unexpected(written.error());
  }
  if (context.json) {
    context.out << (path.empty() ? fmt::format(R"({{"key":"{}"}})", *key)
                                 : fmt::format(R"({{"file":{}}})", api::encode(path)))
                << '\n';
  } else if (path.empty()) {
    context.out << *key << '\n';
  }
  return Exit::ok;
}

base::Result<Exit> version(const Context& context) {
  context.out << (context.json ? fmt::format(R"({{"version":"{}"}})", context.version)
                               : fmt::format("covey {}", context.version))
              << '\n';
  return Exit::ok;
}

}  // namespace covey::cli
