// SPDX-License-Identifier: BSD-3-Clause
// covey-sim: what a cluster does when things go wrong. Everything is in lib/sim; this is its
// terminal, and its one look at a clock: how fast it was.
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>

#include "options.h"

namespace {

using covey::app::RandomRun;

int run(const RandomRun& asked) {
  const std::clock_t began = std::clock();
  const covey::sim::CampaignResult result = covey::sim::run_campaign(asked.setup);
  const double cpu_hours =
      static_cast<double>(std::clock() - began) / static_cast<double>(CLOCKS_PER_SEC) / 3600;
  std::cout << covey::sim::to_json(asked.setup, result) << "\n";
  if (result.failure) {
    std::ostream& out = asked.json ? std::cerr : std::cout;
    out << covey::sim::to_text(asked.setup, *result.failure);
    return EXIT_FAILURE;
  }
  if (!asked.json && cpu_hours > 0) {
    const double hours = std::chrono::duration<double, std::ratio<3600>>(result.simulated).count();
    std::cout << std::fixed << std::setprecision(0) << hours / cpu_hours
              << " cluster-hours per CPU-hour, " << result.steps << " steps, " << result.messages
              << " heartbeats\n";
  }
  return EXIT_SUCCESS;
}

int tell(const covey::sim::Story& story) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wants_colours = no_color == nullptr || *no_color == '\0';
  std::cout << covey::sim::tell(story, wants_colours && isatty(STDOUT_FILENO) == 1);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const auto asked = covey::app::parse_command_line(argc, argv);
  if (const int* exit_code = std::get_if<int>(&asked)) return *exit_code;
  if (const auto* story = std::get_if<covey::sim::Story>(&asked)) return tell(*story);
  return run(std::get<RandomRun>(asked));
}
