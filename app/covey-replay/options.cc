// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "config/values.h"

namespace covey::app {
namespace {

constexpr int kExitUsage = 2;

}  // namespace

std::variant<ReplayOptions, int> parse_command_line(int argc, char** argv) {
  ReplayOptions options;
  unsigned own = 0;
  std::string hosts;
  CLI::App app("covey-replay: what a host of a cluster would have done with captured frames");
  app.footer(
      "A line per frame: number, in or out, verdict, rule, bucket, owner, reason; then how often\n"
      "each verdict was given. Frames with the host's own source address count as sent by it.");
  app.set_version_flag("--version", "covey-replay " COVEY_VERSION);
  app.add_option("FILE", options.capture, "capture of Ethernet frames, pcap or pcapng")->required();
  app.add_option("-f,--file", options.config, "configuration of a host of the cluster")
      ->capture_default_str();
  CLI::Option* own_option =
      app.add_option("--own", own, "the host that judges; else host.id of the configuration")
          ->check(CLI::Range(1U, base::kMaxHosts));
  app.add_option("--hosts", hosts,
                 "hosts of the cluster, such as 1-3; else cluster.hosts, else that host alone");
  app.add_flag("--no-key", options.without_key,
               "without the cluster key: buckets and owners are then not those of the cluster");
  app.add_flag("--json", options.json, "a JSON object per line, the last one {\"totals\": ...}");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (*own_option) options.own = base::HostId{static_cast<std::uint8_t>(own)};
  if (hosts.empty()) return options;
  const auto parsed = config::parse_hosts(hosts);
  if (!parsed) {
    std::cerr << "--hosts: " << parsed.error().context << "\n";
    return kExitUsage;
  }
  options.hosts = *parsed;
  return options;
}

}  // namespace covey::app
