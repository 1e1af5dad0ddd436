// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <CLI/CLI.hpp>
#include <cstring>

namespace covey::app {
namespace {

constexpr int kExitUsage = 2;

}  // namespace

std::variant<DaemonOptions, int> parse_command_line(int argc, char** argv) {
  DaemonOptions options;
  int ours = argc;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") == 0) {
      ours = i;
      options.eal_arguments.assign(argv + i + 1, argv + argc);
      break;
    }
  }

  CLI::App app("coveyd: one host of a covey, leaderless L4 load balancing");
  app.footer("What follows -- is handed to DPDK's EAL as it is, for debugging.");
  app.set_version_flag("--version", "coveyd " COVEY_VERSION);
  app.add_option("-f,--file", options.file, "configuration file")->capture_default_str();
  app.add_flag("--check", options.check_only, "check the configuration and exit (0 good, 3 not)");
  app.add_flag("--test-memory", options.test_memory, "use no huge pages even if there are some");
  app.add_flag("--alone", options.alone,
               "no parent process that tells the peers of a crash, and core dumps; for debuggers");
  app.add_option("--socket", options.socket, "control socket, instead of api.socket");
  app.add_option("--log-format", options.log_format, "text or json, instead of log.format")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("-v,--verbose", options.verbose, "log at level debug");
  try {
    app.parse(ours, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return options;
}

}  // namespace covey::app
