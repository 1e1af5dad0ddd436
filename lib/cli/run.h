// SPDX-License-Identifier: BSD-3-Clause
// run(): a command line -> an exit status, with what to print on the way.
//
// Owner: cli. Thread: one. The only place that knows the option parser; whatever it throws ends
// here. What is wrong is said once, on `err`; answers go to `out`.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/offline.h"

namespace covey::cli {

struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  bool colours = false;  // out is a terminal and nobody asked for no colour
  std::string version;
  const Offline& offline;
};

/// `arguments` without the program's name.
[[nodiscard]] int run(const std::vector<std::string>& arguments, const Surroundings& around);

}  // namespace covey::cli
