// SPDX-License-Identifier: BSD-3-Clause
// What covey-sim was asked to do: hours of random faults, or one story.
//
// Owner: app/covey-sim. Thread: main. Reads the command line, nothing else.
#pragma once

#include <variant>

#include "sim/campaign.h"
#include "sim/story.h"

namespace covey::app {

struct RandomRun {
  sim::CampaignSetup setup;
  bool json = false;
};

/// The run, or the exit code (after --help, or a mistake that was explained).
[[nodiscard]] std::variant<RandomRun, sim::Story, int> parse_command_line(int argc, char** argv);

}  // namespace covey::app
