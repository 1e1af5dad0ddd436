// SPDX-License-Identifier: BSD-3-Clause
// coveyd: reads the command line and the configuration, then hands over to the appliance.
#include <fmt/format.h>

#include <cstdio>
#include <variant>

#include "appliance.h"
#include "config/config.h"
#include "options.h"
#include "parent.h"
#include "setup.h"

using covey::app::kExitBadConfiguration;
using covey::app::kExitFailed;
using covey::app::kExitOk;

int main(int argc, char** argv) {
  const auto parsed = covey::app::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<covey::app::DaemonOptions>(parsed);

  auto loaded = covey::app::load(options);
  if (const auto* mistakes = std::get_if<std::vector<covey::config::Mistake>>(&loaded)) {
    for (const covey::config::Mistake& mistake : *mistakes)
      fmt::print(stderr, "{}\n", mistake.to_string());
    return kExitBadConfiguration;
  }
  const auto& config = std::get<covey::config::Config>(loaded);
  if (options.check_only) {
    fmt::print("{}: good\n", options.file);
    return kExitOk;
  }

  const auto appliance = [&](const covey::app::Legacy& legacy) {
    const auto ended = covey::app::run_appliance(config, options, legacy);
    if (ended) return kExitOk;
    fmt::print(stderr, "coveyd: {}\n", ended.error().context);
    return kExitFailed;
  };
  if (options.alone) return covey::app::run_alone(appliance);
  return covey::app::run_watched(config, appliance);
}
