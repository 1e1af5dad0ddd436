// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <CLI/CLI.hpp>
#include <cstring>
#include <utility>

namespace covey::app {
namespace {

void declare(CLI::App& app, DaemonOptions& options) {
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
}

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
  declare(app, options);
  try {
    app.parse(ours, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return options;
}

std::vector<OptionText> option_texts() {
  DaemonOptions options;
  CLI::App app;
  declare(app, options);
  std::vector<OptionText> texts;
  for (const CLI::Option* option : std::as_const(app).get_options()) {
    std::string names;
    for (const std::string& letter : option->get_snames())
      names.append(names.empty() ? "-" : ", -").append(letter);
    for (const std::string& name : option->get_lnames())
      names.append(names.empty() ? "--" : ", --").append(name);
    texts.push_back({std::move(names), option->get_items_expected_max() > 0,
                     option->get_default_str(), option->get_description()});
  }
  return texts;
}

}  // namespace covey::app
