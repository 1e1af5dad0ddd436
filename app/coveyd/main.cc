// SPDX-License-Identifier: BSD-3-Clause
// coveyd: reads the command line and the configuration, then hands over to the appliance.
#include <fmt/format.h>

#include <cstdio>
#include <variant>

#include "appliance.h"
#include "config/config.h"
#include "options.h"
#include "parent.h"

namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitBadConfiguration = 3;

void apply(const covey::app::DaemonOptions& options, covey::control::Settings& settings) {
  if (options.socket) settings.socket = *options.socket;
  if (options.log_format) {
    settings.log_format = *options.log_format == "json" ? covey::control::LogFormat::json
                                                        : covey::control::LogFormat::text;
  }
  if (options.verbose) settings.log_level = covey::control::LogLevel::debug;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = covey::app::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<covey::app::DaemonOptions>(parsed);

  auto loaded = covey::config::load_file(options.file);
  if (const auto* mistakes = std::get_if<std::vector<covey::config::Mistake>>(&loaded)) {
    for (const covey::config::Mistake& mistake : *mistakes)
      fmt::print(stderr, "{}\n", mistake.to_string());
    return kExitBadConfiguration;
  }
  auto& config = std::get<covey::config::Config>(loaded);
  if (options.check_only) {
    fmt::print("{}: good\n", options.file);
    return kExitOk;
  }

  apply(options, config.control);
  const auto appliance = [&](covey::process::LastWords* last_words) {
    const auto ended = covey::app::run_appliance(config, options, last_words);
    if (ended) return kExitOk;
    fmt::print(stderr, "coveyd: {}\n", ended.error().context);
    return kExitFailed;
  };
  return options.alone ? appliance(nullptr) : covey::app::run_watched(config, appliance);
}
